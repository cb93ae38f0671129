// The keyword `dataset`, and the addresses of a packet, which nothing else looks into.
#include "rules/suricata_datasets.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/siphash.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;

constexpr SipKey kNameKey{0x64617461736574ULL, 0x6e616d65ULL};
constexpr std::size_t kDatasetNameMax = 63;
constexpr std::size_t kListNameMax = 1'024;

struct TypeWord {
  std::string_view word;
  DatasetType type;
};
constexpr std::array kTypes{
    TypeWord{"string", DatasetType::text},   TypeWord{"md5", DatasetType::md5},
    TypeWord{"sha256", DatasetType::sha256}, TypeWord{"ip", DatasetType::address},
    TypeWord{"ipv4", DatasetType::address},
};

Status read_type(std::string_view word, DatasetUse& use) {
  const auto row = std::ranges::find(kTypes, word, &TypeWord::word);
  if (row == kTypes.end()) {
    return fail(
        ErrorKind::invalid,
        fmt::format("'{}' is no type: string, md5, sha256, ip and ipv4 are", escape_control(word)));
  }
  use.type = row->type;
  return {};
}

/// Whoever writes rules names no file outside of their directory.
bool is_list_name(std::string_view name) {
  if (name.empty() || name.size() > kListNameMax || name.starts_with('/')) return false;
  if (name.find('\0') != std::string_view::npos) return false;
  const auto parts = split_list(name, '/');
  return std::ranges::find(parts, "..") == parts.end();
}

/// "load FILE" and the like, behind the dataset's name.
Status read_setting(std::string_view text, RuleDraft& draft, DatasetUse& use) {
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, blank);
  const std::string_view value = trim_blanks(text.substr(blank));
  if (word == "type") return read_type(value, use);
  if (word == "memcap" || word == "hashsize") return {};  // the set's capacity is in its place
  if (word != "load" && word != "state" && word != "save") {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is no setting: type, load, state, save, memcap and hashsize are",
                            escape_control(word)));
  }
  if (!is_list_name(value)) {
    return fail(
        ErrorKind::invalid,
        fmt::format("behind {} belongs the name of a file in the directory of the rules, or "
                    "below it",
                    word));
  }
  if (word != "save") use.list = value;
  if (word != "load") {
    draft.downgrades.push_back({"dataset", fmt::format("{}: the file is not written", word)});
  }
  return {};
}

Result<bool> read_operation(std::string_view word) {
  if (word == "isset") return true;
  if (word == "isnotset") return false;
  if (word == "set" || word == "unset") {
    return fail(ErrorKind::invalid,
                fmt::format("{}: packets do not change a set, its file and operators do", word));
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no operation: isset and isnotset are", escape_control(word)));
}

Status read_dataset(RuleDraft& draft, const Option& option, const Keyword&) {
  const auto words = split_list(option.value, ',');
  if (words.size() < 2 || words[1].empty() || words[1].size() > kDatasetNameMax) {
    return fail(ErrorKind::invalid, "an operation and the name of a dataset belong there");
  }
  const auto is_asked_for = read_operation(words[0]);
  if (!is_asked_for) return tl::unexpected(is_asked_for.error());
  DatasetUse use{set_name_of(words[1]), escape_control(words[1]), {}, {}};
  for (std::size_t i = 2; i < words.size(); ++i) {
    if (auto read = read_setting(words[i], draft, use); !read) return read;
  }
  return draft.add_dataset(std::move(use), !*is_asked_for);
}

Status select_source(RuleDraft& draft, const Option&, const Keyword&) {
  return draft.select_address(PacketEnd::source);
}

Status select_destination(RuleDraft& draft, const Option&, const Keyword&) {
  return draft.select_address(PacketEnd::destination);
}

constexpr std::array kKeywords{
    Keyword{"dataset", SuricataValue::required, &read_dataset},
    Keyword{"ip.src", SuricataValue::none, &select_source},
    Keyword{"ip.dst", SuricataValue::none, &select_destination},
};

tl::unexpected<Error> said_otherwise(const ImportedSet& set, std::string_view what,
                                     std::string_view there) {
  return fail(ErrorKind::invalid, fmt::format("another rule has '{}' as {} of the dataset '{}'",
                                              escape_control(there), what, set.dataset));
}

}  // namespace

std::span<const SuricataKeyword> suricata_dataset_keywords() noexcept { return kKeywords; }

std::string set_name_of(std::string_view dataset) {
  std::string name(dataset.substr(0, kSetNameMax));
  for (char& c : name) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!is_kept) c = '-';
  }
  if (name == dataset) return name;
  const auto number = siphash<2, 4>(kNameKey, dataset.data(), dataset.size()) & 0xffff;
  const std::string tail = fmt::format("-{:04x}", number);
  return name.substr(0, kSetNameMax - tail.size()) + tail;
}

Status DatasetTable::add(const DatasetUse& use, const std::string& rule_file) {
  const auto found = sets_.find(use.set);
  if (found == sets_.end()) {
    if (sets_.size() == kSetsMax) {
      return fail(ErrorKind::limit,
                  fmt::format("the configuration has room for {} sets", kSetsMax));
    }
    ImportedSet set{use.set, use.dataset, use.type.value_or(DatasetType::text), use.list, {}, 1};
    if (!use.list.empty()) set.rule_file = rule_file;
    sets_.emplace(use.set, std::move(set));
    return {};
  }
  ImportedSet& set = found->second;
  if (use.type && *use.type != set.type) return said_otherwise(set, "type", name_of(set.type));
  if (!use.list.empty() && !set.list.empty() && use.list != set.list) {
    return said_otherwise(set, "list", set.list);
  }
  if (set.list.empty() && !use.list.empty()) {
    set.list = use.list;
    set.rule_file = rule_file;
  }
  ++set.rules;
  return {};
}

ImportedSet* DatasetTable::find(const std::string& set) {
  const auto found = sets_.find(set);
  return found == sets_.end() ? nullptr : &found->second;
}

std::vector<ImportedSet> DatasetTable::in_use() const {
  std::vector<ImportedSet> sets;
  for (const auto& [name, set] : sets_) {
    if (set.rules != 0) sets.push_back(set);
  }
  return sets;
}

std::string_view name_of(DatasetType type) noexcept {
  const auto row = std::ranges::find(kTypes, type, &TypeWord::type);
  return row == kTypes.end() ? std::string_view("string") : row->word;
}

SetKind kind_of(DatasetType type) noexcept {
  return type == DatasetType::address ? SetKind::address : SetKind::text;
}

}  // namespace sluice
