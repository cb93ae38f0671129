// Any bytes as a capture file. Held: frames within their wire length, the same frames whether they
// stay in the file's buffer or get blocks of their own, and a written copy that reads back the
// same.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "dataplane/io/capture_file.h"
#include "dataplane/io/capture_writer.h"

namespace {

using sluice::Capture;
using sluice::CapturedPacket;

Capture parse(const std::uint8_t* data, std::size_t size, bool separate_blocks) {
  sluice::CaptureBytes file{std::make_unique_for_overwrite<std::uint8_t[]>(size), size};
  if (size > 0) std::memcpy(file.data.get(), data, size);
  sluice::CaptureLimits limits;
  limits.separate_blocks = separate_blocks;
  return sluice::parse_capture(std::move(file), limits);
}

bool same_bytes(const CapturedPacket& a, const CapturedPacket& b) {
  return std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

void check_packets(const Capture& capture) {
  for (const CapturedPacket& packet : capture.packets) {
    SLUICE_CHECK(packet.bytes.size() <= packet.wire_bytes, "a frame is not longer than its wire");
    SLUICE_CHECK(packet.bytes.size() <= sluice::kCapturedBytesMax + 14, "the cap holds");
    SLUICE_CHECK(packet.interface < capture.interfaces.size(), "every frame has an interface");
    SLUICE_CHECK(packet.timestamp <= sluice::kCaptureTimeMax, "times leave room for arithmetic");
  }
  SLUICE_CHECK(!capture.damage || !capture.damage->message.empty(), "damage has a reason");
}

void check_same(const Capture& a, const Capture& b) {
  SLUICE_CHECK(a.packets.size() == b.packets.size(), "where frames stand changes nothing");
  for (std::size_t i = 0; i < a.packets.size(); ++i) {
    SLUICE_CHECK(same_bytes(a.packets[i], b.packets[i]), "frames in place are not overwritten");
    SLUICE_CHECK(a.packets[i].wire_bytes == b.packets[i].wire_bytes, "lengths are the same");
  }
}

void check_round_trip(const Capture& capture) {
  const int fd = ::memfd_create("capture", MFD_CLOEXEC);
  SLUICE_CHECK(fd >= 0, "the fuzzer may create memory files");
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  auto writer = sluice::CaptureWriter::create(path);
  SLUICE_CHECK(writer.has_value(), "memory files can be written");
  for (const CapturedPacket& packet : capture.packets) {
    writer->write(packet.timestamp, packet.wire_bytes, packet.bytes);
  }
  SLUICE_CHECK(writer->close().has_value(), "memory files do not fill up");
  const auto copy = sluice::load_capture(path);
  SLUICE_CHECK(copy.has_value() && !copy->damage, "what was written is whole");
  SLUICE_CHECK(copy->packets.size() == capture.packets.size(), "every frame was written");
  for (std::size_t i = 0; i < copy->packets.size(); ++i) {
    const CapturedPacket& packet = capture.packets[i];
    if (packet.bytes.size() > sluice::kCapturedBytesMax) continue;
    SLUICE_CHECK(same_bytes(copy->packets[i], packet), "frames come back");
    SLUICE_CHECK(copy->packets[i].wire_bytes == packet.wire_bytes, "lengths come back");
    if (packet.timestamp / sluice::kNsPerSecond > UINT32_MAX) continue;
    SLUICE_CHECK(copy->packets[i].timestamp == packet.timestamp, "times come back");
  }
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Capture separate = parse(data, size, true);
  check_packets(separate);
  check_same(separate, parse(data, size, false));
  if (!separate.packets.empty()) check_round_trip(separate);
  return 0;
}
