// Why not net_af_packet. DPDK's driver always joins a fanout group with PACKET_FANOUT_FLAG_DEFRAG:
// the kernel puts IPv4 fragments together before the driver sees them, and the result, larger than
// a ring slot, is cut and lost (measured: every ping of 4,000 bytes). It also sleeps in poll when
// its transmit ring is full, frees frames that do not fit and reports them sent, hides frames that
// were cut, and forwards what the gateway host itself sends out of the interface. A gateway can
// accept none of these, and the sockets are small.
//
// The way taken: TPACKET_V2 rings (packet(7), Documentation/networking/packet_mmap.rst), one slot
// per frame with a status word that passes ownership between kernel and process. Receiving is a
// load and a copy per frame and no system call. Sending fills slots and kicks the kernel once per
// burst with MSG_DONTWAIT; what the kernel could not take yet stays in its slots and is kicked
// again at the next turn. TPACKET_V3 was rejected: its blocks are handed over by a timer of
// milliseconds.
//
// With several workers the queues of an interface share a fanout group by flow hash, without the
// defragmentation flag; which queue a frame arrives on is only a hint, the owner is found by our
// own keyed hash.
#include "dataplane/io/packet_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <rte_mbuf.h>

namespace sluice {
namespace {

constexpr std::uint32_t kBlockBytes = 65536;
// On the way out the frame stands right behind the slot's header.
constexpr std::uint32_t kTxFrameOffset = TPACKET2_HDRLEN - sizeof(sockaddr_ll);
constexpr std::uint16_t kVlanTagBytes = 4;
constexpr std::uint32_t kMacBytes = 12;
// Frames in flight below a slow interface; the kernel clips it to its own limit unless forced.
constexpr int kSendBufferBytes = 8 << 20;

tpacket2_hdr* slot_at(std::uint8_t* memory, std::uint32_t slot, std::uint32_t slot_bytes) {
  return reinterpret_cast<tpacket2_hdr*>(memory + std::size_t{slot} * slot_bytes);
}

std::uint32_t load_status(tpacket2_hdr* slot) noexcept {
  return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}
void store_status(tpacket2_hdr* slot, std::uint32_t status) noexcept {
  __atomic_store_n(&slot->tp_status, status, __ATOMIC_RELEASE);
}

bool is_outgoing(const tpacket2_hdr* slot) noexcept {
  const auto* bytes =
      reinterpret_cast<const std::uint8_t*>(slot) + TPACKET_ALIGN(sizeof(tpacket2_hdr));
  sockaddr_ll address;
  std::memcpy(&address, bytes, sizeof address);
  return address.sll_pkttype == PACKET_OUTGOING;
}

/// The frame as it stood on the wire: a tag that the kernel took out is put back.
bool copy_frame(const tpacket2_hdr* slot, std::uint32_t status, rte_mbuf* mbuf) noexcept {
  const bool has_tag = (status & TP_STATUS_VLAN_VALID) != 0;
  const std::uint32_t bytes = slot->tp_snaplen + (has_tag ? kVlanTagBytes : 0U);
  if (bytes > rte_pktmbuf_tailroom(mbuf) || slot->tp_snaplen < kMacBytes) return false;
  const auto* from = reinterpret_cast<const std::uint8_t*>(slot) + slot->tp_mac;
  auto* to = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  std::uint32_t done = 0;
  if (has_tag) {
    const std::uint16_t type =
        (status & TP_STATUS_VLAN_TPID_VALID) != 0 ? slot->tp_vlan_tpid : std::uint16_t{ETH_P_8021Q};
    const std::array<std::uint16_t, 2> tag = {htons(type), htons(slot->tp_vlan_tci)};
    std::memcpy(to, from, kMacBytes);
    std::memcpy(to + kMacBytes, tag.data(), kVlanTagBytes);
    done = kMacBytes;
    to += kMacBytes + kVlanTagBytes;
  }
  std::memcpy(to, from + done, slot->tp_snaplen - done);
  mbuf->data_len = static_cast<std::uint16_t>(bytes);
  mbuf->pkt_len = bytes;
  return true;
}

void copy_out(const rte_mbuf* mbuf, std::uint8_t* to) noexcept {
  for (const rte_mbuf* segment = mbuf; segment != nullptr; segment = segment->next) {
    std::memcpy(to, rte_pktmbuf_mtod(segment, const std::uint8_t*), segment->data_len);
    to += segment->data_len;
  }
}

template <class T>
bool set_packet_option(int socket, int option, const T& value) {
  return setsockopt(socket, SOL_PACKET, option, &value, sizeof value) == 0;
}

tl::unexpected<Error> socket_error(std::string_view what) {
  if (errno == EPERM || errno == EACCES) {
    return fail(ErrorKind::unavailable, fmt::format("packet socket: {} is not permitted", what),
                "run as root or with the capabilities CAP_NET_RAW and CAP_NET_ADMIN");
  }
  const ErrorKind kind = errno == ENOMEM || errno == ENOBUFS ? ErrorKind::limit : ErrorKind::io;
  return fail(kind, fmt::format("packet socket: {}: {}", what, std::strerror(errno)));
}

Result<OwnedFd> open_socket() {
  OwnedFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return socket_error("opening it");
  if (!set_packet_option(socket.fd(), PACKET_VERSION, int{TPACKET_V2})) {
    return socket_error("choosing the ring format");
  }
  return socket;
}

Status bind_socket(int socket, int interface_index, std::uint16_t protocol) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = interface_index;
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return socket_error("binding it to the interface");
  }
  return {};
}

