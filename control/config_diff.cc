#include "control/config_diff.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "config/option_value.h"
#include "config/options.h"

namespace sluice {
namespace {

constexpr std::size_t kDigestDigitsShown = 12;

std::string cut(std::string text) {
  if (text.size() <= kOptionTextMax) return text;
  const std::string digest = digest_of(text).substr(0, kDigestDigitsShown);
  std::string tail = fmt::format("... ({} bytes, {})", text.size(), digest);
  std::size_t keep = kOptionTextMax - tail.size();
  // Not within a character of UTF-8.
  while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xc0U) == 0x80U) --keep;
  return text.substr(0, keep) + tail;
}

template <class Record>
void append_texts(std::span<const Option<Record>> options, const Record& record,
                  std::string_view place, std::vector<OptionText>& texts) {
  for (const Option<Record>& option : options) {
    texts.push_back({fmt::format("{}{}", place, option.shape.path),
                     cut(print_value(option.shape, option.read(record))),
                     option.shape.needs_restart});
  }
}

/// One text for the whole of it.
std::string text_of(const RuleExceptionConfig& exception) {
  std::string text;
  for (const Option<RuleExceptionConfig>& option : exception_options()) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", option.shape.path,
                        print_value(option.shape, option.read(exception)));
  }
  return text;
}

/// The order of a policy's lists: side, kind, prefix.
auto rank(const ListEntry& entry) noexcept {
  return std::tuple(entry.side, entry.kind, entry.prefix);
}

std::string describe(const ListEntry& entry) {
  return fmt::format("{} {} {}", entry.kind == ListKind::allow ? "allow" : "deny",
                     entry.side == ListSide::source ? "source" : "destination",
                     to_string(entry.prefix));
}

void note(const ListEntry& entry, std::uint64_t& count, std::vector<std::string>& examples) {
  if (++count <= kListExamplesMax) examples.push_back(describe(entry));
}

}  // namespace

std::vector<OptionText> option_texts(const Config& config) {
  std::vector<OptionText> texts;
  for (std::size_t i = 0; i < config.pairs.size(); ++i) {
    append_texts(pair_options(), config.pairs[i], fmt::format("pairs[{}].", i), texts);
  }
  append_texts(config_options(), config, "", texts);
  for (std::size_t i = 0; i < config.rule_limits.size(); ++i) {
    append_texts(rule_limit_options(), config.rule_limits[i], fmt::format("rule_limits[{}].", i),
                 texts);
  }
  for (std::size_t i = 0; i < config.sets.size(); ++i) {
    append_texts(set_options(), config.sets[i], fmt::format("sets[{}].", i), texts);
  }
  for (std::size_t i = 0; i < config.rules.exceptions.size(); ++i) {
    texts.push_back(
        {fmt::format("rules.exceptions[{}]", i), cut(text_of(config.rules.exceptions[i])), false});
  }
  return texts;
}

std::vector<OptionChange> changes_between(std::span<const OptionText> from,
                                          std::span<const OptionText> to) {
  std::map<std::string_view, const OptionText*> before;
  for (const OptionText& option : from) before.emplace(option.path, &option);
  std::vector<OptionChange> changes;
  for (const OptionText& option : to) {
    const auto found = before.find(option.path);
    if (found == before.end()) {
      changes.push_back({option.path, "", option.value, option.needs_restart});
      continue;
    }
    if (found->second->value != option.value) {
      changes.push_back({option.path, found->second->value, option.value, option.needs_restart});
    }
    before.erase(found);
  }
  for (const auto& [path, option] : before) {
    changes.push_back({option->path, option->value, "", option->needs_restart});
  }
  return changes;
}

ListDifference difference_of(std::span<const ListEntry> from, std::span<const ListEntry> to) {
  ListDifference difference;
  auto old = from.begin();
  auto now = to.begin();
  while (old != from.end() || now != to.end()) {
    const bool is_removed = now == to.end() || (old != from.end() && rank(*old) < rank(*now));
    if (is_removed) {
      note(*old++, difference.removed, difference.removed_examples);
    } else if (old == from.end() || rank(*now) < rank(*old)) {
      note(*now++, difference.added, difference.added_examples);
    } else {
      ++old;
      ++now;
    }
  }
  return difference;
}

std::string digest_of(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  SLUICE_CHECK(done == 1 && size == 32, "SHA-256 is always there");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string digest_of(std::string_view text) {
  return digest_of(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace sluice
