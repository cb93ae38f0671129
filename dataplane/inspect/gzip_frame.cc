#include "dataplane/inspect/gzip_frame.h"

#include <algorithm>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

namespace sluice {
namespace {

constexpr std::uint8_t kHasSum = 2, kHasExtra = 4, kHasName = 8, kHasComment = 16;
constexpr std::uint8_t kUnknownFlags = 0xe0;
constexpr std::uint8_t kDeflate = 8;
constexpr std::uint8_t kHasDictionary = 0x20;  // of zlib
constexpr std::size_t kDictionaryBytes = 4;
constexpr std::size_t kGzipHeadBytes = 10, kZlibHeadBytes = 2;

/// The least significant byte first.
[[nodiscard]] std::uint32_t number(std::span<const std::uint8_t> bytes) noexcept {
  std::uint32_t out = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) out = out << 8 | bytes[i - 1];
  return out;
}

}  // namespace

void GzipFrame::begin(Kind kind) noexcept {
  kind_ = kind;
  step_ = kind == Kind::none ? Step::ended : Step::fixed;
  is_bad_ = false;
  flags_ = 0;
  have_ = 0;
  sum_ = 0;
  made_ = 0;
}

GzipFrame::Piece GzipFrame::read_head(std::span<const std::uint8_t> bytes) noexcept {
  std::size_t at = 0;
  while (step_ != Step::ended && at < bytes.size()) {
    const bool is_summed = step_ != Step::sum;
    const std::size_t count = read_part(bytes.subspan(at));
    if (is_summed) sum_ = crc32_gzip_refl(sum_, bytes.data() + at, count);
    at += count;
    if (is_bad_) return {at, State::bad};
  }
  if (step_ != Step::ended) return {at, State::more};
  sum_ = kind_ == Kind::zlib ? 1 : 0;
  have_ = 0;
  return {at, State::ended};
}

std::size_t GzipFrame::read_part(std::span<const std::uint8_t> bytes) noexcept {
  if (step_ == Step::name || step_ == Step::comment) return read_text(bytes);
  if (step_ == Step::extra) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), extra_left_);
    extra_left_ = static_cast<std::uint16_t>(extra_left_ - count);
    if (extra_left_ == 0) begin_next_step();
    return count;
  }
  field_[have_++] = bytes[0];
  std::size_t wanted = 2;
  if (step_ == Step::fixed) {
    is_bad_ = !is_good_so_far();
    const bool has_dictionary = kind_ == Kind::zlib && have_ > 1 && (field_[1] & kHasDictionary);
    wanted = kind_ == Kind::gzip ? kGzipHeadBytes
             : has_dictionary    ? kZlibHeadBytes + kDictionaryBytes
                                 : kZlibHeadBytes;
    if (have_ == wanted && has_dictionary) is_bad_ = true;
  }
  if (have_ < wanted) return 1;
  if (step_ == Step::extra_size) extra_left_ = static_cast<std::uint16_t>(number({&field_[0], 2}));
  if (step_ == Step::sum) is_bad_ = number({&field_[0], 2}) != (sum_ & 0xffff);
  begin_next_step();
  return 1;
}

std::size_t GzipFrame::read_text(std::span<const std::uint8_t> bytes) noexcept {
  const auto end = std::find(bytes.begin(), bytes.end(), std::uint8_t{0});
  if (end == bytes.end()) return bytes.size();
  begin_next_step();
  return static_cast<std::size_t>(end - bytes.begin()) + 1;
}

/// Fields are judged in pairs of bytes.
bool GzipFrame::is_good_so_far() const noexcept {
  if (kind_ == Kind::zlib) {
    const bool is_deflate = (field_[0] & 0xf) == kDeflate && field_[0] >> 4 <= 7;
    return have_ != 2 || (is_deflate && (field_[0] * 256 + field_[1]) % 31 == 0);
  }
  if (have_ == 2) return field_[0] == 0x1f && field_[1] == 0x8b;
  return have_ != 4 || (field_[2] == kDeflate && (field_[3] & kUnknownFlags) == 0);
}

bool GzipFrame::has_step() const noexcept {
  switch (step_) {
    case Step::extra_size:
      return (flags_ & kHasExtra) != 0;
    case Step::extra:
      return (flags_ & kHasExtra) != 0 && extra_left_ > 0;
    case Step::name:
      return (flags_ & kHasName) != 0;
    case Step::comment:
      return (flags_ & kHasComment) != 0;
    case Step::sum:
      return (flags_ & kHasSum) != 0;
    default:
      return true;
  }
}

void GzipFrame::begin_next_step() noexcept {
  if (step_ == Step::fixed && kind_ == Kind::gzip) flags_ = field_[3];
  have_ = 0;
  do {
    step_ = static_cast<Step>(static_cast<std::uint8_t>(step_) + 1);
  } while (!has_step());
}

void GzipFrame::add(std::span<const std::uint8_t> made) noexcept {
  made_ += static_cast<std::uint32_t>(made.size());
  if (kind_ == Kind::gzip) sum_ = crc32_gzip_refl(sum_, made.data(), made.size());
  if (kind_ == Kind::zlib) sum_ = isal_adler32(sum_, made.data(), made.size());
}

GzipFrame::Piece GzipFrame::read_trailer(std::span<const std::uint8_t> bytes) noexcept {
  const std::size_t all = kind_ == Kind::gzip ? 8 : kind_ == Kind::zlib ? 4 : 0;
  std::size_t at = 0;
  while (have_ < all && at < bytes.size()) {
    field_[have_++] = bytes[at++];
    if (have_ == 4 && kind_ == Kind::zlib) std::reverse(field_.begin(), field_.begin() + 4);
    if (have_ == 4 && number({&field_[0], 4}) != sum_) return {at, State::bad};
    if (have_ == 8 && number({&field_[4], 4}) != made_) return {at, State::bad};
  }
  return {at, have_ == all ? State::ended : State::more};
}

}  // namespace sluice
