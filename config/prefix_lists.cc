#include "config/prefix_lists.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "config/list_file.h"

namespace sluice {
namespace {

/// Of one list; the rest is summed up in one more.
constexpr std::size_t kContradictionsToldMax = 20;

/// One list of the configuration: prefixes written there, and files of more.
struct ListOption {
  std::string_view path;  ///< of the prefixes; that of the files ends in "_files"
  const std::vector<IpPrefix>& written;
  const std::vector<std::string>& files;
};

/// What an option leads to, still apart, so that a finding can name where a prefix stands.
struct ListContent {
  std::vector<IpPrefix> all;                   ///< ordered, each once
  std::vector<std::vector<ListLine>> by_file;  ///< like the option's files
};

class ListReader {
 public:
  ListReader(const Source& source, Diagnostics& diagnostics)
      : diagnostics_(diagnostics), findings_(source, diagnostics) {}

  /// One side of the wire.
  void read(const ListOption& allow, std::vector<IpPrefix>& allowed, const ListOption& deny,
            std::vector<IpPrefix>& denied) {
    allowed = gather(allow).all;
    ListContent content = gather(deny);
    warn_of_contradictions(deny, content, allowed);
    denied = std::move(content.all);
  }

 private:
  [[nodiscard]] std::vector<ListLine> read_file(const ListOption& option, std::size_t index) {
    const std::string& name = option.files[index];
    auto file = read_list_file(name, diagnostics_);
    if (!file) {
      const std::string place = fmt::format("{}_files[{}]", option.path, index);
      findings_.error_at(place, fmt::format("{}: {} {}", place, name, file.error().message),
                         file.error().hint);
      return {};
    }
    if (file->duplicates != 0) {
      warn(name, 0, fmt::format("{} lines repeat a prefix", file->duplicates));
    }
    return std::move(file->lines);
  }

  [[nodiscard]] ListContent gather(const ListOption& option) {
    ListContent content;
    content.all = option.written;
    for (std::size_t i = 0; i < option.files.size(); ++i) {
      content.by_file.push_back(read_file(option, i));
      for (const ListLine& line : content.by_file.back()) content.all.push_back(line.prefix);
    }
    std::vector<IpPrefix>& all = content.all;
    if (!std::ranges::is_sorted(all)) std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return content;
  }

  void warn_of_contradictions(const ListOption& deny, const ListContent& content,
                              const std::vector<IpPrefix>& allowed) {
    std::size_t told = 0;
    std::size_t untold = 0;
    const auto is_worth_telling = [&](const IpPrefix& prefix) {
      if (!std::ranges::binary_search(allowed, prefix)) return false;
      const bool has_room = told < kContradictionsToldMax;
      ++(has_room ? told : untold);
      return has_room;
    };
    for (std::size_t i = 0; !allowed.empty() && i < deny.written.size(); ++i) {
      if (!is_worth_telling(deny.written[i])) continue;
      const std::string place = fmt::format("{}[{}]", deny.path, i);
      findings_.warning_at(place, fmt::format("{} is {}, which is allowed too: allow beats deny",
                                              place, to_string(deny.written[i])));
    }
    for (std::size_t i = 0; !allowed.empty() && i < content.by_file.size(); ++i) {
      for (const ListLine& line : content.by_file[i]) {
        if (!is_worth_telling(line.prefix)) continue;
        warn(deny.files[i], line.line,
             fmt::format("{} is allowed too: allow beats deny", to_string(line.prefix)));
      }
    }
    if (untold == 0) return;
    findings_.warning_at(deny.path, fmt::format("{}: {} more prefixes are allowed too: allow beats "
                                                "deny",
                                                deny.path, untold));
  }

  void warn(const std::string& file, std::uint32_t line, std::string message) {
    diagnostics_.add({Severity::warning, file, {line, 0}, std::move(message), {}, {}});
  }

  Diagnostics& diagnostics_;
  FindingWriter findings_;
};

}  // namespace

PrefixLists read_prefix_lists(const ListConfig& lists, const Source& source,
                              Diagnostics& diagnostics) {
  ListReader reader(source, diagnostics);
  PrefixLists out;
  reader.read({"lists.allow.source", lists.allow_source, lists.allow_source_files},
              out.allow_source, {"lists.deny.source", lists.deny_source, lists.deny_source_files},
              out.deny_source);
  reader.read({"lists.allow.destination", lists.allow_destination, lists.allow_destination_files},
              out.allow_destination,
              {"lists.deny.destination", lists.deny_destination, lists.deny_destination_files},
              out.deny_destination);
  return out;
}

}  // namespace sluice
