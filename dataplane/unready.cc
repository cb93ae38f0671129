#include "dataplane/unready.h"

#include "dataplane/policy.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

[[nodiscard]] bool is_for_rules(const Packet& packet) noexcept {
  return packet.is_undecided() && packet.has(kIsIp) && !packet.has(kControlProtocol);
}

}  // namespace

void judge_unready(Burst& burst, const Policy& policy, WorkerCounters& counters) noexcept {
  if (!policy.settings.has_rules || policy.ruleset != nullptr) [[likely]]
    return;
  const bool refuses = policy.settings.until_ready == ReadyPolicy::drop;
  for (Packet& packet : burst.all()) {
    if (!is_for_rules(packet)) continue;
    if (refuses) {
      packet.drop(DropReason::not_ready);
    } else {
      counters.uninspected += packet.frames;
    }
  }
}

}  // namespace sluice
