#include "dataplane/inspect/gzip_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/http_coded.h"
#include "tests/unit/dataplane/http_recorder.h"

namespace sluice {
namespace {

using State = GzipFrame::State;
using test::bytes_of;
using Kind = GzipFrame::Kind;

/// In pushes of one byte; `used` is how many were taken.
State head_of(Kind kind, std::string_view head, std::size_t* used = nullptr) {
  GzipFrame frame;
  frame.begin(kind);
  GzipFrame::Piece piece{0, State::more};
  std::size_t at = 0;
  for (; piece.state == State::more && at < head.size(); at += piece.consumed) {
    piece = frame.read_head(bytes_of(head.substr(at, 1)));
  }
  if (used != nullptr) *used = at;
  GzipFrame whole;
  whole.begin(kind);
  EXPECT_EQ(whole.read_head(bytes_of(head)).state, piece.state);
  return piece.state;
}

std::string gzip_head(char flags, std::string_view behind) {
  return std::string("\x1f\x8b\x08", 3) + flags + std::string(6, '\0') + std::string(behind);
}

TEST(GzipFrame, HeadOfGzipEndsBehindTheFieldsItAnnounces) {
  std::size_t used = 0;
  EXPECT_EQ(head_of(Kind::gzip, gzip_head(0, "data"), &used), State::ended);
  EXPECT_EQ(used, 10U);
  const std::string fields =
      std::string("\x03\0abc", 5) + std::string("name\0", 5) + std::string("remark\0", 7);
  EXPECT_EQ(head_of(Kind::gzip, gzip_head(4 + 8 + 16, fields + "data"), &used), State::ended);
  EXPECT_EQ(used, 10 + fields.size());
  EXPECT_EQ(head_of(Kind::gzip, gzip_head(4, std::string("\0\0data", 6)), &used), State::ended);
  EXPECT_EQ(used, 12U);
  EXPECT_EQ(head_of(Kind::gzip, gzip_head(8, "a name without an end")), State::more);
}

TEST(GzipFrame, HeadThatZlibRefusesIsBad) {
  EXPECT_EQ(head_of(Kind::gzip, std::string("\x1f\x8c", 2)), State::bad);
  EXPECT_EQ(head_of(Kind::gzip, std::string("\x1f\x8b\x07\0", 4)), State::bad);
  EXPECT_EQ(head_of(Kind::gzip, gzip_head('\x20', "data")), State::bad);
  EXPECT_EQ(head_of(Kind::gzip, gzip_head(2, "\x01\x02")), State::bad);
  EXPECT_EQ(head_of(Kind::zlib, "\x78\x9d"), State::bad);
  EXPECT_EQ(head_of(Kind::zlib, "\x88\x1c"), State::bad);   // a window of 64 KiB
  EXPECT_EQ(head_of(Kind::zlib, "\x78\xbb"), State::more);  // a dictionary,
  EXPECT_EQ(head_of(Kind::zlib,
                    "\x78\xbb"
                    "dict"),
            State::bad);  // which nobody has
  EXPECT_EQ(head_of(Kind::zlib, "\x78\x9c"), State::ended);
}

TEST(GzipFrame, SumOfTheHeadIsHeldAgainstIt) {
  std::string head = gzip_head(2 + 8, std::string("name\0", 5));
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef*>(head.data()), static_cast<uInt>(head.size()));
  head += static_cast<char>(sum & 0xff);
  EXPECT_EQ(head_of(Kind::gzip, head + static_cast<char>(sum >> 8 & 0xff)), State::ended);
  EXPECT_EQ(head_of(Kind::gzip, head + static_cast<char>((sum >> 8 & 0xff) ^ 1)), State::bad);
}

State trailer_of(Kind kind, std::string_view text, std::string_view trailer) {
  GzipFrame frame;
  frame.begin(kind);
  const std::string head = kind == Kind::gzip ? gzip_head(0, "") : "\x78\x9c";
  EXPECT_EQ(frame.read_head(bytes_of(head)).state, State::ended);
  for (std::size_t at = 0; at < text.size(); at += 100) frame.add(bytes_of(text.substr(at, 100)));
  GzipFrame::Piece piece{0, State::more};
  for (std::size_t at = 0; piece.state == State::more && at < trailer.size(); ++at) {
    piece = frame.read_trailer(bytes_of(trailer.substr(at, 1)));
  }
  return piece.state;
}

TEST(GzipFrame, TrailerHasToSumUpWhatWasMade) {
  const std::string text(12'345, 'x');
  for (const auto& [kind, window, bytes] :
       {std::tuple{Kind::gzip, test::kGzip, 8U}, std::tuple{Kind::zlib, test::kZlib, 4U}}) {
    const std::string coded = test::deflated(text, window);
    const char frame = kind == Kind::zlib ? '\1' : '\2';
    test::keep_seed("inflate_fuzz", std::string{'\x8b', '\x80', frame} + coded);
    std::string trailer = coded.substr(coded.size() - bytes);
    EXPECT_EQ(trailer_of(kind, text, trailer), State::ended);
    EXPECT_EQ(trailer_of(kind, text.substr(1), trailer), State::bad);
    EXPECT_EQ(trailer_of(kind, text, trailer.substr(0, bytes - 1)), State::more);
    for (std::size_t i = 0; i < bytes; ++i) {
      std::string wrong = trailer;
      wrong[i] = static_cast<char>(wrong[i] ^ 4);
      EXPECT_EQ(trailer_of(kind, text, wrong), State::bad) << i;
    }
  }
}

TEST(GzipFrame, NothingStandsAroundRawDeflate) {
  GzipFrame frame;
  frame.begin(Kind::none);
  const auto head = frame.read_head(bytes_of("data"));
  EXPECT_EQ(head.state, State::ended);
  EXPECT_EQ(head.consumed, 0U);
  EXPECT_EQ(frame.read_trailer(bytes_of("data")).state, State::ended);
}

}  // namespace
}  // namespace sluice
