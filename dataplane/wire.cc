#include "dataplane/wire.h"

#include <algorithm>
#include <csignal>
#include <memory>
#include <vector>

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cap-ng.h>
#include <fmt/format.h>

#include "base/log.h"
#include "config/device_word.h"
#include "dataplane/io/eal.h"
#include "dataplane/io/port.h"
#include "dataplane/io/port_preflight.h"
#include "dataplane/keeper.h"
#include "dataplane/limit/block_filter.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "dataplane/station_costs.h"
#include "dataplane/window_memory.h"
#include "dataplane/wire_seccomp.h"
#include "dataplane/wire_workers.h"

namespace sluice {
namespace {

constexpr int kDone = 0;
constexpr int kCouldNot = 1;
// How long the first packet waits for the blocks that the control process remembers.
constexpr DurationNs kBlocksGrace = 500 * kNsPerMs;
// The lanes may be full when the workers stop; all of it has to fit into the second a stop may
// take.
constexpr DurationNs kControlGrace = 600 * kNsPerMs;

void tell(LogLevel level, const Error& error) {
  log(level, error.message);
  if (!error.hint.empty()) log(level, "  hint: " + error.hint);
}

int give_up(const Error& error) {
  tell(LogLevel::error, error);
  return kCouldNot;
}

/// Before the first thread: all inherit it, and only the keeper reads signals.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGPIPE}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::vector<std::string> pci_devices(const WirePlan& plan) {
  std::vector<std::string> devices;
  for (const PortPairConfig& pair : plan.pairs) {
    for (const PortConfig* port : {&pair.outside, &pair.inside}) {
      const auto device = parse_device_word(port->device);
      if (device && device->kind == DeviceKind::pci) devices.push_back(device->name);
    }
  }
  return devices;
}

/// True where the host can carry the plan; every finding is told, with its fix.
bool pass_preflight(const WirePlan& plan, bool& uses_hugepages) {
  const auto host = read_host_memory();
  const Preflight found = check_host(plan, host.value_or(HostMemory{}));
  for (const Error& warning : found.warnings) tell(LogLevel::warning, warning);
  for (const Error& error : found.errors) tell(LogLevel::error, error);
  uses_hugepages = found.uses_hugepages;
  return found.is_ready();
}

/// Of the tables that all workers read.
struct SharedKeys {
  SipKey list;
  SipKey block;
};

Result<WorkerKeys> draw_keys(SharedKeys& shared) {
  WorkerKeys keys;
  for (SipKey* key : {&keys.flow, &keys.owner, &keys.fragment, &keys.source, &keys.sample,
                      &shared.list, &shared.block}) {
    if (getrandom(key, sizeof *key, 0) != static_cast<ssize_t>(sizeof *key)) {
      return fail(ErrorKind::io, "no random numbers for the keys of the tables");
    }
  }
  return keys;
}

void tell_sizes(const WorkerSizes& sizes, WindowHeader& header) {
  header.flow_capacity = sizes.flows;
  header.half_open_capacity = sizes.half_open;
  header.source_capacity = sizes.sources;
  header.stations = static_cast<std::uint32_t>(kStationNames.size());
  for (std::size_t i = 0; i < kStationNames.size(); ++i) {
    auto& name = header.station_names[i];
    std::string_view(kStationNames[i]).copy(name.data(), name.size() - 1);
  }
}

Result<std::unique_ptr<WindowMemory>> make_window(const WirePlan& plan, const SteadyClock& clock,
                                                  TimeNs started) {
  auto window = WindowMemory::create(plan.workers.size(), plan.block_capacity,
                                     plan.sizes.inspection_bytes == 0 ? 0 : kRuleSlotsMax);
  if (!window) return window;
  WindowHeader& header = *(*window)->header();
  header.started = started;
  header.clock_offset = clock.offset();
  tell_sizes(plan.sizes, header);
  header.ports = static_cast<std::uint32_t>(plan.pairs.size() * 2);
  for (std::size_t i = 0; i < header.ports; ++i) {
    auto& name = header.port_names[i];
    port_name(plan, i).copy(name.data(), name.size() - 1);
  }
  return window;
}

/// From here on the keeper can set interfaces up and down, and start the control process as its own
/// user and in the group of its socket. Workers have nothing at all; see wire_workers.cc. The
/// memory of the process is closed to others of its user, the control process among them.
void drop_privileges(bool changes_user) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  capng_get_caps_process();
  std::vector<unsigned> kept = {CAP_NET_ADMIN, CAP_SETGID};
  if (changes_user) kept.insert(kept.end(), {CAP_SETUID, CAP_SETPCAP, CAP_KILL, CAP_CHOWN});
  std::erase_if(kept, [](unsigned capability) {
    return capng_have_capability(CAPNG_PERMITTED, capability) == 0;
  });
  capng_clear(CAPNG_SELECT_CAPS);
  for (const unsigned capability : kept) {
    capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                 capability);
  }
  if (capng_apply(CAPNG_SELECT_CAPS) != 0)
    log(LogLevel::warning, "capabilities could not be given up");
  prctl(PR_SET_DUMPABLE, 0);
}

