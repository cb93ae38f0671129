#include "wire_start.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "config/worker_count.h"
#include "control/judge_in_time.h"
#include "control/policy_builder.h"
#include "control/privileges.h"
#include "control/ruleset_build.h"
#include "dataplane/io/port_preflight.h"
#include "dataplane/sealed_memory.h"
#include "dataplane/wire.h"
#include "dataplane/wire_plan.h"

namespace sluice {
namespace {

constexpr int kCouldNot = 1;
constexpr int kAskedWrongly = 2;

[[nodiscard]] std::uint64_t count_version(const PrefixLists& lists, std::uint8_t version) {
  std::uint64_t count = 0;
  for (const auto* list : {&lists.allow_source, &lists.allow_destination, &lists.deny_source,
                           &lists.deny_destination}) {
    count += static_cast<std::uint64_t>(std::count_if(
        list->begin(), list->end(),
        [version](const IpPrefix& prefix) { return prefix.address.version == version; }));
  }
  return count;
}

[[nodiscard]] std::vector<int> nodes_of_ports(const std::vector<PortPairConfig>& pairs) {
  std::vector<int> nodes;
  for (const PortPairConfig& pair : pairs) {
    for (const PortConfig* port : {&pair.outside, &pair.inside}) {
      const auto device = parse_device_word(port->device);
      nodes.push_back(device ? read_port_node(*device) : -1);
    }
  }
  return nodes;
}

int tell(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  hint: {}\n", error.hint);
  return error.kind == ErrorKind::invalid ? kAskedWrongly : kCouldNot;
}

/// Of the keys in the file of each set.
[[nodiscard]] std::vector<std::uint64_t> set_bytes(const std::vector<SetContents>& sets) {
  std::vector<std::uint64_t> bytes;
  for (const SetContents& set : sets) {
    bytes.push_back(0);
    for (const SetEntry& entry : set.entries) bytes.back() += entry.key.size();
  }
  return bytes;
}

[[nodiscard]] MemoryRequest memory_request(const CheckedConfig& checked, std::size_t workers) {
  return {.workers = static_cast<std::uint32_t>(workers),
          .prefixes_v4 = count_version(checked.lists, 4),
          .prefixes_v6 = count_version(checked.lists, 6),
          .set_bytes = set_bytes(checked.sets)};
}

[[nodiscard]] Status judge_believing_cache(CheckedConfig& checked) {
  return judge_rules(checked, ruleset_cache_in(checked.config.control.state_dir));
}

[[nodiscard]] std::function<JudgeEffort()> effort_from_now() {
  const TimeNs begun = read_clock(CLOCK_MONOTONIC);
  const TimeNs worked = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  return [begun, worked] {
    return JudgeEffort{.time = read_clock(CLOCK_MONOTONIC) - begun,
                       .work = read_clock(CLOCK_PROCESS_CPUTIME_ID) - worked};
  };
}

/// Where the file says all that the plan of its memory needs.
void check_memory(CheckedConfig& checked) {
  const std::uint32_t workers = stated_workers(checked.config.workers);
  const bool has_plan = workers != 0 && checked.config.memory.budget_bytes != 0;
  if (checked.findings.has_errors() || !has_plan) return;
  const auto memory = plan_memory(checked.config, memory_request(checked, workers), {});
  if (!memory) {
    FindingWriter findings(checked.source, checked.findings);
    findings.error_at("memory.budget", memory.error().message, memory.error().hint);
  }
}

// The child: everything that reads files. Its exit code is the program's where it is not 0.
[[nodiscard]] int make_plan(const std::string& config_path, int memfd) {
  CheckedConfig checked = check_file(config_path, ConfigPurpose::run);
  if (!judge_in_time(checked, judge_believing_cache, kStartPatience, effort_from_now())) {
    fmt::print(stderr, "notice: rules are still being read: packets pass until they are ready\n");
  }
  check_memory(checked);
  fmt::print(stderr, "{}", checked.findings.render());
  if (checked.findings.has_errors()) return kAskedWrongly;
  if (auto found = check_user(checked.config.control.user); !found) return tell(found.error());
  const auto answer = plan_host(checked);
  if (!answer) return tell(answer.error());
  for (const auto* warnings : {&answer->lcores.warnings, &answer->memory.warnings}) {
    for (const std::string& warning : *warnings) fmt::print(stderr, "warning: {}\n", warning);
  }
  const WirePlan plan =
      make_wire_plan(checked.config, answer->lcores, answer->memory, build_policy_parts(checked));
  if (auto written = write_wire_plan(memfd, plan); !written) return tell(written.error());
  return 0;
}

[[nodiscard]] int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kCouldNot;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kCouldNot;
}

}  // namespace

CheckedConfig check_for_start(const std::string& path) {
  CheckedConfig checked = check_file(path, ConfigPurpose::run);
  note_judgement(judge_rules(checked), checked);
  check_memory(checked);
  return checked;
}

CheckedConfig check_believing_cache(const std::string& path) {
  CheckedConfig checked = check_file(path, ConfigPurpose::run);
  note_judgement(judge_believing_cache(checked), checked);
  check_memory(checked);
  return checked;
}

Result<PlanAnswer> plan_host(const CheckedConfig& checked) {
  PlanAnswer answer{.config = checked.config, .lcores = {}, .memory = {}};
  auto topology = read_cpu_topology();
  if (!topology) return tl::unexpected<Error>(topology.error());
  const std::vector<int> nodes = nodes_of_ports(checked.config.pairs);
  auto lcores = plan_lcores(*topology, checked.config.workers, nodes);
  if (!lcores) return tl::unexpected<Error>(lcores.error());
  answer.lcores = std::move(*lcores);
  auto host = read_host_memory();
  if (!host) return tl::unexpected<Error>(host.error());
  auto memory =
      plan_memory(checked.config, memory_request(checked, answer.lcores.workers.size()), *host);
  if (!memory) return tl::unexpected<Error>(memory.error());
  answer.memory = std::move(*memory);
  return answer;
}

HostNeeds host_needs(const CheckedConfig& checked, const std::string& config_path) {
  return {.config = &checked.config,
          .config_path = config_path,
          .prefixes_v4 = count_version(checked.lists, 4),
          .prefixes_v6 = count_version(checked.lists, 6),
          .set_bytes = set_bytes(checked.sets)};
}

int run_gateway(const std::string& config_path) {
  auto memfd = make_memfd("sluice-plan");
  if (!memfd) return tell(memfd.error());
  const pid_t child = fork();
  if (child < 0) {
    return tell({ErrorKind::unavailable, fmt::format("cannot fork: {}", std::strerror(errno)), {}});
  }
  if (child == 0) {
    const int exit_code = make_plan(config_path, memfd->fd());
    std::fflush(nullptr);
    _exit(exit_code);
  }
  if (const int exit_code = wait_for(child); exit_code != 0) return exit_code;
  auto plan = read_wire_plan(memfd->fd());
  if (!plan) return tell(plan.error());
  return run_wire(*plan, config_path);
}

}  // namespace sluice
