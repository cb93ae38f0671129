#include "config/cpu_list.h"

#include <bitset>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::string_view kHint = "write CPUs as 2-5,8, or auto";

std::optional<std::uint32_t> cpu_number(std::string_view text) {
  std::uint32_t cpu = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, cpu);
  const bool is_number = !text.empty() && stop == end && error == std::errc();
  return is_number && cpu < kCpusMax ? std::optional(cpu) : std::nullopt;
}

}  // namespace

Result<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text) {
  std::vector<std::uint32_t> cpus;
  std::bitset<kCpusMax> seen;
  for (bool has_more = true; has_more;) {
    const std::size_t comma = text.find(',');
    has_more = comma != std::string_view::npos;
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(has_more ? comma + 1 : text.size());
    const std::size_t dash = item.find('-');
    const auto first = cpu_number(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : cpu_number(item.substr(dash + 1));
    if (!first || !last || *last < *first) {
      return fail(ErrorKind::invalid,
                  fmt::format("'{}' is neither a CPU nor a range of CPUs", item.substr(0, 64)),
                  std::string(kHint));
    }
    for (std::uint32_t cpu = *first; cpu <= *last; ++cpu) {
      if (seen.test(cpu)) return fail(ErrorKind::invalid, fmt::format("CPU {} stands twice", cpu));
      seen.set(cpu);
      cpus.push_back(cpu);
    }
  }
  return cpus;
}

}  // namespace sluice