/// The program as it stands on disk when the control process is started: an upgrade reaches the
/// control process at its next start.
std::string program_path() {
  std::string path(4096, '\0');
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

/// Everything between a started EAL and its end; whatever was opened is closed in reverse order.
int forward(const WirePlan& plan, const std::string& config_path, Eal& eal, bool hugepages) {
  const SteadyClock clock;
  const TimeNs started = clock.now();
  SharedKeys shared;
  auto keys = draw_keys(shared);
  if (!keys) return give_up(keys.error());
  auto policy = build_policy(plan.parts, nullptr, shared.list);
  if (!policy) return give_up(policy.error());
  PolicySlot policies(std::move(*policy), static_cast<unsigned>(plan.workers.size()));
  MemoryArena block_memory({.hugepages = hugepages});
  auto blocks = BlockTable::create(plan.block_capacity, shared.block, block_memory);
  if (!blocks) return give_up(blocks.error());
  auto window = make_window(plan, clock, started);
  if (!window) return give_up(window.error());
  auto ports = PortSet::open(plan);
  if (!ports) return give_up(ports.error());
  for (const std::string& notice : (*ports)->notices()) log(LogLevel::notice, notice);
  auto workers = WireWorkers::create({.plan = &plan,
                                      .policies = &policies,
                                      .ports = ports->get(),
                                      .windows = (*window)->windows(),
                                      .blocks = blocks->get(),
                                      .block_hits = (*window)->block_hits(),
                                      .rule_counts = (*window)->rule_counts(),
                                      .keys = *keys,
                                      .clock = &clock,
                                      .started = started,
                                      .hugepages = hugepages});
  if (!workers) return give_up(workers.error());
  eal.disarm_interrupt_thread();
  drop_privileges(!plan.control_user.empty());
  if (auto confined = confine_process(); !confined) tell(LogLevel::warning, confined.error());
  auto keeper = Keeper::create({.plan = &plan,
                                .policies = &policies,
                                .ports = ports->get(),
                                .window = (*window)->header(),
                                .windows = (*window)->windows(),
                                .requests = (*workers)->requests(),
                                .rule_directory = (*window)->rule_directory(),
                                .rule_counts = (*window)->rule_counts(),
                                .window_fds = (*window)->fds(),
                                .list_key = shared.list,
                                .blocks = blocks->get(),
                                .program = config_path.empty() ? std::string() : program_path(),
                                .config_path = config_path,
                                .clock = &clock});
  if (!keeper) return give_up(keeper.error());
  (*keeper)->await_blocks(kBlocksGrace);
  if (auto running = (*workers)->start(); !running) return give_up(running.error());
  log(LogLevel::notice, fmt::format("forwarding over {} ports with {} workers", (*ports)->size(),
                                    plan.workers.size()));
  sd_notify(0, "READY=1");
  (*keeper)->run();
  sd_notify(0, "STOPPING=1");
  (*workers)->stop();
  (*keeper)->end_control(kControlGrace);
  log(LogLevel::notice, "stopped");
  return kDone;
}

}  // namespace

int run_wire(const WirePlan& plan, const std::string& config_path) {
  block_signals();
  bool uses_hugepages = false;
  if (!pass_preflight(plan, uses_hugepages)) return kCouldNot;
  auto eal = Eal::start({.control_cpus = plan.control_cpus,
                         .hugepages = uses_hugepages,
                         .memory_bytes = plan.pool_bytes,
                         .pci_devices = pci_devices(plan)});
  if (!eal) return give_up(eal.error());
  return forward(plan, config_path, **eal, uses_hugepages);
}

}  // namespace sluice
