#include "config/worker_count.h"

#include "config/config.h"
#include "config/cpu_list.h"

namespace sluice {

std::uint32_t stated_workers(const WorkerConfig& workers) {
  if (workers.lcores == "auto") return workers.count;
  const auto cpus = parse_cpu_list(workers.lcores);
  return cpus ? static_cast<std::uint32_t>(cpus->size()) : 0;
}

}  // namespace sluice
