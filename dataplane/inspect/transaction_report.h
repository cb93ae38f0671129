// From the messages that parsers tell to the records of transactions: gathers the excerpts of the
// messages that belong together and hands them over when the last of them has ended. What it holds
// is in chunks of the worker's pool; without one, or where the lane is full, the transaction is
// lost and counted. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/rule_conditions.h"
#include "dataplane/inspect/transaction_table.h"
#include "dataplane/policy_parts.h"
#include "dataplane/window.h"

namespace sluice {

/// The transactions of a flow that are under way, the oldest first. A chunk of the pool.
struct FlowTransactions {
  static constexpr std::size_t kOpenMax = 16;
  std::array<InspectRecord*, kOpenMax> open;  ///< chunks too
  std::uint8_t count = 0;
  bool is_interim = false;  ///< the response that is under way answers nothing yet (1xx)
};

/// A message of a flow, and where the flow keeps its transactions: null while there are none.
struct MessagePlace {
  const RuleSubject& subject;
  FlowTransactions*& flow;
  unsigned direction = 0;
  std::uint32_t message = 0;
};

class TransactionReport {
 public:
  /// The pool outlives it. `window` null: nothing is reported.
  TransactionReport(std::uint8_t worker, WorkerWindow* window, ChunkPool& pool) noexcept
      : pool_(&pool), window_(window), worker_(worker) {}

  /// Which services are reported from now on.
  void obey(const PolicySettings& settings) noexcept;
  /// Buffers of applications that are needed for it, bit i: Buffer i.
  [[nodiscard]] std::uint64_t wanted_buffers() const noexcept { return wanted_buffers_; }
  /// Bit i: Service i is reported.
  [[nodiscard]] std::uint32_t services() const noexcept { return services_; }
  [[nodiscard]] bool wants(Service service) const noexcept {
    return (services_ >> static_cast<unsigned>(service) & 1) != 0;
  }

  // As in AppSink.
  void take_bytes(const MessagePlace& place, std::span<const std::uint8_t> bytes) noexcept;
  void take_buffers(const MessagePlace& place, std::span<const BufferBytes> buffers) noexcept;
  void message_ends(const MessagePlace& place) noexcept;
  /// Nothing more will be told of the flow, which is encrypted or over: what is under way is told
  /// as far as it has come. `flow` is null after.
  void flow_ends(FlowTransactions*& flow) noexcept;

  [[nodiscard]] std::uint64_t transactions() const noexcept { return transactions_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  [[nodiscard]] InspectRecord record_of(const MessagePlace& place) const noexcept;
  [[nodiscard]] InspectRecord* find_or_open(const MessagePlace& place,
                                            TransactionShape shape) noexcept;
  [[nodiscard]] InspectRecord* open(const MessagePlace& place) noexcept;
  [[nodiscard]] bool is_interim(const MessagePlace& place,
                                std::span<const BufferBytes> buffers) noexcept;
  void tell_and_close(FlowTransactions& flow, std::size_t index) noexcept;
  void tell(InspectRecord& record) noexcept;

  ChunkPool* pool_;
  WorkerWindow* window_;
  std::uint64_t wanted_buffers_ = 0;
  std::uint64_t transactions_ = 0;
  std::uint64_t lost_ = 0;
  std::uint32_t services_ = 0;
  std::uint16_t generation_ = 0;
  std::uint8_t worker_;
  bool is_enforced_ = false;
};

}  // namespace sluice
