// What an event tells of the messages of a service: which buffers, how much of each, and which
// messages make one event. Any thread.
#pragma once

#include <cstdint>
#include <span>

#include "rules/buffers.h"
#include "rules/service.h"

namespace sluice {

/// Which messages of a flow are told together.
enum class TransactionShape : std::uint8_t {
  none,          ///< there are no events of the service
  bytes,         ///< each message alone, as its bytes: AppSink::message_bytes
  message,       ///< each message of the client alone
  gathered,      ///< the same, of a message whose buffers come one by one
  answered,      ///< request and response of one number
  exchange,      ///< what the client says, with all that the server says up to the next
  conversation,  ///< everything up to the encryption, or the end of the flow
};

enum TransactionSide : std::uint8_t { kOfClient = 1, kOfServer = 2, kOfBoth = 3 };

struct ShownBuffer {
  Buffer buffer;
  TransactionSide sides;
  std::uint16_t bytes_max;
  bool may_repeat = false;  ///< each is told, not only the first
  bool is_whole = false;    ///< told whole where there is room, or not at all
};

struct TransactionRow {
  TransactionShape shape = TransactionShape::none;
  std::span<const ShownBuffer> shown;
};

[[nodiscard]] const TransactionRow& transaction_row(Service service) noexcept;

/// Bit i: an event of one of `services` (bit i: Service i) shows Buffer i.
[[nodiscard]] std::uint64_t shown_buffers(std::uint32_t services) noexcept;

}  // namespace sluice
