// Where the two readers of capture files put what they found: checks a record against the limits,
// turns its frame to Ethernet and appends it. Used by load_capture only, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/io/capture_file.h"

namespace sluice {

/// One packet as its record describes it. The reader has checked that `captured_bytes` bytes stand
/// at `data_offset` and that at least 14 bytes before them have been read and are not needed again.
struct CaptureRecord {
  std::size_t record_offset = 0;
  std::size_t data_offset = 0;
  std::uint32_t captured_bytes = 0;
  std::uint32_t wire_bytes = 0;
  TimeNs timestamp = 0;
  std::uint32_t interface = 0;  ///< index into Capture::interfaces
};

class CaptureAssembler {
 public:
  /// All three outlive the assembler; `file` is the capture's own buffer.
  CaptureAssembler(std::span<std::uint8_t> file, const CaptureLimits& limits,
                   Capture& capture) noexcept
      : file_(file), limits_(limits), capture_(capture) {}

  /// Returns the new interface's index.
  std::uint32_t add_interface(CaptureInterface interface);
  [[nodiscard]] const CaptureInterface& interface(std::uint32_t index) const {
    return capture_.interfaces[index];
  }
  [[nodiscard]] TimeNs last_timestamp() const noexcept {
    return capture_.packets.empty() ? 0 : capture_.packets.back().timestamp;
  }

  /// False where reading must end; `Capture::damage` then says why.
  [[nodiscard]] bool add(const CaptureRecord& record);

  /// Records why reading ends; always false, so that a reader can return it.
  bool stop(ErrorKind kind, std::size_t offset, std::string_view what);

 private:
  [[nodiscard]] std::span<const std::uint8_t> settle(std::span<const std::uint8_t> frame);

  std::span<std::uint8_t> file_;
  const CaptureLimits& limits_;
  Capture& capture_;
};

}  // namespace sluice
