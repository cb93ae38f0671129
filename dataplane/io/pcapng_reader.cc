#include "dataplane/io/pcapng_reader.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/endian.h"
#include "dataplane/io/capture_cursor.h"

namespace sluice {
namespace {

__extension__ typedef unsigned __int128 Wide;
__extension__ typedef __int128 SignedWide;

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;  // the same in both byte orders
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;

constexpr std::uint16_t kOptionEnd = 0;
constexpr std::uint16_t kOptionTimeResolution = 9;
constexpr std::uint16_t kOptionTimeOffset = 14;

// Type and length in front of each block's body, the length again behind it.
constexpr std::size_t kBlockHeadBytes = 8;
constexpr std::size_t kBlockTailBytes = 4;
constexpr std::size_t kBlockBytesMin = kBlockHeadBytes + kBlockTailBytes;

constexpr std::size_t padded(std::size_t bytes) noexcept { return (bytes + 3) & ~std::size_t{3}; }

TimeNs to_time(SignedWide ns) noexcept {
  if (ns < 0) return 0;
  return ns > static_cast<SignedWide>(kCaptureTimeMax) ? kCaptureTimeMax : static_cast<TimeNs>(ns);
}

constexpr std::uint64_t power_of_ten(unsigned exponent) noexcept {
  std::uint64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

struct SectionInterface {
  std::uint32_t index = 0;  ///< in the capture, over all sections
  std::uint32_t snap_bytes = 0;
  PcapngClock clock;
};

struct Block {
  std::uint32_t type = 0;
  std::size_t offset = 0;
  std::size_t body = 0;
  std::size_t body_bytes = 0;
};

class PcapngReader {
 public:
  PcapngReader(std::span<const std::uint8_t> file, CaptureAssembler& assembler) noexcept
      : numbers_{file}, assembler_(assembler) {}

  void read_all() {
    Block block;
    for (std::size_t at = 0; at < numbers_.bytes.size();) {
      if (!read_frame_of(at, block) || !read(block)) return;
      at = block.body + block.body_bytes + kBlockTailBytes;
    }
  }

 private:
  bool damaged(const Block& block, std::string_view what) {
    return assembler_.stop(ErrorKind::invalid, block.offset, what);
  }

  /// A block's extent. The byte order of a section header stands behind its length, so it comes
  /// first.
  bool read_frame_of(std::size_t at, Block& block) {
    block = Block{.offset = at, .body = at + kBlockHeadBytes};
    if (!numbers_.has(at, kBlockBytesMin)) {
      return damaged(block, "the file ends inside a block header");
    }
    block.type = numbers_.u32(at);
    if (block.type == kSectionHeader && !adopt_byte_order(block)) return false;
    const std::uint32_t total = numbers_.u32(at + 4);
    if (total < kBlockBytesMin || total % 4 != 0) {
      return damaged(block, fmt::format("a block of {} bytes: a multiple of 4, at least {}", total,
                                        kBlockBytesMin));
    }
    if (!numbers_.has(at, total)) {
      return damaged(block, fmt::format("a block of {} bytes, and {} are left in the file", total,
                                        numbers_.bytes.size() - at));
    }
    block.body_bytes = total - kBlockBytesMin;
    const std::uint32_t behind = numbers_.u32(block.body + block.body_bytes);
    if (behind == total) return true;
    return damaged(block,
                   fmt::format("a block of {} bytes that ends with the length {}", total, behind));
  }

  bool adopt_byte_order(const Block& block) {
    const auto magic = load<std::uint32_t>(numbers_.bytes.data() + block.body);
    if (magic != kByteOrderMagic && byte_swap(magic) != kByteOrderMagic) {
      return damaged(block, fmt::format("byte-order magic {:#010x}", magic));
    }
    numbers_.is_swapped = magic != kByteOrderMagic;
    return true;
  }

  bool read(const Block& block) {
    switch (block.type) {
      case kSectionHeader:
        return read_section_header(block);
      case kInterfaceDescription:
        return read_interface(block);
      case kEnhancedPacket:
        return read_enhanced_packet(block);
      case kSimplePacket:
        return read_simple_packet(block);
      case kObsoletePacket:
        return read_obsolete_packet(block);
      default:
        return true;
    }
  }

  bool has_body(const Block& block, std::size_t bytes) {
    if (block.body_bytes >= bytes) return true;
    return damaged(block, fmt::format("a block of type {} with {} bytes of body: at least {}",
                                      block.type, block.body_bytes, bytes));
  }

  bool read_section_header(const Block& block) {
    if (!has_body(block, 16)) return false;
    const std::uint16_t major = numbers_.u16(block.body + 4);
    if (major != 1) {
      return assembler_.stop(
          ErrorKind::unavailable, block.offset,
          fmt::format("pcapng version {}.{}: 1.x", major, numbers_.u16(block.body + 6)));
    }
    interfaces_.clear();
    return true;
  }

  bool read_interface(const Block& block) {
    if (!has_body(block, 8)) return false;
    SectionInterface interface;
    const std::uint16_t link_type = numbers_.u16(block.body);
    interface.snap_bytes = numbers_.u32(block.body + 4);
    if (!read_interface_options(block, interface.clock)) return false;
    interface.index =
        assembler_.add_interface({.link_type = link_type, .snap_bytes = interface.snap_bytes});
    interfaces_.push_back(interface);
    return true;
  }

  bool read_interface_options(const Block& block, PcapngClock& clock) {
    const std::size_t end = block.body + block.body_bytes;
    for (std::size_t at = block.body + 8; end - at >= 4;) {
      const std::uint16_t code = numbers_.u16(at);
      const std::uint16_t bytes = numbers_.u16(at + 2);
      if (code == kOptionEnd) return true;
      at += 4;
      if (padded(bytes) > end - at) {
        return damaged(block,
                       fmt::format("an interface option of {} bytes overruns its block", bytes));
      }
      if (code == kOptionTimeResolution && bytes == 1) set_resolution(numbers_.bytes[at], clock);
      if (code == kOptionTimeOffset && bytes == 8) {
        clock.offset_seconds = static_cast<std::int64_t>(numbers_.u64(at));
      }
      at += padded(bytes);
    }
    return true;
  }

  static void set_resolution(std::uint8_t value, PcapngClock& clock) noexcept {
    clock.is_power_of_two = (value & 0x80) != 0;
    clock.exponent = value & 0x7f;
  }

  const SectionInterface* find_interface(const Block& block, std::uint32_t id) {
    if (id < interfaces_.size()) return &interfaces_[id];
    damaged(block, fmt::format("a packet of interface {}, and the section has {}", id,
                               interfaces_.size()));
    return nullptr;
  }

  TimeNs time_at(std::size_t offset, const PcapngClock& clock) const {
    const std::uint64_t high = numbers_.u32(offset);
    return pcapng_time(high << 32 | numbers_.u32(offset + 4), clock);
  }

  bool read_enhanced_packet(const Block& block) {
    if (!has_body(block, 20)) return false;
    const SectionInterface* interface = find_interface(block, numbers_.u32(block.body));
    return interface != nullptr && add_stamped_packet(block, *interface);
  }

  bool read_obsolete_packet(const Block& block) {
    if (!has_body(block, 20)) return false;
    const SectionInterface* interface = find_interface(block, numbers_.u16(block.body));
    return interface != nullptr && add_stamped_packet(block, *interface);
  }

  /// For a frame of so many bytes that begins at `offset` of the body.
  bool has_room(const Block& block, std::size_t offset, std::uint32_t captured) {
    const std::size_t room = block.body_bytes - offset;
    if (captured <= room) return true;
    return damaged(block, fmt::format("a packet of {} captured bytes in a block with room for {}",
                                      captured, room));
  }

  /// Both kinds have the time at 4, the two lengths at 12 and the frame at 20.
  bool add_stamped_packet(const Block& block, const SectionInterface& interface) {
    const std::uint32_t captured = numbers_.u32(block.body + 12);
    if (!has_room(block, 20, captured)) return false;
    return assembler_.add({.record_offset = block.offset,
                           .data_offset = block.body + 20,
                           .captured_bytes = captured,
                           .wire_bytes = numbers_.u32(block.body + 16),
                           .timestamp = time_at(block.body + 4, interface.clock),
                           .interface = interface.index});
  }

  /// It has no time and no captured length: the time of the packet before is taken, and the length
  /// follows from the first interface's snap length (section 4.4 of the draft).
  bool read_simple_packet(const Block& block) {
    if (!has_body(block, 4)) return false;
    const SectionInterface* interface = find_interface(block, 0);
    if (interface == nullptr) return false;
    const std::uint32_t wire = numbers_.u32(block.body);
    const std::uint32_t captured =
        interface->snap_bytes == 0 ? wire : std::min(wire, interface->snap_bytes);
    if (!has_room(block, 4, captured)) return false;
    return assembler_.add({.record_offset = block.offset,
                           .data_offset = block.body + 4,
                           .captured_bytes = captured,
                           .wire_bytes = wire,
                           .timestamp = assembler_.last_timestamp(),
                           .interface = interface->index});
  }

  CaptureNumbers numbers_;
  CaptureAssembler& assembler_;
  std::vector<SectionInterface> interfaces_;  ///< of the current section
};

}  // namespace

bool is_pcapng(std::span<const std::uint8_t> file) noexcept {
  return file.size() >= 4 && load<std::uint32_t>(file.data()) == kSectionHeader;
}

void read_pcapng(std::span<const std::uint8_t> file, CaptureAssembler& assembler) {
  PcapngReader(file, assembler).read_all();
}

TimeNs pcapng_time(std::uint64_t ticks, const PcapngClock& clock) noexcept {
  // 2^64 ticks of a second each are below 2^94 ns.
  Wide ns = Wide{ticks} * kNsPerSecond;
  if (clock.is_power_of_two) {
    ns >>= clock.exponent;
  } else if (clock.exponent <= 19) {
    ns /= power_of_ten(clock.exponent);
  } else {
    // 2^64 < 10^20: what is left is below 10^(29 - exponent) ns.
    ns = clock.exponent >= 29 ? 0 : ns / power_of_ten(19) / power_of_ten(clock.exponent - 19U);
  }
  return to_time(static_cast<SignedWide>(ns) +
                 static_cast<SignedWide>(clock.offset_seconds) * SignedWide{kNsPerSecond});
}

}  // namespace sluice
