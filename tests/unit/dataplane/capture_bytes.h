// Capture files made up in memory, in either byte order, for the tests of the reader.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/endian.h"
#include "dataplane/io/capture_file.h"
#include "tests/support/fuzz_seeds.h"

namespace sluice::test {

using Bytes = std::vector<std::uint8_t>;

/// Appends numbers in the order of the host that "wrote" the file.
class CaptureBuilder {
 public:
  explicit CaptureBuilder(bool is_swapped = false) : is_swapped_(is_swapped) {}

  void set_swapped(bool is_swapped) { is_swapped_ = is_swapped; }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

  template <class T>
  CaptureBuilder& number(T value) {
    if constexpr (sizeof(T) > 1) {
      if (is_swapped_)
        value = static_cast<T>(byte_swap(static_cast<std::make_unsigned_t<T>>(value)));
    }
    const auto* raw = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), raw, raw + sizeof value);
    return *this;
  }
  CaptureBuilder& u8(std::uint8_t value) { return number(value); }
  CaptureBuilder& u16(std::uint16_t value) { return number(value); }
  CaptureBuilder& u32(std::uint32_t value) { return number(value); }
  CaptureBuilder& u64(std::uint64_t value) { return number(value); }
  CaptureBuilder& raw(std::span<const std::uint8_t> more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  CaptureBuilder& pad() {
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    return *this;
  }

  // Classic pcap.
  CaptureBuilder& pcap_header(std::uint32_t magic, std::uint32_t link_type,
                              std::uint16_t minor = 4) {
    return u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(262144).u32(link_type);
  }
  CaptureBuilder& pcap_record(std::uint32_t seconds, std::uint32_t fraction,
                              std::span<const std::uint8_t> frame, std::uint32_t wire_bytes) {
    return u32(seconds)
        .u32(fraction)
        .u32(static_cast<std::uint32_t>(frame.size()))
        .u32(wire_bytes)
        .raw(frame);
  }

  // pcapng. `body` fills a block whose lengths are written around it.
  template <class Body>
  CaptureBuilder& block(std::uint32_t type, Body&& body) {
    const std::size_t start = size();
    u32(type).u32(0);
    body(*this);
    pad();
    const auto total = static_cast<std::uint32_t>(size() - start + 4);
    u32(total);
    std::memcpy(bytes_.data() + start + 4, bytes_.data() + size() - 4, 4);
    return *this;
  }
  CaptureBuilder& section() {
    return block(0x0a0d0d0a,
                 [](CaptureBuilder& b) { b.u32(0x1a2b3c4d).u16(1).u16(0).u64(~std::uint64_t{0}); });
  }
  CaptureBuilder& interface(std::uint16_t link_type, std::uint32_t snap_bytes = 0,
                            int resolution = -1, std::int64_t offset_seconds = 0) {
    return block(1, [&](CaptureBuilder& b) {
      b.u16(link_type).u16(0).u32(snap_bytes);
      if (resolution >= 0) b.u16(9).u16(1).u8(static_cast<std::uint8_t>(resolution)).pad();
      if (offset_seconds != 0) b.u16(14).u16(8).number(offset_seconds);
      if (resolution >= 0 || offset_seconds != 0) b.u16(0).u16(0);
    });
  }
  CaptureBuilder& enhanced(std::uint32_t interface_id, std::uint64_t ticks,
                           std::span<const std::uint8_t> frame, std::uint32_t wire_bytes) {
    return block(6, [&](CaptureBuilder& b) {
      b.u32(interface_id).u32(static_cast<std::uint32_t>(ticks >> 32));
      b.u32(static_cast<std::uint32_t>(ticks)).u32(static_cast<std::uint32_t>(frame.size()));
      b.u32(wire_bytes).raw(frame);
    });
  }
  CaptureBuilder& obsolete(std::uint16_t interface_id, std::uint64_t ticks,
                           std::span<const std::uint8_t> frame, std::uint32_t wire_bytes) {
    return block(2, [&](CaptureBuilder& b) {
      b.u16(interface_id).u16(7).u32(static_cast<std::uint32_t>(ticks >> 32));
      b.u32(static_cast<std::uint32_t>(ticks)).u32(static_cast<std::uint32_t>(frame.size()));
      b.u32(wire_bytes).raw(frame);
    });
  }
  CaptureBuilder& simple(std::span<const std::uint8_t> frame, std::uint32_t wire_bytes) {
    return block(3, [&](CaptureBuilder& b) { b.u32(wire_bytes).raw(frame); });
  }

 private:
  bool is_swapped_;
  Bytes bytes_;
};

inline CaptureBytes owned(std::span<const std::uint8_t> bytes) {
  CaptureBytes file{std::make_unique_for_overwrite<std::uint8_t[]>(bytes.size()), bytes.size()};
  if (!bytes.empty()) std::memcpy(file.data.get(), bytes.data(), bytes.size());
  return file;
}

/// Whole captures, and some of each kind of damage.
inline void keep_capture_seed(std::span<const std::uint8_t> bytes, const Capture& capture) {
  std::string shape;
  if (capture.damage) {
    const std::string& message = capture.damage->message;
    shape = message.substr(0, message.find_first_of("0123456789"));
  }
  keep_seed("capture_fuzz", bytes, shape);
}

/// In blocks of exact size, so that a sanitizer sees what reads too far.
inline Capture parse(std::span<const std::uint8_t> bytes) {
  CaptureLimits limits;
  limits.separate_blocks = true;
  Capture capture = parse_capture(owned(bytes), limits);
  if (keeps_seeds()) keep_capture_seed(bytes, capture);
  return capture;
}

inline Bytes frame_of(std::size_t bytes, std::uint8_t first = 1) {
  Bytes frame(bytes);
  for (std::size_t i = 0; i < bytes; ++i) frame[i] = static_cast<std::uint8_t>(first + i);
  return frame;
}

inline Bytes copy_of(const CapturedPacket& packet) {
  return {packet.bytes.begin(), packet.bytes.end()};
}

inline std::string damage_of(const Capture& capture) {
  return capture.damage ? capture.damage->message : std::string();
}

}  // namespace sluice::test
