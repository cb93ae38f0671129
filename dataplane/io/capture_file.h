// Captures from disk, read by sluice's own bounded reader: pcap and pcapng, every frame as
// Ethernet. For replay and explain, on the thread that drives them; no DPDK here, nothing in a
// worker.
//
// The whole file stands in memory, so each frame is contiguous and costs no copy. Frames of another
// link type get a 14-byte Ethernet header with zero MACs written in front of their network bytes,
// over the link or record header, which has been read by then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

/// A record that claims more captured bytes than this is damage, as in libpcap.
inline constexpr std::uint32_t kCapturedBytesMax = 256 * 1024;

/// Timestamps saturate here, in the year 2262, so that adding a duration cannot wrap.
inline constexpr TimeNs kCaptureTimeMax = 0x7fff'ffff'ffff'ffff;

struct CaptureLimits {
  std::uint64_t file_bytes_max = 4ULL << 30;
  std::uint64_t packets_max = 100'000'000;
  /// Every frame in a heap block of exactly its size, so that a sanitizer sees each overread.
  bool separate_blocks = false;
};

struct CapturedPacket {
  TimeNs timestamp = 0;  ///< as the file says: may go back and forth; 0 where it says nothing
  std::uint32_t wire_bytes = 0;         ///< of the Ethernet frame; never below bytes.size()
  std::uint32_t interface = 0;          ///< index into Capture::interfaces
  std::span<const std::uint8_t> bytes;  ///< Ethernet; lives as long as the Capture
};

struct CaptureInterface {
  std::uint32_t link_type = 0;   ///< LINKTYPE_ number as in the file
  std::uint32_t snap_bytes = 0;  ///< 0 = no limit stated
};

/// Bytes of a file; room for every one of them, nothing behind.
struct CaptureBytes {
  std::unique_ptr<std::uint8_t[]> data;
  std::size_t size = 0;
};

struct Capture {
  std::vector<CapturedPacket> packets;
  std::vector<CaptureInterface> interfaces;  ///< over all sections, in file order
  /// Why reading ended before the end of the file; the packets before it are good. Kind: invalid =
  /// damaged, unavailable = a format, version or link type that sluice does not read, limit = more
  /// packets than allowed. The message names the offset.
  std::optional<Error> damage;

  CaptureBytes file;
  std::vector<std::unique_ptr<std::uint8_t[]>> blocks;  ///< with CaptureLimits::separate_blocks
};

/// Fails only where the file itself cannot be had: not_found, io, or limit (larger than allowed).
/// Whatever is wrong inside is told by `Capture::damage`. Messages begin with the path.
[[nodiscard]] Result<Capture> load_capture(const std::string& path,
                                           const CaptureLimits& limits = {});

/// The same for bytes that are in memory already. Never fails; see `Capture::damage`.
[[nodiscard]] Capture parse_capture(CaptureBytes file, const CaptureLimits& limits = {});

}  // namespace sluice
