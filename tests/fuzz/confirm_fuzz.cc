// Any bytes as a program, and any as a buffer: a program that is accepted is written back as the
// same bytes and can be evaluated on every window of any buffer. And parts made of the input, with
// regular expressions, which only what the compiler itself wrote may hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/inspect/confirm.h"
#include "rules/program.h"

namespace {

using sluice::ByteSpan;
using sluice::PartProgram;

sluice::Confirmer& confirmer() {
  static const auto made = std::move(*sluice::Confirmer::create({}));
  return *made;
}

void evaluate(const PartProgram& program, ByteSpan buffer) {
  sluice::TermVariables variables;
  for (const bool is_complete : {true, false}) {
    for (const std::uint64_t begin : {std::uint64_t{0}, std::uint64_t{5}, ~std::uint64_t{0}}) {
      const auto outcome = confirmer().evaluate(program, {buffer, begin, is_complete}, variables);
      const bool has_reason = confirmer().limit_hit() != sluice::ConfirmLimit::none;
      SLUICE_CHECK(has_reason == (outcome == sluice::ConfirmOutcome::limit),
                   "a limit has its reason, and nothing else has");
      SLUICE_CHECK(outcome != sluice::ConfirmOutcome::not_yet || !is_complete,
                   "nothing comes after the end");
    }
  }
}

std::vector<std::byte> written(PartProgram& program) {
  sluice::PlainWriter writer;
  code(writer, program);
  return writer.bytes();
}

void check_bytes(std::span<const std::byte> bytes, ByteSpan buffer) {
  sluice::PlainReader reader(bytes);
  PartProgram program;
  code(reader, program);
  // The bytes of a regular expression are the one thing that only a digest can vouch for.
  if (!reader.is_complete() || !program.regexes.empty()) return;
  SLUICE_CHECK(std::ranges::equal(bytes, written(program)),
               "what was accepted is written back the same");
  evaluate(program, buffer);
}

/// Hands out the input piece by piece; zeros at its end.
class Input {
 public:
  explicit Input(ByteSpan bytes) : bytes_(bytes) {}
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  bool flag() { return (byte() & 1) != 0; }
  std::string text(std::size_t size) {
    const std::size_t given = std::min(size, bytes_.size());
    std::string out(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(given));
    bytes_ = bytes_.subspan(given);
    return out;
  }
  [[nodiscard]] ByteSpan rest() const { return bytes_; }

 private:
  ByteSpan bytes_;
};

sluice::TermNumber number(Input& input) {
  if (input.flag()) return std::string("n");
  return static_cast<std::int8_t>(input.byte());
}

sluice::Term term(Input& input) {
  sluice::ByteRead read;
  read.is_relative = true;
  switch (input.byte() % 5) {
    case 0: {
      sluice::PcreTerm regex;
      regex.is_relative = input.flag();
      regex.is_negated = input.flag();
      regex.pattern = input.text(input.byte() % 24);
      return regex;
    }
    case 1:
      read.bytes = input.byte();
      read.offset = number(input);
      return sluice::ByteExtractTerm{read, "n", 1, 0};
    case 2:
      read.bytes = input.byte();
      return sluice::ByteJumpTerm{
          read,         input.byte(), static_cast<std::int8_t>(input.byte()),
          input.flag(), input.flag(), input.flag()};
    case 3:
      return sluice::IsDataAtTerm{number(input), input.flag(), input.flag()};
    default: {
      sluice::ContentTerm content;
      content.bytes = input.text(1 + input.byte() % 3);
      content.is_negated = input.flag();
      if (input.flag()) content.distance = number(input);
      if (input.flag()) content.within = number(input);
      return content;
    }
  }
}

void check_rule(ByteSpan bytes) {
  Input input(bytes);
  sluice::Rule rule;
  rule.match.emplace_back();
  for (std::size_t count = input.byte() % 6; count > 0; --count) {
    rule.match[0].terms.push_back(term(input));
  }
  for (std::size_t count = input.byte() % 4; count > 0; --count) {
    rule.match[0].transforms.push_back({static_cast<sluice::Transform>(input.byte() % 11), ""});
  }
  sluice::RuleNames names;
  auto program = compile_part(rule, 0, names);
  if (!program) return;
  const auto bytes_of_it = written(*program);
  sluice::PlainReader reader(bytes_of_it);
  PartProgram read;
  code(reader, read);
  SLUICE_CHECK(reader.is_complete(), "what the compiler made is accepted");
  evaluate(read, input.rest());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteSpan bytes(data + 2, size - 2);
  if (data[0] % 2 == 0) {
    check_rule(bytes);
    return 0;
  }
  const std::size_t split = std::min<std::size_t>(data[1] * std::size_t{2}, bytes.size());
  check_bytes(std::as_bytes(bytes.subspan(split)), bytes.first(split));
  return 0;
}
