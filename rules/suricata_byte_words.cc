#include "rules/suricata_byte_words.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

constexpr std::uint64_t kBinaryBytesMax = 8;
constexpr std::uint64_t kTextBytesMax = 23;

}  // namespace

std::pair<std::string_view, std::string_view> split_word(std::string_view text) noexcept {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  return {text.substr(0, end), trim_blanks(text.substr(end))};
}

tl::unexpected<Error> unknown_word(std::string_view word) {
  return fail(ErrorKind::invalid, fmt::format("unknown word '{}'", escape_control(word)));
}

Status ByteReadWords::take_bytes(std::string_view text) {
  const auto bytes = read_number(text, kTextBytesMax);
  if (!bytes) return tl::unexpected(bytes.error());
  read_.bytes = static_cast<std::uint8_t>(*bytes);
  return {};
}

Status ByteReadWords::take_offset(std::string_view text) {
  auto offset = read_operand(text);
  if (!offset) return tl::unexpected(std::move(offset.error()));
  read_.offset = std::move(*offset);
  return {};
}

Status ByteReadWords::take_mask(std::string_view value) {
  const auto mask = read_number(value);
  if (!mask) return tl::unexpected(mask.error());
  if (*mask == 0) return fail(ErrorKind::invalid, "bitmask is 0");
  read_.mask = *mask;
  return {};
}

bool ByteReadWords::take_plain(std::string_view word) noexcept {
  if (word == "relative") {
    read_.is_relative = true;
  } else if (word == "big" || word == "little") {
    read_.order = word == "big" ? ByteOrder::big : ByteOrder::little;
  } else if (word == "string") {
    is_text_ = true;
  } else if (word == "dec" || word == "hex" || word == "oct") {
    has_base_ = true;
    read_.text = word == "dec"   ? NumberText::decimal
                 : word == "hex" ? NumberText::hexadecimal
                                 : NumberText::octal;
  } else {
    return false;
  }
  return true;
}

Result<bool> ByteReadWords::take(std::string_view text) {
  const auto [word, value] = split_word(text);
  if (word == "dce") return fail(ErrorKind::invalid, "there is no parser for DCE/RPC");
  if (word == "bitmask") {
    if (auto taken = take_mask(value); !taken) return tl::unexpected(std::move(taken.error()));
    return true;
  }
  if (value.empty()) return take_plain(word);
  // byte_math writes "endian big" and "string dec".
  if (word == "endian") return (value == "big" || value == "little") && take_plain(value);
  return word == "string" && take_plain(word) && take_plain(value);
}

Result<ByteRead> ByteReadWords::finish() const {
  if (is_text_ != has_base_) {
    return fail(ErrorKind::invalid, "string and one of dec, hex and oct belong together");
  }
  const std::uint64_t max = is_text_ ? kTextBytesMax : kBinaryBytesMax;
  if (read_.bytes <= max && (read_.bytes > 0 || is_text_)) return read_;
  return fail(ErrorKind::invalid,
              fmt::format("it reads {} bytes: 1 to {} belong here", read_.bytes, max));
}

}  // namespace sluice
