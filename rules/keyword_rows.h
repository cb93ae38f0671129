// How a row of the keyword table reaches its member: functions made from pointers to members, so
// that a row names the member once. For the files that hold the tables.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "rules/keywords.h"

namespace sluice::keyword_rows {

inline constexpr std::string_view kComparisonWords[] = {
    "equal",    "not_equal", "less",   "greater", "less_or_equal", "greater_or_equal",
    "bits_set", "bits_xor",  "between"};

/// The member of a member of `record`, and so on.
template <auto First, auto... Rest>
constexpr auto& reach(auto& record) noexcept {
  if constexpr (sizeof...(Rest) == 0) {
    return record.*First;
  } else {
    return reach<Rest...>(record.*First);
  }
}

/// Words of an enumeration begin with its first value, which is 1 in this one.
template <class T>
inline constexpr std::uint64_t kFirstValue = std::same_as<T, RuleSeverity> ? 1 : 0;

template <class T>
std::optional<KeywordValue> to_value(const T& member) {
  if constexpr (std::same_as<T, std::optional<TermNumber>>) {
    if (!member) return std::nullopt;
    return KeywordValue{*member};
  } else if constexpr (std::is_enum_v<T>) {
    return KeywordValue{static_cast<std::uint64_t>(member) - kFirstValue<T>};
  } else if constexpr (std::unsigned_integral<T>) {
    return KeywordValue{static_cast<std::uint64_t>(member)};
  } else if constexpr (std::signed_integral<T>) {
    return KeywordValue{static_cast<std::int64_t>(member)};
  } else {
    return KeywordValue{member};
  }
}

/// The value is of the row's type and within its range.
template <class T>
void from_value(T& member, KeywordValue value) {
  if constexpr (std::same_as<T, std::optional<TermNumber>>) {
    member = std::get<TermNumber>(std::move(value));
  } else if constexpr (std::is_enum_v<T>) {
    member = static_cast<T>(std::get<std::uint64_t>(value) + kFirstValue<T>);
  } else if constexpr (std::same_as<T, bool>) {
    member = std::get<std::uint64_t>(value) != 0;
  } else if constexpr (std::unsigned_integral<T>) {
    member = static_cast<T>(std::get<std::uint64_t>(value));
  } else if constexpr (std::signed_integral<T>) {
    member = static_cast<T>(std::get<std::int64_t>(value));
  } else {
    member = std::get<T>(std::move(value));
  }
}

template <class Record, auto... Members>
std::optional<KeywordValue> read_member(const Record& record) {
  return to_value(reach<Members...>(record));
}
template <class Record, auto... Members>
void write_member(Record& record, KeywordValue value) {
  from_value(reach<Members...>(record), std::move(value));
}
template <class Record, auto... Members>
constexpr Field<Record> field(Keyword keyword) noexcept {
  return {keyword, &read_member<Record, Members...>, &write_member<Record, Members...>};
}
template <class Record>
constexpr Field<Record> section_field(Keyword keyword) noexcept {
  return {keyword, nullptr, nullptr};
}

/// The same for members of one alternative of a term.
template <class Alternative, auto... Members>
std::optional<KeywordValue> read_term(const Term& term) {
  return to_value(reach<Members...>(std::get<Alternative>(term)));
}
template <class Alternative, auto... Members>
void write_term(Term& term, KeywordValue value) {
  from_value(reach<Members...>(std::get<Alternative>(term)), std::move(value));
}
template <class Alternative, auto... Members>
constexpr Field<Term> term_field(Keyword keyword) noexcept {
  return {keyword, &read_term<Alternative, Members...>, &write_term<Alternative, Members...>};
}

/// Choices that a member tells apart: `blank` sets it, `holds` asks for it.
template <class Record, auto Member, auto Value>
Record blank_with() {
  Record record;
  record.*Member = Value;
  return record;
}
template <class Record, auto Member, auto Value>
bool holds_with(const Record& record) {
  return record.*Member == Value;
}
template <class Record, auto Member, auto Value>
constexpr Choice<Record> choice(Field<Record> main, std::span<const Field<Record>> fields = {}) {
  return {main, &blank_with<Record, Member, Value>, &holds_with<Record, Member, Value>, fields};
}

}  // namespace sluice::keyword_rows
