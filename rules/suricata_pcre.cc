// pcre: the pattern between slashes, PCRE's flags, and the letters that name a buffer.
#include "rules/suricata_pcre.h"

#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

struct FlagRow {
  char letter;
  bool PcreTerm::*member;
};
constexpr std::array kFlags{
    FlagRow{'i', &PcreTerm::nocase},   FlagRow{'m', &PcreTerm::multiline},
    FlagRow{'s', &PcreTerm::dotall},   FlagRow{'x', &PcreTerm::extended},
    FlagRow{'A', &PcreTerm::anchored}, FlagRow{'E', &PcreTerm::dollar_end_only},
    FlagRow{'G', &PcreTerm::ungreedy}, FlagRow{'R', &PcreTerm::is_relative},
};

struct BufferFlag {
  char letter;
  Buffer buffer;
};
constexpr std::array kBufferFlags{
    BufferFlag{'U', Buffer::http_uri},          BufferFlag{'I', Buffer::http_uri_raw},
    BufferFlag{'P', Buffer::http_request_body}, BufferFlag{'Q', Buffer::http_response_body},
    BufferFlag{'H', Buffer::http_header},       BufferFlag{'D', Buffer::http_header_raw},
    BufferFlag{'M', Buffer::http_method},       BufferFlag{'C', Buffer::http_cookie},
    BufferFlag{'S', Buffer::http_stat_code},    BufferFlag{'Y', Buffer::http_stat_msg},
    BufferFlag{'V', Buffer::http_user_agent},   BufferFlag{'W', Buffer::http_host},
    BufferFlag{'Z', Buffer::http_host_raw},     BufferFlag{'B', Buffer::payload},
};

bool set_flag(PcreTerm& pcre, char letter) noexcept {
  for (const FlagRow& row : kFlags) {
    if (row.letter != letter) continue;
    pcre.*row.member = true;
    return true;
  }
  // O lifts Suricata's limits of matching; sluice's own hold for every pattern.
  return letter == 'O';
}

std::optional<Buffer> buffer_of_flag(char letter) noexcept {
  for (const BufferFlag& row : kBufferFlags) {
    if (row.letter == letter) return row.buffer;
  }
  return std::nullopt;
}

Status read_flags(std::string_view letters, SuricataPcre& out) {
  for (const char letter : letters) {
    if (set_flag(out.term, letter)) continue;
    const auto buffer = buffer_of_flag(letter);
    if (!buffer) {
      return fail(ErrorKind::invalid,
                  fmt::format("'{}' is no flag", escape_control(std::string_view(&letter, 1))));
    }
    if (out.buffer && *out.buffer != *buffer) {
      return fail(ErrorKind::invalid,
                  fmt::format("the flags '{}' name two buffers", escape_control(letters)));
    }
    out.buffer = buffer;
  }
  return {};
}

/// Groups that hand what they catch to variables of the flow or to the alert.
bool has_variable(std::string_view pattern) noexcept {
  for (const std::string_view name : {"<flow_", "<pkt_", "<alert_"}) {
    if (pattern.find(name) != std::string_view::npos) return true;
  }
  return false;
}

/// Bytes that do not print as escapes, which mean the same: patterns are bytes, not UTF-8.
std::string printable(std::string_view pattern) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool is_escape = pattern[i] == '\\' && i + 1 < pattern.size();
    const auto byte = static_cast<unsigned char>(pattern[is_escape ? i + 1 : i]);
    if (byte < 0x20 || byte >= 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += pattern.substr(i, is_escape ? 2 : 1);
    }
    i += is_escape ? 1 : 0;
  }
  return text;
}

}  // namespace

Result<SuricataPcre> read_suricata_pcre(std::string_view value) {
  SuricataPcre out;
  out.term.is_negated = cut_negation(value);
  if (!value.starts_with('"') || !value.ends_with('"')) {
    return fail(ErrorKind::invalid, "the expression belongs in double quotes");
  }
  value = strip_quotes(value);
  const std::size_t end = value.rfind('/');
  if (!value.starts_with('/') || end == 0 || end == std::string_view::npos) {
    return fail(ErrorKind::invalid, "the expression belongs between two '/'");
  }
  const std::string_view pattern = value.substr(1, end - 1);
  if (pattern.empty()) return fail(ErrorKind::invalid, "the expression is empty");
  if (value.substr(end + 1).find(',') != std::string_view::npos || has_variable(pattern)) {
    return fail(ErrorKind::invalid, "variables of a flow or of an alert are not set by groups");
  }
  if (auto read = read_flags(value.substr(end + 1), out); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  out.term.pattern = printable(pattern);
  return out;
}

Status read_pcre(RuleDraft& draft, const SuricataOption& option, const SuricataKeyword&) {
  auto pcre = read_suricata_pcre(option.value);
  if (!pcre) return tl::unexpected(std::move(pcre.error()));
  if (pcre->buffer) return draft.add_to(*pcre->buffer, std::move(pcre->term));
  return draft.add(std::move(pcre->term));
}

}  // namespace sluice
