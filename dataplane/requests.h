// What the control process asks of the wire process besides a policy, and what it is answered:
// bodies of `MessageKind::request` and `MessageKind::reply`, as bytes of a sealed memfd. Part of
// the door: no DPDK here. The keeper checks every byte of a request, the control process every byte
// of a reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/five_tuple.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/events.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

inline constexpr std::size_t kBlocksMax = 1U << 20;
inline constexpr std::size_t kRequestBytesMax = 128U << 20;
inline constexpr std::size_t kRowsPerReplyMax = 1024;
inline constexpr std::size_t kLargestRowsMax = 64;

enum class RequestKind : std::uint32_t {
  change_blocks = 1,  ///< BlockChanges -> BlockReceipt
  list_flows,         ///< RowQuery -> FlowRows
  list_sources,       ///< RowQuery -> SourceRows
};

// --- blocks -------------------------------------------------------------------------------------

enum class BlockKind : std::uint8_t { source, flow };

/// Temporary deny. Of kind `source`: whatever comes from `prefix`. Of kind `flow`: both directions
/// of one five-tuple, in canonical order, in any tracking domain.
struct BlockEntry {
  std::uint64_t id = 0;  ///< the control side's number, never 0 and never given twice
  TimeNs until = 0;      ///< on the wire's clock (WindowHeader::clock_offset)
  BlockKind kind = BlockKind::source;
  IpPrefix prefix;
  IpAddress low;
  IpAddress high;
  std::uint16_t low_port = 0;
  std::uint16_t high_port = 0;
  std::uint8_t protocol = 0;
};

/// Taken as a whole or not at all. An added block whose prefix or flow is blocked already replaces
/// the older one.
struct BlockChanges {
  bool replaces_all = false;  ///< what is not in `added` is lifted
  std::vector<BlockEntry> added;
  std::vector<std::uint64_t> removed;  ///< ids; one that is not there is no error
};

/// `slots[i]` is where the hits of `added[i]` are counted (WorkerWindow::block_hits).
struct BlockReceipt {
  std::uint64_t active = 0;
  std::vector<std::uint32_t> slots;
};

/// `BlockChanges` that replace all, written into a sealed memfd piece by piece: a million entries
/// at once would hold up the control thread.
class WholeBlocksBody {
 public:
  /// Errors: io.
  [[nodiscard]] static Result<WholeBlocksBody> begin();
  [[nodiscard]] Status append(std::span<const BlockEntry> added);
  /// Nothing more is appended.
  [[nodiscard]] Result<OwnedFd> seal();

 private:
  explicit WholeBlocksBody(OwnedFd memfd) noexcept : memfd_(std::move(memfd)) {}
  OwnedFd memfd_;
  std::uint32_t count_ = 0;
};

/// The slots of an encoded `BlockReceipt`, read where they are.
class ReceiptSlots {
 public:
  /// Errors: invalid, where the length is wrong.
  [[nodiscard]] static Result<ReceiptSlots> of(std::span<const std::byte> bytes);
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() / sizeof(std::uint32_t); }
  /// Any number: the caller looks whether there is such a slot.
  [[nodiscard]] std::uint32_t at(std::size_t i) const noexcept;

 private:
  explicit ReceiptSlots(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

// --- lists --------------------------------------------------------------------------------------

/// Which rows, from where. Flows and sources are walked in the order of the tables, which moves
/// while it is walked: what stays all the time is seen exactly once. A cursor is the worker in its
/// upper 16 bits and a slot of that worker's table below.
struct RowQuery {
  std::uint64_t cursor = 0;   ///< 0 = from the start, or `next` of the reply before
  std::uint32_t most = 64;    ///< at most kRowsPerReplyMax
  IpPrefix touching = {};     ///< length 0: any; else one side (a source) lies in it
  bool refused_only = false;  ///< of which packets were refused
  /// Only flows, and from the start: the `most` (up to kLargestRowsMax) with most bytes of all
  /// workers, largest first.
  bool largest = false;
};

/// `record` holds the flow's totals up to now.
struct FlowRows {
  std::uint64_t next = 0;  ///< 0 = that was the end
  std::vector<FlowRecord> rows;
};

struct SourceRow {
  IpPrefix source;
  TimeNs last_seen = 0;
  std::uint64_t packets_refused = 0;
  std::uint32_t packets_left = 0;  ///< what stands in the packet bucket; 0 where it has none
  std::uint32_t bytes_left = 0;
  std::uint8_t worker = 0;
};
struct SourceRows {
  std::uint64_t next = 0;
  std::vector<SourceRow> rows;
};

// --- as bytes -----------------------------------------------------------------------------------

[[nodiscard]] std::vector<std::byte> encode(const BlockChanges& changes);
[[nodiscard]] std::vector<std::byte> encode(const BlockReceipt& receipt);
[[nodiscard]] std::vector<std::byte> encode(const RowQuery& query);
[[nodiscard]] std::vector<std::byte> encode(const FlowRows& rows);
[[nodiscard]] std::vector<std::byte> encode(const SourceRows& rows);

/// `T` is one of the above. Errors: invalid, for a wrong length or any value out of its range.
template <class T>
[[nodiscard]] Result<T> decode_as(std::span<const std::byte> bytes);
template <>
[[nodiscard]] Result<BlockChanges> decode_as(std::span<const std::byte> bytes);
template <>
[[nodiscard]] Result<BlockReceipt> decode_as(std::span<const std::byte> bytes);
template <>
[[nodiscard]] Result<RowQuery> decode_as(std::span<const std::byte> bytes);
template <>
[[nodiscard]] Result<FlowRows> decode_as(std::span<const std::byte> bytes);
template <>
[[nodiscard]] Result<SourceRows> decode_as(std::span<const std::byte> bytes);

}  // namespace sluice
