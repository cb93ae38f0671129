#include "dataplane/io/kernel_interface.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

namespace sluice {
namespace {

/// Any socket serves for interface requests; it lives in the network namespace of its thread.
OwnedFd request_socket() { return OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

bool interface_ioctl(unsigned long code, ifreq& request) {
  const OwnedFd socket = request_socket();
  return ioctl(socket.fd(), code, &request) == 0;
}

template <class Command>
bool ethtool(const std::string& name, Command& command) {
  ifreq request = request_for(name);
  request.ifr_data = reinterpret_cast<char*>(&command);
  return interface_ioctl(SIOCETHTOOL, request);
}

std::optional<std::uint32_t> ethtool_value(const std::string& name, std::uint32_t code) {
  struct ethtool_value value {};
  value.cmd = code;
  if (!ethtool(name, value)) return std::nullopt;
  return value.data;
}

bool set_ethtool_value(const std::string& name, std::uint32_t code, std::uint32_t data) {
  struct ethtool_value value {};
  value.cmd = code;
  value.data = data;
  return ethtool(name, value);
}

std::uint32_t count_channels(const std::string& name) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (!ethtool(name, channels)) return 1;
  return std::max(channels.combined_count, channels.rx_count);
}

bool has_v4_default_route(const std::string& name) {
  std::ifstream routes("/proc/net/route");
  std::string line;
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string interface, destination, gateway, flags, count, use, metric, mask;
    fields >> interface >> destination >> gateway >> flags >> count >> use >> metric >> mask;
    if (interface == name && destination == "00000000" && mask == "00000000") return true;
  }
  return false;
}

bool has_v6_default_route(const std::string& name) {
  std::ifstream routes("/proc/net/ipv6_route");
  std::string line;
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string destination, length, source, source_length, gateway, metric, count, use, flags, dev;
    fields >> destination >> length >> source >> source_length >> gateway >> metric >> count >>
        use >> flags >> dev;
    const bool has_gateway = gateway.find_first_not_of('0') != std::string::npos;
    if (dev == name && length == "00" && has_gateway) return true;
  }
  return false;
}

bool has_flag(const std::string& name, int flag) {
  ifreq request = request_for(name);
  return interface_ioctl(SIOCGIFFLAGS, request) && (request.ifr_flags & flag) != 0;
}

std::uint32_t read_mtu(const std::string& name) {
  ifreq request = request_for(name);
  return interface_ioctl(SIOCGIFMTU, request) ? static_cast<std::uint32_t>(request.ifr_mtu) : 0;
}

bool write_mtu(const std::string& name, std::uint32_t mtu) {
  ifreq request = request_for(name);
  request.ifr_mtu = static_cast<int>(mtu);
  return interface_ioctl(SIOCSIFMTU, request);
}

tl::unexpected<Error> io_error(const std::string& name, std::string_view what) {
  return fail(ErrorKind::io, fmt::format("interface {}: {}: {}", name, what, std::strerror(errno)));
}

}  // namespace

Result<InterfaceFacts> inspect_interface(const std::string& name) {
  InterfaceFacts facts;
  facts.index = static_cast<int>(if_nametoindex(name.c_str()));
  if (facts.index == 0) {
    return fail(ErrorKind::not_found, fmt::format("interface {}: does not exist here", name),
                "ip link show lists the interfaces of this network namespace");
  }
  facts.mtu = read_mtu(name);
  facts.channels = count_channels(name);
  facts.is_up = has_flag(name, IFF_UP);
  facts.carries_default_route = has_v4_default_route(name) || has_v6_default_route(name);
  bpf_xdp_query_id(facts.index, 0, &facts.xdp_program);
  return facts;
}

std::string bpf_program_name(std::uint32_t id) {
  const OwnedFd program(bpf_prog_get_fd_by_id(id));
  if (!program.is_open()) return {};
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program.fd(), &info, &size) != 0) return {};
  return info.name;
}