/// Lets the kernel choose a free number for a group; returns it.
Result<int> make_group(int socket) {
  constexpr int kUnique = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
  int group = 0;
  socklen_t size = sizeof group;
  if (!set_packet_option(socket, PACKET_FANOUT, kUnique) ||
      getsockopt(socket, SOL_PACKET, PACKET_FANOUT, &group, &size) != 0) {
    return socket_error("making a spread group");
  }
  return group & 0xffff;
}

}  // namespace

Result<std::unique_ptr<PacketQueue>> PacketQueue::open(const PacketQueueOptions& options) {
  std::unique_ptr<PacketQueue> queue(new PacketQueue);
  queue->slot_bytes_ = options.slot_bytes;
  queue->interface_mtu_ = options.interface_mtu;
  queue->port_ = options.port;
  queue->pool_ = options.pool;
  if (auto opened = queue->open_receiver(options); !opened)
    return tl::unexpected<Error>(opened.error());
  if (auto opened = queue->open_sender(options); !opened)
    return tl::unexpected<Error>(opened.error());
  return queue;
}

Status PacketQueue::map_ring(int socket, int option, std::uint32_t slots, Ring& ring) {
  const std::uint32_t per_block = kBlockBytes / slot_bytes_;
  tpacket_req request{};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = (slots + per_block - 1) / per_block;
  request.tp_frame_size = slot_bytes_;
  request.tp_frame_nr = request.tp_block_nr * per_block;
  if (!set_packet_option(socket, option, request)) return socket_error("ring memory");
  ring.bytes = std::size_t{request.tp_block_nr} * kBlockBytes;
  void* memory =
      mmap(nullptr, ring.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, 0);
  if (memory == MAP_FAILED) return socket_error("mapping ring memory");
  ring.memory = static_cast<std::uint8_t*>(memory);
  ring.slots = request.tp_frame_nr;
  return {};
}

// Bound to the interface only after the ring stands and everything is set: no frame is seen early.
Status PacketQueue::open_receiver(const PacketQueueOptions& options) {
  auto socket = open_socket();
  if (!socket) return tl::unexpected<Error>(socket.error());
  receiver_ = std::move(*socket);
  if (auto mapped = map_ring(receiver_.fd(), PACKET_RX_RING, options.rx_slots, rx_); !mapped) {
    return mapped;
  }
  // Old kernels lack the option; `receive` looks at the packet type as well.
  set_packet_option(receiver_.fd(), PACKET_IGNORE_OUTGOING, int{1});
  if (auto bound = bind_socket(receiver_.fd(), options.interface_index, ETH_P_ALL); !bound) {
    return bound;
  }
  if (options.makes_group) {
    auto group = make_group(receiver_.fd());
    if (!group) return tl::unexpected<Error>(group.error());
    group_ = *group;
  } else if (options.group != 0) {
    if (!set_packet_option(receiver_.fd(), PACKET_FANOUT,
                           options.group | (PACKET_FANOUT_HASH << 16))) {
      return socket_error("joining a spread group");
    }
    group_ = options.group;
  }
  discard_early_frames();
  return {};
}

// Between binding and joining the group a queue sees the frames of the others too.
void PacketQueue::discard_early_frames() noexcept {
  for (std::uint32_t i = 0; i < rx_.slots; ++i) {
    tpacket2_hdr* slot = slot_at(rx_.memory, rx_.next, slot_bytes_);
    if ((load_status(slot) & TP_STATUS_USER) == 0) return;
    store_status(slot, TP_STATUS_KERNEL);
    rx_.next = rx_.next + 1 == rx_.slots ? 0 : rx_.next + 1;
  }
}

