// content and the modifiers that stand behind one.
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_pcre.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

constexpr std::uint64_t kFastPatternMax = 0xffff;

using Keyword = SuricataKeyword;
using Option = SuricataOption;

Result<ContentTerm> read_content_term(std::string_view value) {
  ContentTerm content;
  content.is_negated = cut_negation(value);
  if (!value.starts_with('"')) {
    return fail(ErrorKind::invalid, "the content belongs in double quotes");
  }
  auto bytes = read_content(strip_quotes(value));
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  content.bytes = std::move(*bytes);
  return content;
}

Status read_content_keyword(RuleDraft& draft, const Option& option, const Keyword&) {
  auto content = read_content_term(option.value);
  if (!content) return tl::unexpected(std::move(content.error()));
  return draft.add(std::move(*content));
}

Status read_uricontent(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  auto content = read_content_term(option.value);
  if (!content) return tl::unexpected(std::move(content.error()));
  return draft.add_to(keyword.buffer, std::move(*content));
}

/// What a keyword does to the content before it.
template <class Change>
Status change_content(RuleDraft& draft, Change change) {
  ContentTerm* content = draft.last_content();
  if (content == nullptr) return fail(ErrorKind::invalid, "there is no content before it");
  return change(*content);
}

Status read_nocase(RuleDraft& draft, const Option&, const Keyword&) {
  return change_content(draft, [](ContentTerm& content) -> Status {
    content.nocase = true;
    return {};
  });
}

template <std::optional<TermNumber> ContentTerm::*place>
Status read_place(RuleDraft& draft, const Option& option, const Keyword&) {
  return change_content(draft, [&option](ContentTerm& content) -> Status {
    auto number = read_operand(option.value);
    if (!number) return tl::unexpected(std::move(number.error()));
    if (content.*place) return fail(ErrorKind::invalid, "the content before it has one already");
    content.*place = std::move(*number);
    return {};
  });
}

template <bool ContentTerm::*member>
Status read_end(RuleDraft& draft, const Option&, const Keyword&) {
  return change_content(draft, [](ContentTerm& content) -> Status {
    content.*member = true;
    return {};
  });
}

Status choose_bytes(ContentTerm& content, std::string_view value) {
  const auto numbers = split_list(value, ',');
  if (numbers.size() != 2) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is neither only nor OFFSET,LENGTH", escape_control(value)));
  }
  const auto offset = read_number(numbers[0], kFastPatternMax);
  if (!offset) return tl::unexpected(offset.error());
  const auto length = read_number(numbers[1], kFastPatternMax);
  if (!length) return tl::unexpected(length.error());
  if (*length == 0 || *offset + *length > content.bytes.size()) {
    return fail(ErrorKind::invalid, fmt::format("{} bytes at {} are not inside of the content's {}",
                                                *length, *offset, content.bytes.size()));
  }
  content.fast_offset = static_cast<std::uint16_t>(*offset);
  content.fast_length = static_cast<std::uint16_t>(*length);
  return {};
}

/// `only` said that the bytes need no second look; where they stand never mattered then.
Status read_fast_pattern(RuleDraft& draft, const Option& option, const Keyword&) {
  return change_content(draft, [&option](ContentTerm& content) -> Status {
    content.is_fast_pattern = true;
    if (option.value.empty() || option.value == "only") return {};
    return choose_bytes(content, option.value);
  });
}

/// The payload is always looked at as it was sent.
Status read_rawbytes(RuleDraft& draft, const Option&, const Keyword&) {
  return change_content(draft, [](ContentTerm&) -> Status { return {}; });
}

Status move_content(RuleDraft& draft, const Option&, const Keyword& keyword) {
  return draft.move_last_content(keyword.buffer);
}

constexpr auto kNoValue = SuricataValue::none;
constexpr auto kRequired = SuricataValue::required;

constexpr std::array kKeywords{
    Keyword{"content", kRequired, &read_content_keyword},
    Keyword{"uricontent", kRequired, &read_uricontent, Buffer::http_uri},
    Keyword{"pcre", kRequired, &read_pcre},
    Keyword{"nocase", kNoValue, &read_nocase},
    Keyword{"offset", kRequired, &read_place<&ContentTerm::offset>},
    Keyword{"depth", kRequired, &read_place<&ContentTerm::depth>},
    Keyword{"distance", kRequired, &read_place<&ContentTerm::distance>},
    Keyword{"within", kRequired, &read_place<&ContentTerm::within>},
    Keyword{"startswith", kNoValue, &read_end<&ContentTerm::starts_with>},
    Keyword{"endswith", kNoValue, &read_end<&ContentTerm::ends_with>},
    Keyword{"fast_pattern", SuricataValue::optional, &read_fast_pattern},
    Keyword{"rawbytes", kNoValue, &read_rawbytes},
    Keyword{"http_uri", kNoValue, &move_content, Buffer::http_uri},
    Keyword{"http_raw_uri", kNoValue, &move_content, Buffer::http_uri_raw},
    Keyword{"http_method", kNoValue, &move_content, Buffer::http_method},
    Keyword{"http_header", kNoValue, &move_content, Buffer::http_header},
    Keyword{"http_raw_header", kNoValue, &move_content, Buffer::http_header_raw},
    Keyword{"http_cookie", kNoValue, &move_content, Buffer::http_cookie},
    Keyword{"http_user_agent", kNoValue, &move_content, Buffer::http_user_agent},
    Keyword{"http_host", kNoValue, &move_content, Buffer::http_host},
    Keyword{"http_raw_host", kNoValue, &move_content, Buffer::http_host_raw},
    Keyword{"http_client_body", kNoValue, &move_content, Buffer::http_request_body},
    Keyword{"http_server_body", kNoValue, &move_content, Buffer::http_response_body},
    Keyword{"http_stat_code", kNoValue, &move_content, Buffer::http_stat_code},
    Keyword{"http_stat_msg", kNoValue, &move_content, Buffer::http_stat_msg},
};

}  // namespace

std::span<const SuricataKeyword> suricata_content_keywords() noexcept { return kKeywords; }

}  // namespace sluice
