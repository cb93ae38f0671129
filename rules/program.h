// The terms of one BufferTerms resolved for the worker: bytes folded and in one block, names turned
// into slots, regular expressions compiled, what may be tried again marked. The compiler's child
// makes a program, it crosses to the wire process through `code`, and from then on it is const.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/plain_codec.h"
#include "base/result.h"
#include "config/set_kind.h"
#include "rules/buffers.h"
#include "rules/byte_set.h"
#include "rules/regex.h"
#include "rules/rule.h"

namespace sluice {

inline constexpr std::size_t kRuleSlots = 16;  ///< numbers that a rule may name
inline constexpr std::size_t kPartSteps = 64;  ///< terms about one buffer
inline constexpr std::size_t kPartTransforms = 8;
inline constexpr std::size_t kPartBytesMax = 65'536;  ///< contents and keys of one part
inline constexpr std::size_t kContentBytesMax = 8'192;
inline constexpr std::size_t kStepCaptures = kRegexGroups;
inline constexpr std::int64_t kPlaceMax = std::int64_t{1} << 40;  ///< of offsets and distances
inline constexpr std::uint8_t kNoVariable = 0xff;
inline constexpr std::uint32_t kNoSieve = 0xffffffff;
inline constexpr std::uint64_t kUnboundedReach = std::numeric_limits<std::uint64_t>::max();

/// Which slot each name of a rule has. One object serves all parts of a rule, in order: a part sees
/// what the parts before it have named.
class RuleNames {
 public:
  [[nodiscard]] std::optional<std::uint8_t> slot_of(std::string_view name) const noexcept;
  /// A slot for a name that is set here; from here on the name means this slot, also where it had
  /// another before. None when all are used.
  [[nodiscard]] std::optional<std::uint8_t> define(std::string_view name);

 private:
  std::vector<std::string> names_;
};

/// A constant, or what the slot holds.
struct StepNumber {
  std::int64_t value = 0;
  std::uint8_t slot = kNoVariable;
};

/// A piece of `PartProgram::bytes`.
struct BytesRef {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
};

/// Bytes to look for.
struct Needle {
  BytesRef bytes;  ///< in lower case where `nocase`
  bool nocase = false;
};

struct ContentStep {
  Needle needle;
  bool is_negated = false;
  bool is_relative = false;  ///< `start` and `room` are distance and within, else offset and depth
  bool ends_with = false;
  bool has_room = false;
  StepNumber start;
  StepNumber room;
};

struct RegexStep {
  std::uint32_t regex = 0;  ///< index into `PartProgram::regexes`
  Needle needle;            ///< part of every match, none of it before its start; may be empty
  bool is_negated = false;
  bool is_relative = false;
  std::uint8_t capture_count = 0;
  std::array<std::uint8_t, kStepCaptures> captures{};  ///< slot of group i + 1
};

struct ReadStep {
  std::uint8_t bytes = 0;
  StepNumber offset;
  bool is_relative = false;
  bool is_little = false;
  NumberText text = NumberText::binary;
  std::uint64_t mask = 0;
};

struct ByteTestStep {
  ReadStep read;
  bool is_negated = false;
  Comparison comparison = Comparison::equal;
  StepNumber operand;
};

struct ByteJumpStep {
  ReadStep read;
  std::uint32_t multiplier = 1;
  std::int64_t post_offset = 0;
  bool aligns_to_4 = false;
  bool from_beginning = false;
  bool from_end = false;
};

struct ByteExtractStep {
  ReadStep read;
  std::uint8_t slot = 0;
  std::uint32_t multiplier = 1;
  std::uint8_t align = 0;
};

struct ByteMathStep {
  ReadStep read;
  MathOperator op = MathOperator::add;
  StepNumber operand;
  std::uint8_t slot = 0;
};

struct DataAtStep {
  StepNumber offset;
  bool is_negated = false;
  bool is_relative = false;
};

struct SizeStep {
  NumberRange bytes;
};

struct Base64Step {
  std::uint32_t bytes = 0;
  std::uint32_t offset = 0;
  bool is_relative = false;
};

struct SetStep {
  std::uint32_t set = 0;  ///< index into `PartProgram::sets`, or into `Ruleset::sets`
  SetMatch match = SetMatch::exact;
  bool is_negated = false;
  bool is_named = false;  ///< a set of the configuration
};

using StepKind = std::variant<ContentStep, RegexStep, ByteTestStep, ByteJumpStep, ByteExtractStep,
                              ByteMathStep, DataAtStep, SizeStep, Base64Step, SetStep>;

struct PartStep {
  StepKind kind;
  bool is_choice = false;     ///< another place where it holds may let later steps hold
  bool is_dependent = false;  ///< whether it holds may depend on the choices before it
  /// Where no choices have led past it, only a needle of it that is still to come can.
  bool is_gate = false;
};

/// What the step looks for first; empty where it looks for nothing.
[[nodiscard]] Needle needle_of(const PartStep& step) noexcept;

struct TransformRef {
  Transform transform = Transform::dotprefix;
  BytesRef key;
};

/// Where a scan with the database does not find the pattern, the part cannot hold.
struct SieveRef {
  std::uint32_t database = kNoSieve;  ///< among those of the ruleset
  std::uint32_t pattern = 0;
};

struct PartProgram {
  Buffer buffer = Buffer::payload;
  bool is_chained = false;     ///< some step is relative
  bool needs_bytes = false;    ///< has steps other than contents: positions alone cannot decide it
  bool has_variables = false;  ///< reads or sets slots: the slots are to be kept between its parts
  /// Most bytes between the first and the last that a match looks at; a stream's window that keeps
  /// so many loses no match.
  std::uint64_t reach_bytes = 0;
  SieveRef sieve;  ///< asked before the part is tried on a window; of bytes that were transformed
  std::vector<TransformRef> transforms;
  std::vector<PartStep> steps;
  std::vector<std::uint8_t> bytes;
  std::vector<Regex> regexes;
  std::vector<ByteSet> sets;
};

/// Errors: invalid, for a term that has no meaning; limit, for one of the bounds above. Messages
/// begin as "rule 20031: match 1, term 2: content", counted from 1.
/// `sets` are those of the configuration.
[[nodiscard]] Result<PartProgram> compile_part(const Rule& rule, std::size_t part, RuleNames& names,
                                               std::span<const NamedSet> sets = {});

/// The reading side checks every index, bound and enumeration, so that a program that was read is
/// safe to evaluate; but the bytes of compiled regular expressions cannot be checked: the caller
/// verifies a digest of the whole first.
void code(PlainWriter& writer, PartProgram& program);
void code(PlainReader& reader, PartProgram& program);

}  // namespace sluice