Status PacketQueue::open_sender(const PacketQueueOptions& options) {
  auto socket = open_socket();
  if (!socket) return tl::unexpected<Error>(socket.error());
  sender_ = std::move(*socket);
  set_packet_option(sender_.fd(), PACKET_QDISC_BYPASS, int{1});
  // Without it one frame the kernel refuses would stop the ring for good.
  if (!set_packet_option(sender_.fd(), PACKET_LOSS, int{1}))
    return socket_error("skipping bad frames");
  if (setsockopt(sender_.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferBytes,
                 sizeof kSendBufferBytes) != 0) {
    setsockopt(sender_.fd(), SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  }
  if (auto mapped = map_ring(sender_.fd(), PACKET_TX_RING, options.tx_slots, tx_); !mapped)
    return mapped;
  return bind_socket(sender_.fd(), options.interface_index, 0);
}

PacketQueue::~PacketQueue() {
  for (const Ring& ring : {rx_, tx_}) {
    if (ring.memory != nullptr) munmap(ring.memory, ring.bytes);
  }
}

std::uint32_t PacketQueue::frame_bytes_max() const noexcept {
  return std::min(slot_bytes_ - kTxFrameOffset, interface_mtu_ + ETH_HLEN + kVlanTagBytes);
}

std::uint16_t PacketQueue::receive(rte_mbuf** mbufs, std::uint16_t most) noexcept {
  kick();
  std::uint16_t count = 0;
  rte_mbuf* spare = nullptr;
  while (count < most) {
    tpacket2_hdr* slot = slot_at(rx_.memory, rx_.next, slot_bytes_);
    const std::uint32_t status = load_status(slot);
    if ((status & TP_STATUS_USER) == 0) break;
    if (spare == nullptr) spare = rte_pktmbuf_alloc(pool_);
    if (spare == nullptr) break;  // the ring is the queue; the kernel counts what it has to drop
    if (!is_outgoing(slot)) {
      if (slot->tp_snaplen == slot->tp_len && copy_frame(slot, status, spare)) {
        spare->port = port_;
        mbufs[count++] = std::exchange(spare, nullptr);
      } else {
        losses_.cut_frames.fetch_add(1, std::memory_order_relaxed);
      }
    }
    store_status(slot, TP_STATUS_KERNEL);
    rx_.next = rx_.next + 1 == rx_.slots ? 0 : rx_.next + 1;
  }
  rte_pktmbuf_free(spare);
  return count;
}

std::uint16_t PacketQueue::transmit(rte_mbuf** mbufs, std::uint16_t count) noexcept {
  std::uint16_t sent = 0;
  for (; sent < count; ++sent) {
    tpacket2_hdr* slot = slot_at(tx_.memory, tx_.next, slot_bytes_);
    if (load_status(slot) != TP_STATUS_AVAILABLE) break;
    const rte_mbuf* mbuf = mbufs[sent];
    if (!kernel_takes(mbuf)) {
      losses_.refused_by_kernel.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    copy_out(mbuf, reinterpret_cast<std::uint8_t*>(slot) + kTxFrameOffset);
    slot->tp_len = mbuf->pkt_len;
    slot->tp_snaplen = mbuf->pkt_len;
    store_status(slot, TP_STATUS_SEND_REQUEST);
    tx_last_ = slot;
    tx_.next = tx_.next + 1 == tx_.slots ? 0 : tx_.next + 1;
  }
  rte_pktmbuf_free_bulk(mbufs, sent);
  kick();
  return sent;
}

// packet(7) in the kernel: a frame above the MTU, where only one 802.1Q tag comes on top, is
// dropped without a word.
bool PacketQueue::kernel_takes(const rte_mbuf* mbuf) const noexcept {
  const std::uint32_t plain_max = interface_mtu_ + ETH_HLEN;
  if (mbuf->pkt_len <= plain_max) return true;
  std::uint16_t type;
  std::memcpy(&type, rte_pktmbuf_mtod(mbuf, const std::uint8_t*) + kMacBytes, sizeof type);
  return mbuf->pkt_len <= plain_max + kVlanTagBytes && type == htons(ETH_P_8021Q) &&
         mbuf->pkt_len <= slot_bytes_ - kTxFrameOffset;
}

// The kernel takes the waiting slots in order or, where it is out of memory, the queue below is
// full or the interface is down, leaves the rest for the next kick: the last slot tells.
void PacketQueue::kick() noexcept {
  if (tx_last_ == nullptr) return;
  sendto(sender_.fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
  if (load_status(tx_last_) != TP_STATUS_SEND_REQUEST) tx_last_ = nullptr;
}

std::uint64_t PacketQueue::take_kernel_drops() noexcept {
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  if (getsockopt(receiver_.fd(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) return 0;
  return stats.tp_drops;
}

}  // namespace sluice
