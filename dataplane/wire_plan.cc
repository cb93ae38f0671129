#include "dataplane/wire_plan.h"

#include <bit>
#include <set>

#include "config/cpu_list.h"
#include "config/device_word.h"
#include "dataplane/parts_codec.h"
#include "dataplane/requests.h"
#include "dataplane/sealed_memory.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

constexpr std::uint32_t kPlanVersion = 3;
constexpr std::uint64_t kMagic = 0x6e616c7065727573ULL;
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kPathMax = 100;  // a socket below run_dir has to fit a UNIX address
constexpr std::uint32_t kEntriesMax = 1U << 26;
constexpr std::uint64_t kBytesMax = 1ULL << 44;

template <class Archive>
void code_port(Archive& io, PortConfig& port) {
  io.text(port.device, kNameMax);
  io.number(port.rx_descriptors, 64, 1U << 14);
  io.number(port.tx_descriptors, 64, 1U << 14);
}

template <class Archive>
void code_pair(Archive& io, PortPairConfig& pair) {
  io.text(pair.name, kNameMax);
  code_port(io, pair.outside);
  code_port(io, pair.inside);
  io.number(pair.mtu, 68, 9216);
  io.enumeration(pair.checksums, ChecksumMode::automatic);
  io.number(pair.domain, 0, 255);
  io.boolean(pair.vlan_in_key);
  io.boolean(pair.link_follow);
}

template <class Archive>
void code_place(Archive& io, WorkerPlace& place) {
  io.number(place.cpu, 0, kCpusMax - 1);
  io.integer(place.numa_node, -1, 63);
}

template <class Archive>
void code_sizes(Archive& io, WirePlan& plan) {
  io.number(plan.sizes.flows, 1, kEntriesMax);
  io.number(plan.sizes.half_open, 1, kEntriesMax);
  io.number(plan.sizes.sources, 1, kEntriesMax);
  io.number(plan.sizes.fragment_datagrams, 0, 1U << 20);
  io.number(plan.sizes.fragments_held, 0, 1U << 24);
  io.number(plan.sizes.inspection_bytes, 0, kBytesMax);
  io.number(plan.shared_meters, 0, kEntriesMax);
  io.number(plan.block_capacity, 1, kBlocksMax);
  io.sequence(plan.pools, kPortsMax / 2, [&io](PoolPlan& pool) {
    io.number(pool.mbufs, 1, 1U << 24);
    io.number(pool.frame_room_bytes, 256, 1U << 15);
  });
  io.number(plan.pool_bytes, 0, kBytesMax);
}

template <class Archive>
void code_plan(Archive& io, WirePlan& plan) {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kPlanVersion;
  io.number(magic, kMagic, kMagic);
  io.number(version, kPlanVersion, kPlanVersion);
  io.sequence(plan.pairs, kPortsMax / 2, [&io](PortPairConfig& pair) { code_pair(io, pair); });
  io.sequence(plan.workers, kWorkersMax, [&io](WorkerPlace& place) { code_place(io, place); });
  io.sequence(plan.control_cpus, kCpusMax,
              [&io](std::uint32_t& cpu) { io.number(cpu, 0, kCpusMax - 1); });
  io.number(plan.burst, 1, kBurstMax);
  io.number(plan.handoff_ring, 64, 1U << 20);
  io.enumeration(plan.hugepages, HugepageMode::off);
  code_sizes(io, plan);
  io.text(plan.run_dir, kPathMax);
  io.text(plan.control_user, kNameMax);
  code(io, plan.parts);
}

/// What no single field can say.
bool is_consistent(const WirePlan& plan) {
  if (plan.pairs.empty() || plan.workers.empty() || plan.control_cpus.empty()) return false;
  if (plan.pools.size() != plan.pairs.size()) return false;
  if (!std::has_single_bit(plan.handoff_ring) || !std::has_single_bit(plan.sizes.flows))
    return false;
  std::set<std::string> devices;
  for (const PortPairConfig& pair : plan.pairs) {
    for (const PortConfig* port : {&pair.outside, &pair.inside}) {
      const auto device = parse_device_word(port->device);
      if (!device || pair.mtu > mtu_max(device->kind)) return false;
      const std::string name = device->exclusive_name();
      if (!name.empty() && !devices.insert(name).second) return false;
    }
  }
  return true;
}

}  // namespace

WirePlan make_wire_plan(const Config& config, const LcorePlan& lcores, const MemoryPlan& memory,
                        PolicyParts parts) {
  WirePlan plan;
  plan.pairs = config.pairs;
  plan.workers = lcores.workers;
  plan.control_cpus = lcores.control_cpus;
  plan.burst = config.workers.burst;
  plan.handoff_ring = std::bit_ceil(config.workers.handoff_ring);
  plan.hugepages = config.memory.hugepages;
  plan.sizes = memory.worker;
  plan.shared_meters = memory.shared_meters;
  plan.block_capacity = memory.blocks;
  plan.pools = memory.pools;
  plan.pool_bytes = memory.pool_bytes;
  plan.run_dir = config.control.run_dir;
  plan.control_user = config.control.user;
  plan.parts = std::move(parts);
  return plan;
}

std::vector<std::byte> encode_wire_plan(const WirePlan& plan) {
  return write_plain(plan, [](auto& io, WirePlan& all) { code_plan(io, all); });
}

Result<WirePlan> decode_wire_plan(std::span<const std::byte> bytes) {
  return read_plain<WirePlan>(bytes, "wire plan", [](auto& io, WirePlan& all) {
    code_plan(io, all);
    io.check(is_consistent(all));
  });
}

Status write_wire_plan(int memfd, const WirePlan& plan) {
  return write_and_seal(memfd, encode_wire_plan(plan));
}

Result<WirePlan> read_wire_plan(int memfd) {
  const auto view = SealedView::map(memfd, kWirePlanBytesMax);
  if (!view) return with_context("wire plan", view.error());
  return decode_wire_plan(view->bytes());
}

std::string port_name(const WirePlan& plan, std::size_t port) {
  return plan.pairs[port / 2].name + (port % 2 == 0 ? ".outside" : ".inside");
}

}  // namespace sluice
