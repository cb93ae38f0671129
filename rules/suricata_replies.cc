// A line with a code has three digits, a blank and a text; any other line is all text, and has no
// code. What looks into the code asks for the blank behind it; what looks into the text must not
// begin in what would be the code.
#include "rules/suricata_replies.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::int64_t kCodeBytes = 3;
constexpr std::int64_t kTextAt = kCodeBytes + 1;

/// The blank behind a code: stands in front of the terms that look into it.
ContentTerm code_end() {
  ContentTerm end;
  end.bytes = " ";
  end.offset = kCodeBytes;
  end.depth = 1;
  return end;
}

bool looks_into_code(const BufferTerms& part) {
  return !part.terms.empty() && part.terms.front() == Term{code_end()};
}

bool has_place(const ContentTerm& content) noexcept {
  return content.offset || content.depth || content.distance || content.within;
}

Status place_in_code(ContentTerm& content) {
  const auto bytes = static_cast<std::int64_t>(content.bytes.size());
  if (has_place(content) || bytes > kCodeBytes) {
    return fail(ErrorKind::invalid,
                "of the code of a reply a content is compared, of three bytes at most and without "
                "a place but startswith and endswith");
  }
  const bool is_all = content.starts_with && content.ends_with;
  if (is_all && bytes < kCodeBytes) {
    return fail(ErrorKind::invalid, "the code of a reply has three digits");
  }
  const bool is_last = std::exchange(content.ends_with, false) && !content.starts_with;
  if (content.starts_with) return {};
  content.offset = is_last ? kCodeBytes - bytes : 0;
  content.depth = is_last ? bytes : kCodeBytes;
  return {};
}

Status place_code_terms(BufferTerms& part) {
  if (part.terms.size() < 2) {
    return fail(ErrorKind::invalid, "the code is named, but nothing looks into it");
  }
  for (std::size_t i = 1; i < part.terms.size(); ++i) {
    auto* content = std::get_if<ContentTerm>(&part.terms[i]);
    if (content == nullptr) {
      return fail(ErrorKind::invalid, "of the code of a reply contents alone are compared");
    }
    if (auto placed = place_in_code(*content); !placed) return placed;
  }
  return {};
}

/// True: of lines without a code it does not see the beginning.
Result<bool> place_in_text(ContentTerm& content) {
  if (content.distance || content.within) return false;
  if (content.depth && !content.offset) content.offset = 0;
  if (content.starts_with) {
    content.starts_with = false;
    content.offset = 0;
    content.depth = static_cast<std::int64_t>(content.bytes.size());
  }
  constexpr std::string_view kOfCodes = "0123456789 ";
  if (!content.offset && kOfCodes.find(content.bytes.front()) == std::string_view::npos) {
    return false;
  }
  const TermNumber offset = content.offset.value_or(0);
  const auto* number = std::get_if<std::int64_t>(&offset);
  if (number == nullptr) {
    return fail(ErrorKind::invalid, "the place of the text of a reply is written as a number");
  }
  content.offset = *number + kTextAt;
  return true;
}

bool is_relative(const Term& term) noexcept {
  const auto* pcre = std::get_if<PcreTerm>(&term);
  return pcre != nullptr && pcre->is_relative;
}

Result<bool> place_text_terms(BufferTerms& part) {
  bool sees_less = false;
  for (Term& term : part.terms) {
    if (is_relative(term)) continue;
    auto* content = std::get_if<ContentTerm>(&term);
    if (content == nullptr) {
      return fail(ErrorKind::invalid,
                  "of the text of a reply contents are looked for, and expressions with flag R");
    }
    const auto placed = place_in_text(*content);
    if (!placed) return placed;
    sees_less = sees_less || *placed;
  }
  return sees_less;
}

}  // namespace

Status select_reply_code(RuleDraft& draft) {
  if (auto selected = draft.select(Buffer::ftp_reply); !selected) return selected;
  return draft.add(code_end());
}

Status place_reply_terms(RuleDraft& draft) {
  for (BufferTerms& part : draft.rule.match) {
    if (part.buffer != Buffer::ftp_reply) continue;
    if (looks_into_code(part)) {
      if (auto placed = place_code_terms(part); !placed) return placed;
      continue;
    }
    const auto placed = place_text_terms(part);
    if (!placed) return tl::unexpected<Error>(placed.error());
    if (!*placed) continue;
    draft.downgrades.push_back({"ftp.reply", "a line without a code is seen from its fifth byte"});
  }
  return {};
}

}  // namespace sluice
