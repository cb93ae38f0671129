// Terms that cannot hold, or not as they are meant. What a term reads from others, the place of the
// term before it and the names that are set, is followed in the order in which terms are evaluated.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/suggest.h"
#include "rules/byte_text.h"
#include "rules/regex_cost.h"
#include "rules/validate.h"

namespace sluice {
namespace {

constexpr std::size_t kShownBytesMax = 40;

/// As a message repeats it.
std::string shown(std::string_view bytes) {
  const bool is_cut = bytes.size() > kShownBytesMax;
  return fmt::format("'{}{}'", escape_bytes(bytes.substr(0, kShownBytesMax)), is_cut ? "..." : "");
}

std::optional<std::int64_t> number_in(const std::optional<TermNumber>& number) {
  if (!number) return std::nullopt;
  const auto* value = std::get_if<std::int64_t>(&*number);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

/// Judges the terms of one rule.
class TermValidator {
 public:
  TermValidator(const Rule& rule, RuleFindings& findings) noexcept
      : rule_(rule), findings_(findings) {}

  void validate();

 private:
  void validate_part(const BufferTerms& part);
  void check(const ContentTerm& content);
  void check(const PcreTerm& pcre);
  void check(const ByteTestTerm& test);
  void check(const ByteJumpTerm& jump);
  void check(const ByteExtractTerm& extract);
  void check(const ByteMathTerm& math);
  void check(const IsDataAtTerm& data_at);
  void check(const SizeTerm& size) { static_cast<void>(size); }
  void check(const Base64Term& base64) { static_cast<void>(base64); }
  void check(const SetTerm& set);

  void check_read(std::string_view what, const ByteRead& read);
  void check_name(std::string_view what, const TermNumber& number);
  void check_room(const ContentTerm& content, std::string_view what,
                  const std::optional<TermNumber>& room);
  void check_lookaheads(const BufferTerms& part);
  void check_sizes(const BufferTerms& part);
  void check_lone_content();
  void check_fast_patterns();

  const Rule& rule_;
  RuleFindings& findings_;
  std::vector<std::string_view> names_;  ///< set by terms before
};

void TermValidator::check_name(std::string_view what, const TermNumber& number) {
  const auto* name = std::get_if<std::string>(&number);
  if (name == nullptr || std::ranges::find(names_, *name) != names_.end()) return;
  const std::string_view near = nearest_word(*name, names_);
  findings_.error(fmt::format("{} is '{}', a name that no term before it sets", what, *name),
                  near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

void TermValidator::check_room(const ContentTerm& content, std::string_view what,
                               const std::optional<TermNumber>& room) {
  if (room) check_name(what, *room);
  const auto bytes = number_in(room);
  if (!bytes || *bytes >= static_cast<std::int64_t>(content.bytes.size())) return;
  findings_.error(fmt::format("{} is {}, less than the {} bytes of {}: it never matches", what,
                              *bytes, content.bytes.size(), shown(content.bytes)));
}

void TermValidator::check(const ContentTerm& content) {
  if (content.bytes.empty()) findings_.error("a content has no bytes");
  check_room(content, "depth", content.depth);
  check_room(content, "within", content.within);
  if (content.offset) check_name("offset", *content.offset);
  if (content.distance) check_name("distance", *content.distance);
  const bool has_place = content.offset || content.depth || content.distance || content.within;
  if (content.starts_with && has_place) {
    findings_.error(
        fmt::format("{} begins its buffer: offset, depth, distance and within say "
                    "another place",
                    shown(content.bytes)));
  }
  const bool is_absolute = content.offset || content.depth;
  if (is_absolute && (content.distance || content.within)) {
    findings_.error(
        fmt::format("{} has a place from the buffer's start and one from the term "
                    "before it: one of them belongs here",
                    shown(content.bytes)));
  }
}

void TermValidator::check(const PcreTerm& pcre) {
  if (has_nested_quantifiers(pcre.pattern)) {
    findings_.warning(
        fmt::format("pcre {} repeats what repeats: it may take very long", shown(pcre.pattern)),
        "bound one of the two quantifiers");
  }
  for (const std::string& name : pcre.captures) names_.push_back(name);
}

/// A packet's payload comes whole.
void TermValidator::check_lookaheads(const BufferTerms& part) {
  const RuleHeader& when = rule_.when;
  const bool is_of_packets =
      when.scope == PayloadScope::no_stream ||
      (when.protocol != RuleProtocol::ip && when.protocol != RuleProtocol::tcp);
  const bool is_whole = part.buffer == Buffer::payload && is_of_packets;
  if (is_whole || !row_of(part.buffer).is_streamed) return;
  for (const Term& term : part.terms) {
    const auto* pcre = std::get_if<PcreTerm>(&term);
    if (pcre == nullptr) continue;
    const auto place = endless_lookahead(pcre->pattern, pcre->dotall);
    if (!place) continue;
    findings_.warning(
        fmt::format("pcre {} asks at byte {} what does not follow, however far on: nothing but the "
                    "end of {} tells",
                    shown(pcre->pattern), *place, name_of(part.buffer)),
        "bound how far it looks, as in (?!.{0,200}x)");
  }
}

void TermValidator::check_read(std::string_view what, const ByteRead& read) {
  check_name(fmt::format("offset of {}", what), read.offset);
  const bool is_text = read.text != NumberText::binary;
  const unsigned bytes_max = is_text ? 23 : 8;
  if (read.bytes > bytes_max || (read.bytes == 0 && !is_text)) {
    findings_.error(
        fmt::format("{} reads {} bytes: 1 to {} belong here", what, read.bytes, bytes_max));
  }
}

void TermValidator::check(const ByteTestTerm& test) {
  check_read("byte_test", test.read);
  check_name("value of byte_test", test.operand);
}

void TermValidator::check(const ByteJumpTerm& jump) {
  check_read("byte_jump", jump.read);
  if (jump.from_beginning && jump.from_end) {
    findings_.error("byte_jump has both from_beginning and from_end");
  }
}

void TermValidator::check(const ByteExtractTerm& extract) {
  check_read("byte_extract", extract.read);
  if (extract.align != 0 && extract.align != 2 && extract.align != 4) {
    findings_.error(
        fmt::format("align of byte_extract is {}: 0, 2 or 4 belongs here", extract.align));
  }
  names_.push_back(extract.name);
}

void TermValidator::check(const ByteMathTerm& math) {
  check_read("byte_math", math.read);
  check_name("value of byte_math", math.operand);
  const auto* number = std::get_if<std::int64_t>(&math.operand);
  if (math.op == MathOperator::divide && number != nullptr && *number == 0) {
    findings_.error("byte_math divides by 0");
  }
  names_.push_back(math.result);
}

void TermValidator::check(const IsDataAtTerm& data_at) {
  check_name("data_at", data_at.offset);
  const auto* number = std::get_if<std::int64_t>(&data_at.offset);
  if (!data_at.is_relative && number != nullptr && *number < 0) {
    findings_.error(fmt::format("data_at is {}, before the buffer's start", *number));
  }
}

void TermValidator::check(const SetTerm& set) {
  if (set.entries.empty() && set.match != SetMatch::named) findings_.error("a set has no entries");
}

/// Contents that do not fit into the size that the same part asks for.
void TermValidator::check_sizes(const BufferTerms& part) {
  std::uint64_t largest = ~std::uint64_t{0};
  for (const Term& term : part.terms) {
    const auto* size = std::get_if<SizeTerm>(&term);
    if (size != nullptr && !size->bytes.is_negated) largest = std::min(largest, size->bytes.high);
  }
  for (const Term& term : part.terms) {
    const auto* content = std::get_if<ContentTerm>(&term);
    if (content == nullptr || content->is_negated) continue;
    const std::int64_t offset = std::max<std::int64_t>(0, number_in(content->offset).value_or(0));
    const std::uint64_t end = content->bytes.size() + static_cast<std::uint64_t>(offset);
    if (end <= largest) continue;
    findings_.error(
        fmt::format("{} needs {} bytes of {}, whose size is at most {}: it never "
                    "matches",
                    shown(content->bytes), end, name_of(part.buffer), largest));
  }
}

void TermValidator::validate_part(const BufferTerms& part) {
  for (const Term& term : part.terms) {
    std::visit([this](const auto& alternative) { check(alternative); }, term);
  }
  check_lookaheads(part);
  // What base64 decodes or a transform changes has another size.
  const bool has_base64 = std::ranges::any_of(
      part.terms, [](const Term& term) { return std::holds_alternative<Base64Term>(term); });
  if (!has_base64) check_sizes(part);
}

/// The one content of a rule that has no port and no service picks the packets it is looked at for.
void TermValidator::check_lone_content() {
  const ContentTerm* lone = nullptr;
  std::size_t terms = 0;
  for (const BufferTerms& part : rule_.match) {
    const bool has_service = row_of(part.buffer).service != Service::any;
    if (has_service || part.buffer == Buffer::file_data) return;
    for (const Term& term : part.terms) {
      const auto* content = std::get_if<ContentTerm>(&term);
      ++terms;
      if (content == nullptr || content->is_negated) continue;
      if (lone != nullptr) return;
      lone = content;
    }
  }
  const RuleHeader& when = rule_.when;
  const bool is_narrowed =
      when.service != Service::any || when.source_port != "any" || when.destination_port != "any";
  if (lone == nullptr || is_narrowed || lone->bytes.size() >= kLoneContentBytesMin) return;
  const std::string message = fmt::format(
      "the only content {} is shorter than {} bytes, and no port or service narrows "
      "where it is looked for",
      shown(lone->bytes), kLoneContentBytesMin);
  if (terms == 1 && rule_.headers.empty()) {
    findings_.error(message, "give it a port, a service or a longer content");
  } else {
    findings_.warning(message);
  }
}

void TermValidator::check_fast_patterns() {
  std::size_t chosen = 0;
  for (const BufferTerms& part : rule_.match) {
    for (const Term& term : part.terms) {
      const auto* content = std::get_if<ContentTerm>(&term);
      if (content == nullptr) continue;
      chosen += content->is_fast_pattern ? 1 : 0;
      const std::size_t end = std::size_t{content->fast_offset} + content->fast_length;
      if (end <= content->bytes.size() && content->fast_offset < content->bytes.size()) continue;
      if (content->bytes.empty()) continue;
      findings_.error(fmt::format("the fast pattern takes bytes up to {} of {}, which has {}",
                                  std::max<std::size_t>(end, content->fast_offset + 1U),
                                  shown(content->bytes), content->bytes.size()));
    }
  }
  if (chosen > 1)
    findings_.error(fmt::format("chooses {} fast patterns: one belongs here", chosen));
}

void TermValidator::validate() {
  for (const BufferTerms& part : rule_.match) validate_part(part);
  check_fast_patterns();
  check_lone_content();
}

}  // namespace

void validate_terms(const Rule& rule, RuleFindings& findings) {
  TermValidator(rule, findings).validate();
}

}  // namespace sluice
