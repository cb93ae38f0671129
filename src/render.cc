#include "render.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/units.h"

namespace sluice {
namespace {

using Row = std::vector<std::string>;

[[nodiscard]] bool is_right_aligned(const std::string& heading) { return heading.front() == '>'; }

[[nodiscard]] std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

[[nodiscard]] std::string port_table(const Config& config) {
  std::vector<Row> rows = {{"PAIR", "SIDE", "DEVICE", ">MTU", "CHECKSUMS", "OFFLOAD"}};
  constexpr std::string_view kChecksums[] = {"verify", "trust", "fix", "auto"};
  for (const PortPairConfig& pair : config.pairs) {
    const std::string mtu = std::to_string(pair.mtu);
    const std::string sums(kChecksums[static_cast<std::size_t>(pair.checksums)]);
    rows.push_back({pair.name, "outside", pair.outside.device, mtu, sums, "none (software)"});
    rows.push_back({pair.name, "inside", pair.inside.device, mtu, sums, "none (software)"});
  }
  return render_table(rows);
}

[[nodiscard]] std::string lcore_table(const LcorePlan& lcores) {
  std::vector<Row> rows = {{"RUNS", ">CPU", ">NODE"}};
  for (std::size_t i = 0; i < lcores.workers.size(); ++i) {
    const WorkerPlace& place = lcores.workers[i];
    rows.push_back(
        {fmt::format("worker {}", i), std::to_string(place.cpu), std::to_string(place.numa_node)});
  }
  rows.push_back(
      {"keeper and control", fmt::format("{}", fmt::join(lcores.control_cpus, ",")), ""});
  return render_table(rows);
}

[[nodiscard]] std::string memory_table(const MemoryPlan& memory) {
  std::vector<Row> rows = {{"TABLE", "PER", ">COPIES", ">ENTRIES", ">BYTES EACH", ">TOTAL"}};
  for (const MemoryRow& row : memory.rows) {
    rows.push_back({row.table, row.each, std::to_string(row.copies), std::to_string(row.entries),
                    std::to_string(row.entry_bytes), mebibytes(row.bytes)});
  }
  rows.push_back({"all", "", "", "", "", mebibytes(memory.total_bytes)});
  return render_table(rows);
}

[[nodiscard]] std::string warning_lines(const PlanAnswer& plan) {
  std::string text;
  for (const auto* warnings : {&plan.lcores.warnings, &plan.memory.warnings}) {
    for (const std::string& warning : *warnings) text += "warning: " + warning + "\n";
  }
  return text;
}

}  // namespace

std::string render_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t marker = &row == &rows.front() && is_right_aligned(row[i]) ? 1 : 0;
      widths[i] = std::max(widths[i], row[i].size() - marker);
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool right = is_right_aligned(rows.front()[i]);
      const std::string cell = &row == &rows.front() && right ? row[i].substr(1) : row[i];
      line += right ? fmt::format("{:>{}}  ", cell, widths[i])
                    : fmt::format("{:<{}}  ", cell, widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string render_plan_table(const PlanAnswer& plan) {
  return fmt::format("{}\n{}\n{}\nbudget {}, planned {}, of which packet buffers {}\n{}",
                     port_table(plan.config), lcore_table(plan.lcores), memory_table(plan.memory),
                     mebibytes(plan.memory.budget_bytes), mebibytes(plan.memory.total_bytes),
                     mebibytes(plan.memory.pool_bytes), warning_lines(plan));
}

// As the option is written.
constexpr const char* kHugepageWords[] = {"auto", "require", "off"};

std::string render_plan_json(const PlanAnswer& plan) {
  using nlohmann::ordered_json;
  ordered_json answer;
  answer["ports"] = ordered_json::array();
  for (const PortPairConfig& pair : plan.config.pairs) {
    for (const auto& [side, port] :
         {std::pair{"outside", &pair.outside}, {"inside", &pair.inside}}) {
      answer["ports"].push_back({{"pair", pair.name},
                                 {"side", side},
                                 {"device", port->device},
                                 {"mtu", pair.mtu},
                                 {"offload", "none"}});
    }
  }
  answer["workers"] = ordered_json::array();
  for (const WorkerPlace& place : plan.lcores.workers) {
    answer["workers"].push_back({{"cpu", place.cpu}, {"numa_node", place.numa_node}});
  }
  answer["control_cpus"] = plan.lcores.control_cpus;
  answer["memory"] = {
      {"budget_bytes", plan.memory.budget_bytes},
      {"total_bytes", plan.memory.total_bytes},
      {"pool_bytes", plan.memory.pool_bytes},
      {"hugepages", kHugepageWords[static_cast<std::size_t>(plan.config.memory.hugepages)]},
      {"tables", ordered_json::array()}};
  for (const MemoryRow& row : plan.memory.rows) {
    answer["memory"]["tables"].push_back({{"table", row.table},
                                          {"each", row.each},
                                          {"copies", row.copies},
                                          {"entries", row.entries},
                                          {"entry_bytes", row.entry_bytes},
                                          {"bytes", row.bytes}});
  }
  answer["warnings"] = plan.lcores.warnings;
  for (const std::string& warning : plan.memory.warnings) answer["warnings"].push_back(warning);
  return answer.dump(2) + "\n";
}

}  // namespace sluice
