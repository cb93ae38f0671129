#include "control/exam_exchange.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/endian.h"

namespace sluice {
namespace {

constexpr ExamEnds kEnds{
    .client = 0xc6120001, .server = 0xcb00710a, .client_port = 50'000, .server_port = 80};
constexpr std::size_t kIp = 14, kL4 = 34, kTcpPayload = 54, kUdpPayload = 42;

/// RFC 1071: a header with its checksum sums up to ones.
std::uint32_t folded(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::uint32_t{bytes[i]} << (i % 2 == 0 ? 8 : 0);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

std::uint32_t pseudo_sum(const ExamFrame& frame) {
  const std::span<const std::uint8_t> all(frame);
  return folded(all.subspan(kIp + 12, 8)) + frame[kIp + 9] +
         static_cast<std::uint32_t>(frame.size() - kL4);
}

std::string text_behind(const ExamFrame& frame, std::size_t at) {
  return {frame.begin() + static_cast<std::ptrdiff_t>(at), frame.end()};
}

TEST(ExamExchange, SendsChecksumsThatAreRight) {
  for (const auto transport : {ExamTransport::tcp, ExamTransport::udp, ExamTransport::icmp}) {
    ExamExchange exchange(transport, kEnds);
    exchange.open();
    exchange.send(ExamSide::client, "odd");
    exchange.send(ExamSide::server, "even");
    exchange.close();
    for (const ExamFrame& frame : exchange.frames()) {
      const std::span<const std::uint8_t> all(frame);
      EXPECT_EQ(folded(all.subspan(kIp, 20)), 0xffffU);
      EXPECT_EQ(load_be16(frame.data() + kIp + 2), frame.size() - kIp);
      const std::uint32_t pseudo = transport == ExamTransport::icmp ? 0 : pseudo_sum(frame);
      EXPECT_EQ(folded(all.subspan(kL4), pseudo), 0xffffU);
    }
  }
}

TEST(ExamExchange, NumbersSegmentsAsTcpDoes) {
  ExamExchange exchange(ExamTransport::tcp, kEnds);
  exchange.open();
  exchange.send(ExamSide::client, "GET /");
  const auto& frames = exchange.frames();
  ASSERT_EQ(frames.size(), 5U);
  const std::uint32_t first = load_be32(frames[0].data() + kL4 + 4);
  EXPECT_EQ(load_be32(frames[1].data() + kL4 + 8), first + 1);
  EXPECT_EQ(load_be32(frames[3].data() + kL4 + 4), first + 1);
  EXPECT_EQ(text_behind(frames[3], kTcpPayload), "GET /");
  EXPECT_EQ(load_be32(frames[4].data() + kL4 + 8), first + 6);
}

TEST(ExamExchange, SwapsTheEndsForTheServer) {
  ExamExchange exchange(ExamTransport::udp, kEnds);
  exchange.send(ExamSide::client, "question");
  exchange.send(ExamSide::server, "answer");
  ASSERT_EQ(exchange.frames().size(), 2U);
  const ExamFrame& answer = exchange.frames()[1];
  EXPECT_EQ(load_be32(answer.data() + kIp + 12), kEnds.server);
  EXPECT_EQ(load_be16(answer.data() + kL4), kEnds.server_port);
  EXPECT_EQ(load_be16(answer.data() + kL4 + 2), kEnds.client_port);
  EXPECT_EQ(text_behind(answer, kUdpPayload), "answer");
}

TEST(ExamExchange, SendsWhatOneFrameCannotHoldAsSeveralSegments) {
  ExamExchange exchange(ExamTransport::tcp, kEnds);
  exchange.send(ExamSide::client, std::string(kExamPayloadMax + 1, 'x'));
  ASSERT_EQ(exchange.frames().size(), 4U);
  EXPECT_EQ(text_behind(exchange.frames()[2], kTcpPayload), "x");
}

}  // namespace
}  // namespace sluice
