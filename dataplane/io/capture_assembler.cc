#include "dataplane/io/capture_assembler.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/endian.h"
#include "dataplane/io/capture_link.h"

namespace sluice {
namespace {

constexpr std::size_t kEthernetHeaderBytes = 14;

void write_zero_mac_header(std::uint8_t* to, std::uint16_t ether_type) noexcept {
  std::memset(to, 0, 12);
  store(to + 12, Be16(ether_type).raw());
}

}  // namespace

std::uint32_t CaptureAssembler::add_interface(CaptureInterface interface) {
  capture_.interfaces.push_back(interface);
  return static_cast<std::uint32_t>(capture_.interfaces.size() - 1);
}

bool CaptureAssembler::stop(ErrorKind kind, std::size_t offset, std::string_view what) {
  const std::string_view state = kind == ErrorKind::invalid ? "damaged" : "not readable further";
  capture_.damage = Error{kind, fmt::format("{} at offset {}, after {} packets: {}", state, offset,
                                            capture_.packets.size(), what)};
  return false;
}

std::span<const std::uint8_t> CaptureAssembler::settle(std::span<const std::uint8_t> frame) {
  if (!limits_.separate_blocks) return frame;
  auto block = std::make_unique_for_overwrite<std::uint8_t[]>(frame.size());
  if (!frame.empty()) std::memcpy(block.get(), frame.data(), frame.size());
  capture_.blocks.push_back(std::move(block));
  return {capture_.blocks.back().get(), frame.size()};
}

bool CaptureAssembler::add(const CaptureRecord& record) {
  if (record.captured_bytes > kCapturedBytesMax) {
    return stop(ErrorKind::invalid, record.record_offset,
                fmt::format("a packet of {} captured bytes: at most {}", record.captured_bytes,
                            kCapturedBytesMax));
  }
  if (capture_.packets.size() >= limits_.packets_max) {
    return stop(ErrorKind::limit, record.record_offset,
                fmt::format("more than {} packets", limits_.packets_max));
  }
  const std::uint32_t link_type = interface(record.interface).link_type;
  const auto frame = file_.subspan(record.data_offset, record.captured_bytes);
  const std::uint32_t wire_bytes = std::max(record.wire_bytes, record.captured_bytes);
  CapturedPacket packet{record.timestamp, wire_bytes, record.interface, frame};

  if (link_type != kLinkEthernet) {
    const std::optional<LinkHeader> header = read_link_header(link_type, frame);
    if (!header) {
      return stop(ErrorKind::unavailable, record.record_offset, unsupported_link_type(link_type));
    }
    // The network bytes stay where they are; the new header grows towards the record's start.
    const std::size_t network_offset = record.data_offset + header->bytes;
    SLUICE_CHECK(network_offset >= kEthernetHeaderBytes, "a file header precedes every record");
    const std::uint32_t network_wire = wire_bytes - std::min(wire_bytes, header->bytes);
    packet.wire_bytes = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(std::uint64_t{network_wire} + kEthernetHeaderBytes, UINT32_MAX));
    if (header->is_cut) {
      packet.bytes = {};
    } else {
      std::uint8_t* start = file_.data() + network_offset - kEthernetHeaderBytes;
      write_zero_mac_header(start, ether_type_of(*header, network_wire));
      packet.bytes = {start, frame.size() - header->bytes + kEthernetHeaderBytes};
    }
  }
  packet.bytes = settle(packet.bytes);
  capture_.packets.push_back(packet);
  return true;
}

}  // namespace sluice
