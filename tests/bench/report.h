// What a benchmark was asked for and what it tells: one row a goal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

struct Options {
  bool quick = false;
  std::string json;
  std::string only;
  std::uint64_t fixed_bursts = 0;
  bool hugepages = false;
  std::string rules;  ///< of Suricata, measured beside the sets made here

  [[nodiscard]] bool wants(const char* name) const {
    return only.empty() || std::string(name).find(only) != std::string::npos;
  }
};

struct Row {
  std::string name;
  double cycles = 0;
  double bare = 0;
  double goal = 0;
  std::optional<bool> met = false;  ///< empty: the machine could not tell
  double packets_per_second = 0;    ///< 0: what the cycles come to
  double gbit_per_second = 0;       ///< 0: what packets of 64 bytes come to
};

}  // namespace sluice::bench
