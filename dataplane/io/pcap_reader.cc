#include "dataplane/io/pcap_reader.h"

#include <utility>

#include <fmt/format.h>

#include "base/endian.h"
#include "dataplane/io/capture_cursor.h"
#include "dataplane/io/capture_link.h"

namespace sluice {
namespace {

constexpr std::uint32_t kMagicMicro = 0xa1b2c3d4;
constexpr std::uint32_t kMagicNano = 0xa1b23c4d;
constexpr std::uint32_t kMagicLongRecords = 0xa1b2cd34;

constexpr std::size_t kFileHeaderBytes = 24;
// The upper bits of the link type word tell of a frame check sequence at the end of each frame. It
// is left there: behind the IP packet it is padding like any other.
constexpr std::uint32_t kLinkTypeMask = 0x03ffffff;

/// Which of the two lengths of a record is the captured one depends on the writer's age.
enum class LengthOrder : std::uint8_t { captured_first, wire_first, smaller_is_captured };

std::optional<LengthOrder> length_order(std::uint16_t major, std::uint16_t minor) noexcept {
  if (major == 543 && minor == 0) return LengthOrder::wire_first;  // DG/UX
  if (major != 2 || minor > 4) return std::nullopt;
  if (minor == 4) return LengthOrder::captured_first;
  return minor == 3 ? LengthOrder::smaller_is_captured : LengthOrder::wire_first;
}

CaptureRecord read_record_header(const CaptureNumbers& numbers, const PcapShape& shape,
                                 LengthOrder order, std::size_t offset) {
  CaptureRecord record;
  record.record_offset = offset;
  record.data_offset = offset + shape.record_header_bytes;
  record.timestamp = std::uint64_t{numbers.u32(offset)} * kNsPerSecond +
                     std::uint64_t{numbers.u32(offset + 4)} * shape.ns_per_fraction;
  record.captured_bytes = numbers.u32(offset + 8);
  record.wire_bytes = numbers.u32(offset + 12);
  if (order == LengthOrder::wire_first ||
      (order == LengthOrder::smaller_is_captured && record.captured_bytes > record.wire_bytes)) {
    std::swap(record.captured_bytes, record.wire_bytes);
  }
  return record;
}

}  // namespace

std::optional<PcapShape> pcap_shape(std::span<const std::uint8_t> file) noexcept {
  if (file.size() < 4) return std::nullopt;
  const auto magic = load<std::uint32_t>(file.data());
  for (const bool is_swapped : {false, true}) {
    switch (is_swapped ? byte_swap(magic) : magic) {
      case kMagicMicro:
        return PcapShape{is_swapped, 1000, 16};
      case kMagicNano:
        return PcapShape{is_swapped, 1, 16};
      case kMagicLongRecords:
        return PcapShape{is_swapped, 1000, 24};
      default:
        break;
    }
  }
  return std::nullopt;
}

void read_pcap(const PcapShape& shape, std::span<const std::uint8_t> file,
               CaptureAssembler& assembler) {
  const CaptureNumbers numbers{file, shape.is_swapped};
  if (!numbers.has(0, kFileHeaderBytes)) {
    assembler.stop(
        ErrorKind::invalid, 0,
        fmt::format("the file header is cut after {} of {} bytes", file.size(), kFileHeaderBytes));
    return;
  }
  const auto order = length_order(numbers.u16(4), numbers.u16(6));
  if (!order) {
    assembler.stop(
        ErrorKind::unavailable, 4,
        fmt::format("pcap version {}.{}: 2.4 and before", numbers.u16(4), numbers.u16(6)));
    return;
  }
  const std::uint32_t link_type = numbers.u32(20) & kLinkTypeMask;
  if (!is_supported_link_type(link_type)) {
    assembler.stop(ErrorKind::unavailable, 20, unsupported_link_type(link_type));
    return;
  }
  assembler.add_interface({.link_type = link_type, .snap_bytes = numbers.u32(16)});

  for (std::size_t at = kFileHeaderBytes; at < file.size();) {
    if (!numbers.has(at, shape.record_header_bytes)) {
      assembler.stop(ErrorKind::invalid, at, "the file ends inside a record header");
      return;
    }
    const CaptureRecord record = read_record_header(numbers, shape, *order, at);
    const std::size_t left = file.size() - record.data_offset;
    if (record.captured_bytes <= kCapturedBytesMax && record.captured_bytes > left) {
      assembler.stop(ErrorKind::invalid, at,
                     fmt::format("a packet of {} bytes, and {} are left in the file",
                                 record.captured_bytes, left));
      return;
    }
    if (!assembler.add(record)) return;
    at = record.data_offset + record.captured_bytes;
  }
}

}  // namespace sluice
