// What station 8 knows of the application of a flow: whether it was recognised, its parser, and
// what rules have found in the message of each direction so far. Lives in a chunk of the worker's
// pool. Worker thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "dataplane/inspect/app_parser.h"
#include "dataplane/inspect/candidates.h"
#include "dataplane/inspect/flow_inspection.h"

namespace sluice {

inline constexpr std::uint32_t kBodyWindowBytes = 4096;

/// The last bytes of a buffer that comes in pieces, in one piece, and its scan.
struct BodyScan {
  Buffer buffer = Buffer::count_;  ///< count_: not in use
  bool is_decoded = false;         ///< of a buffer that is told as it was sent, too
  StreamScan scan;
  std::uint8_t* bytes = nullptr;  ///< room for two windows
  std::uint32_t size = 0;
  std::uint32_t unjudged = 0;  ///< of these, at their end: rules that wait have not seen them yet
  std::uint64_t begin = 0;     ///< place of bytes[0] in the buffer
  /// Scanned with the stream that carries it, whose window is its own; `bytes` is null then.
  bool is_carried = false;
  std::uint64_t stream_begin = 0;  ///< where in the stream it stands, as far as it has come
  std::uint64_t stream_end = 0;
};

/// The message of one direction that is under way.
struct MessageScan {
  static constexpr std::size_t kBuffersMax = 28;
  CandidateList* candidates = nullptr;
  std::array<BufferBytes, kBuffersMax> head;  ///< its whole buffers, valid until it ends
  std::uint32_t head_count = 0;
  std::array<BodyScan, 3> bodies;  ///< as sent, decoded, and as a file
  /// Rules that held, each of which tells of a message once; more than fit may tell again.
  static constexpr std::size_t kHeldMax = 16;
  std::array<std::uint32_t, kHeldMax> held;
  std::uint32_t held_count = 0;

  [[nodiscard]] std::span<const BufferBytes> buffers() const noexcept {
    return {head.data(), head_count};
  }
  [[nodiscard]] bool has_held(std::uint32_t rule) const noexcept {
    return std::find(held.begin(), held.begin() + held_count, rule) != held.begin() + held_count;
  }
  void note_held(std::uint32_t rule) noexcept {
    if (held_count < kHeldMax) held[held_count++] = rule;
  }
};

using FlowMessages = std::array<MessageScan, 2>;  ///< by direction

struct FlowApplication {
  FlowApplication(Service service, AppWorkspace& workspace) noexcept : parser(service, workspace) {}
  AppParser parser;
  FlowMessages messages;
};
static_assert(sizeof(FlowApplication) <= kChunkBytesMax);

}  // namespace sluice