// An abstract socket name exists once per network namespace, as the interface's index does, and
// vanishes with its process.
Status KernelInterface::take_lock() {
  lock_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("sluice-port-{}", index_);
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(lock_.fd(), reinterpret_cast<sockaddr*>(&address), size) == 0) return {};
  return fail(ErrorKind::unavailable,
              fmt::format("interface {}: another sluiced forwards over it", name_),
              "stop the other one first: systemctl stop sluice");
}

Status KernelInterface::join_promiscuous() {
  membership_.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!membership_.is_open()) return io_error(name_, "no packet socket");
  for (const int type : {PACKET_MR_PROMISC, PACKET_MR_ALLMULTI}) {
    packet_mreq request{};
    request.mr_ifindex = index_;
    request.mr_type = static_cast<unsigned short>(type);
    if (setsockopt(membership_.fd(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) !=
        0) {
      return io_error(name_, "cannot be made promiscuous");
    }
  }
  return {};
}

Status KernelInterface::fit_mtu(std::uint32_t wanted) {
  mtu_found_ = mtu_ = read_mtu(name_);
  if (mtu_ >= wanted) return {};
  if (!write_mtu(name_, wanted)) {
    return fail(ErrorKind::invalid,
                fmt::format("interface {}: has an MTU of {} and refuses {}: {}", name_, mtu_,
                            wanted, std::strerror(errno)),
                "lower mtu of the pair to what the interface can carry");
  }
  mtu_ = wanted;
  return {};
}

// Frames must arrive as they stood on the wire: neither merged (GRO, LRO) nor stripped of a tag.
void KernelInterface::turn_off_merging() {
  if (ethtool_value(name_, ETHTOOL_GGRO).value_or(0) != 0) {
    gro_changed_ = set_ethtool_value(name_, ETHTOOL_SGRO, 0);
  }
  const auto flags = ethtool_value(name_, ETHTOOL_GFLAGS);
  constexpr std::uint32_t kUnwanted = ETH_FLAG_LRO | ETH_FLAG_RXVLAN;
  if (!flags || (*flags & kUnwanted) == 0) return;
  flags_found_ = *flags;
  flags_changed_ = set_ethtool_value(name_, ETHTOOL_SFLAGS, *flags & ~kUnwanted);
}

Result<std::unique_ptr<KernelInterface>> KernelInterface::prepare(const std::string& name,
                                                                  const Wanted& wanted) {
  std::unique_ptr<KernelInterface> made(new KernelInterface);
  made->name_ = name;
  made->index_ = static_cast<int>(if_nametoindex(name.c_str()));
  made->mtu_found_ = made->mtu_ = read_mtu(name);
  made->was_up_ = has_flag(name, IFF_UP);
  if (auto done = made->take_lock(); !done) return tl::unexpected<Error>(done.error());
  made->replaces_xdp_program_ = wanted.replaces_xdp_program;
  if (wanted.replaces_xdp_program) bpf_xdp_detach(made->index_, 0, nullptr);
  if (auto done = made->join_promiscuous(); !done) return tl::unexpected<Error>(done.error());
  if (auto done = made->fit_mtu(wanted.mtu); !done) return tl::unexpected<Error>(done.error());
  made->turn_off_merging();
  if (auto done = made->set_up(true); !done) return tl::unexpected<Error>(done.error());
  return made;
}

KernelInterface::~KernelInterface() {
  if (!lock_.is_open() || index_ == 0) return;
  if (flags_changed_) set_ethtool_value(name_, ETHTOOL_SFLAGS, flags_found_);
  if (gro_changed_) set_ethtool_value(name_, ETHTOOL_SGRO, 1);
  if (mtu_ != mtu_found_) write_mtu(name_, mtu_found_);
  static_cast<void>(set_up(was_up_));
}

Status KernelInterface::set_up(bool up) noexcept {
  ifreq request = request_for(name_);
  if (!interface_ioctl(SIOCGIFFLAGS, request)) return io_error(name_, "cannot be looked at");
  if (((request.ifr_flags & IFF_UP) != 0) == up) return {};
  request.ifr_flags =
      static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  if (!interface_ioctl(SIOCSIFFLAGS, request)) {
    return io_error(name_, up ? "cannot be set up" : "cannot be set down");
  }
  return {};
}

}  // namespace sluice
