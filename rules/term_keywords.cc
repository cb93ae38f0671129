// Keys of the terms of `match:` and the words of their transforms.
#include "config/set_kind.h"
#include "rules/keyword_rows.h"
#include "rules/keywords.h"

namespace sluice {
namespace {

using enum KeywordType;
using keyword_rows::kComparisonWords;
using keyword_rows::term_field;

// Distances may go back; none of them leaves a buffer of 2 GiB.
constexpr std::int64_t kPlaceMin = -0x7fff'ffff;
constexpr std::uint64_t kPlaceMax = 0x7fff'ffff;
constexpr std::uint64_t kLargest32 = 0xffff'ffff;
constexpr std::uint64_t kNameBytesMax = 64;

constexpr std::string_view kOrders[] = {"big", "little", "dce"};
constexpr std::string_view kBases[] = {"binary", "decimal", "hexadecimal", "octal"};
constexpr std::string_view kMathOperators[] = {"add",    "subtract",   "multiply",
                                               "divide", "shift_left", "shift_right"};
constexpr std::string_view kTransforms[] = {"dotprefix",
                                            "strip_whitespace",
                                            "compress_whitespace",
                                            "to_lowercase",
                                            "to_uppercase",
                                            "url_decode",
                                            "to_md5",
                                            "to_sha1",
                                            "to_sha256",
                                            "strip_pseudo_headers",
                                            "header_lowercase",
                                            "xor_key"};

constexpr Keyword kNot{"not", boolean, "holds where this is not so"};
constexpr Keyword kRelative{"relative", boolean, "counts from the end of the term before it"};
constexpr Keyword place(std::string_view key, std::string_view help, std::int64_t min) noexcept {
  return {key, operand, help, min, kPlaceMax};
}

template <class A>
constexpr Field<Term> not_field() noexcept {
  return term_field<A, &A::is_negated>(kNot);
}
template <class A>
constexpr Field<Term> read_bytes_field(std::string_view key, std::string_view help) noexcept {
  return term_field<A, &A::read, &ByteRead::bytes>({key, number, help, 0, 23});
}
template <class A>
constexpr Field<Term> read_offset_field() noexcept {
  return term_field<A, &A::read, &ByteRead::offset>(
      place("offset", "where the number begins, from the buffer's start", kPlaceMin));
}
template <class A>
constexpr Field<Term> read_relative_field() noexcept {
  return term_field<A, &A::read, &ByteRead::is_relative>(
      {"relative", boolean, "offset counts from the end of the term before it"});
}
template <class A>
constexpr Field<Term> order_field() noexcept {
  return term_field<A, &A::read, &ByteRead::order>(
      {"order", word, "order of its bytes; dce: as the DCE/RPC header says", 0, 0, kOrders});
}
template <class A>
constexpr Field<Term> base_field() noexcept {
  return term_field<A, &A::read, &ByteRead::text>(
      {"base", word, "binary, or digits of this base", 0, 0, kBases});
}
template <class A>
constexpr Field<Term> mask_field() noexcept {
  return term_field<A, &A::read, &ByteRead::mask>(
      {"mask", hex, "bits that are taken, shifted to the right; 0: all"});
}

constexpr Field<Term> kContentFields[] = {
    not_field<ContentTerm>(),
    term_field<ContentTerm, &ContentTerm::nocase>({"nocase", boolean,
                                                   "upper and lower case of "
                                                   "ASCII letters are the same"}),
    term_field<ContentTerm, &ContentTerm::offset>(
        place("offset", "the bytes begin here or behind, from the buffer's start", kPlaceMin)),
    term_field<ContentTerm, &ContentTerm::depth>(
        place("depth", "the bytes end within so many behind offset", kPlaceMin)),
    term_field<ContentTerm, &ContentTerm::distance>(
        place("distance", "the bytes begin at least so many behind the term before", kPlaceMin)),
    term_field<ContentTerm, &ContentTerm::within>(
        place("within", "the bytes end within so many behind the term before", kPlaceMin)),
    term_field<ContentTerm, &ContentTerm::is_fast_pattern>(
        {"fast_pattern", boolean, "the rule is looked at only where these bytes are"}),
    term_field<ContentTerm, &ContentTerm::fast_offset>(
        {"fast_offset", number, "first of the bytes that the fast pattern takes", 0, 65535}),
    term_field<ContentTerm, &ContentTerm::fast_length>(
        {"fast_length", number, "how many it takes; 0: all", 0, 65535}),
};

constexpr Field<Term> kPcreFields[] = {
    not_field<PcreTerm>(),
    term_field<PcreTerm, &PcreTerm::nocase>({"nocase", boolean, "flag i"}),
    term_field<PcreTerm, &PcreTerm::multiline>({"multiline", boolean, "flag m"}),
    term_field<PcreTerm, &PcreTerm::dotall>({"dotall", boolean, "flag s"}),
    term_field<PcreTerm, &PcreTerm::extended>({"extended", boolean, "flag x"}),
    term_field<PcreTerm, &PcreTerm::anchored>({"anchored", boolean, "flag A"}),
    term_field<PcreTerm, &PcreTerm::dollar_end_only>({"dollar_end_only", boolean, "flag E"}),
    term_field<PcreTerm, &PcreTerm::ungreedy>({"ungreedy", boolean, "flag G"}),
    term_field<PcreTerm, &PcreTerm::is_relative>(kRelative),
    term_field<PcreTerm, &PcreTerm::captures>({"captures", texts,
                                               "names for what its groups "
                                               "catch, in their order",
                                               0, 16}),
};

constexpr Field<Term> kByteTestFields[] = {
    term_field<ByteTestTerm, &ByteTestTerm::operand>(
        {"value", operand, "what the number is compared with",
         std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}),
    not_field<ByteTestTerm>(),
    read_bytes_field<ByteTestTerm>("bytes", "how many bytes the number has"),
    read_offset_field<ByteTestTerm>(),
    read_relative_field<ByteTestTerm>(),
    order_field<ByteTestTerm>(),
    base_field<ByteTestTerm>(),
    mask_field<ByteTestTerm>(),
};

constexpr Field<Term> kByteJumpFields[] = {
    read_offset_field<ByteJumpTerm>(),
    read_relative_field<ByteJumpTerm>(),
    order_field<ByteJumpTerm>(),
    base_field<ByteJumpTerm>(),
    mask_field<ByteJumpTerm>(),
    term_field<ByteJumpTerm, &ByteJumpTerm::multiplier>(
        {"multiplier", number, "the number is multiplied by this", 0, kLargest32}),
    term_field<ByteJumpTerm, &ByteJumpTerm::post_offset>(
        {"post_offset", integer, "added behind the jump", kPlaceMin, kPlaceMax}),
    term_field<ByteJumpTerm, &ByteJumpTerm::aligns_to_4>(
        {"align", boolean, "the number is rounded up to a multiple of four"}),
    term_field<ByteJumpTerm, &ByteJumpTerm::from_beginning>(
        {"from_beginning", boolean, "jumps from the buffer's start"}),
    term_field<ByteJumpTerm, &ByteJumpTerm::from_end>(
        {"from_end", boolean, "jumps from the buffer's end"}),
};

constexpr Field<Term> kByteExtractFields[] = {
    read_bytes_field<ByteExtractTerm>("bytes", "how many bytes the number has"),
    read_offset_field<ByteExtractTerm>(),
    read_relative_field<ByteExtractTerm>(),
    order_field<ByteExtractTerm>(),
    base_field<ByteExtractTerm>(),
    mask_field<ByteExtractTerm>(),
    term_field<ByteExtractTerm, &ByteExtractTerm::multiplier>(
        {"multiplier", number, "the number is multiplied by this", 0, kLargest32}),
    term_field<ByteExtractTerm, &ByteExtractTerm::align>(
        {"align", number, "the number is rounded up to a multiple of 2 or 4; 0: not", 0, 4}),
};

constexpr Field<Term> kByteMathFields[] = {
    term_field<ByteMathTerm, &ByteMathTerm::op>(
        {"operator", word, "what is computed", 0, 0, kMathOperators}),
    term_field<ByteMathTerm, &ByteMathTerm::operand>({"value", operand, "the other number",
                                                      std::numeric_limits<std::int64_t>::min(),
                                                      std::numeric_limits<std::int64_t>::max()}),
    read_bytes_field<ByteMathTerm>("bytes", "how many bytes the number has"),
    read_offset_field<ByteMathTerm>(),
    read_relative_field<ByteMathTerm>(),
    order_field<ByteMathTerm>(),
    base_field<ByteMathTerm>(),
    mask_field<ByteMathTerm>(),
};

constexpr Field<Term> kDataAtFields[] = {
    not_field<IsDataAtTerm>(),
    term_field<IsDataAtTerm, &IsDataAtTerm::is_relative>(kRelative),
};
constexpr Field<Term> kBase64Fields[] = {
    term_field<Base64Term, &Base64Term::offset>(
        {"offset", number, "where the encoded bytes begin", 0, kLargest32}),
    term_field<Base64Term, &Base64Term::is_relative>(kRelative),
};
constexpr Field<Term> kSetFields[] = {not_field<SetTerm>()};

template <bool starts, bool ends>
Term blank_content() {
  ContentTerm content;
  content.starts_with = starts;
  content.ends_with = ends;
  return content;
}
template <bool starts, bool ends>
bool holds_content(const Term& term) {
  const auto* content = std::get_if<ContentTerm>(&term);
  return content != nullptr && content->starts_with == starts && content->ends_with == ends;
}
template <bool starts, bool ends>
constexpr Choice<Term> content_choice(std::string_view key, std::string_view help) noexcept {
  return {term_field<ContentTerm, &ContentTerm::bytes>({key, bytes, help, 1, kContentBytesMax}),
          &blank_content<starts, ends>, &holds_content<starts, ends>, kContentFields};
}

template <SetMatch match>
Term blank_set() {
  SetTerm set;
  set.match = match;
  return set;
}
template <SetMatch match>
bool holds_set(const Term& term) {
  const auto* set = std::get_if<SetTerm>(&term);
  return set != nullptr && set->match == match;
}
template <SetMatch match>
constexpr Choice<Term> set_choice(std::string_view key, std::string_view help) noexcept {
  return {term_field<SetTerm, &SetTerm::entries>({key, byte_texts, help, 1, kSetEntriesMax}),
          &blank_set<match>, &holds_set<match>, kSetFields};
}

template <class Alternative>
Term blank_term() {
  return Alternative{};
}
template <class Alternative>
bool holds_term(const Term& term) {
  return std::holds_alternative<Alternative>(term);
}
template <class Alternative>
constexpr Choice<Term> term_choice(Field<Term> main, std::span<const Field<Term>> fields) noexcept {
  return {main, &blank_term<Alternative>, &holds_term<Alternative>, fields};
}

constexpr Choice<Term> kTermChoices[] = {
    content_choice<false, false>("contains", "these bytes are somewhere in the buffer"),
    content_choice<true, false>("starts_with", "the buffer begins with these bytes"),
    content_choice<false, true>("ends_with", "the buffer ends with these bytes"),
    content_choice<true, true>("equals", "the buffer is these bytes"),
    term_choice<PcreTerm>(term_field<PcreTerm, &PcreTerm::pattern>(
                              {"pcre", text,
                               "a regular expression in PCRE's syntax, as it is: "
                               "best in single quotes",
                               1, kContentBytesMax}),
                          kPcreFields),
    term_choice<ByteTestTerm>(
        term_field<ByteTestTerm, &ByteTestTerm::comparison>(
            {"byte_test", word, "a number in the buffer compares so with value", 0, 0,
             kComparisonWords}),
        kByteTestFields),
    term_choice<ByteJumpTerm>(
        read_bytes_field<ByteJumpTerm>("byte_jump",
                                       "reads a number of so many bytes and moves the "
                                       "place that relative terms count from"),
        kByteJumpFields),
    term_choice<ByteExtractTerm>(
        term_field<ByteExtractTerm, &ByteExtractTerm::name>(
            {"byte_extract", text, "reads a number, for other terms to use by this name", 1,
             kNameBytesMax}),
        kByteExtractFields),
    term_choice<ByteMathTerm>(
        term_field<ByteMathTerm, &ByteMathTerm::result>(
            {"byte_math", text, "reads a number and computes, for other terms to use by this name",
             1, kNameBytesMax}),
        kByteMathFields),
    term_choice<IsDataAtTerm>(term_field<IsDataAtTerm, &IsDataAtTerm::offset>(place(
                                  "data_at", "the buffer has a byte at this offset", kPlaceMin)),
                              kDataAtFields),
    term_choice<SizeTerm>(
        term_field<SizeTerm, &SizeTerm::bytes>({"size", range, "bytes in the buffer"}), {}),
    term_choice<Base64Term>(term_field<Base64Term, &Base64Term::bytes>(
                                {"base64", number,
                                 "terms behind it see what is decoded from at most so many bytes; "
                                 "0: to the end",
                                 0, kLargest32}),
                            kBase64Fields),
    set_choice<SetMatch::exact>("one_of", "the buffer is one of these"),
    set_choice<SetMatch::domain_suffix>("domains",
                                        "the buffer is one of these names or a name "
                                        "below one"),
    {term_field<SetTerm, &SetTerm::name>(
         {"in_set", text,
          "the buffer is in this one of the configuration's sets: one of its texts, "
          "or one of its domains or a name below one",
          1, kSetNameMax}),
     &blank_set<SetMatch::named>, &holds_set<SetMatch::named>, kSetFields},
};

}  // namespace

std::span<const Choice<Term>> term_choices() noexcept { return kTermChoices; }
std::span<const std::string_view> transform_words() noexcept { return kTransforms; }

}  // namespace sluice
