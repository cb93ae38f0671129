// The frames that sluice makes itself when a rule rejects: RST (RFC 9293) and ICMP port unreachable
// (RFC 792, RFC 4443), in the headers that the rejected packet came in. Pure functions; worker
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/packet.h"
#include "dataplane/reply/rejections.h"
#include "dataplane/reply/reply_path.h"

namespace sluice {

/// More than any reply needs: outer headers, and a quote of at most an IPv6 packet of 1,280 bytes.
inline constexpr std::size_t kReplyBytesMax = 1536;

/// Who is told: the one that sent the packet, or the one that it was for.
enum class ReplySide : std::uint8_t { sender, peer };

/// Fields of a RST.
struct ResetFields {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  bool has_acknowledgement = false;
};
/// To the sender, RFC 9293 3.10.7.1, but with the sequence number that it expects by now where that
/// is known. To the peer what the sender itself would abort with; nothing where the packet is the
/// first of a connection, of which the peer knows nothing.
[[nodiscard]] std::optional<ResetFields> reset_fields(const Packet& packet, ReplySide side,
                                                      const ResetMarks& marks,
                                                      unsigned direction) noexcept;

/// Whether anybody may be told about this packet at all: not of groups and broadcasts, of RSTs, of
/// ICMP errors, of what came in fragments.
[[nodiscard]] bool can_be_answered(const Packet& packet) noexcept;

/// How many bytes of `into` are the frame; 0 where it does not fit.
[[nodiscard]] std::size_t write_reset(const Packet& packet, const ReplyPath& path, ReplySide side,
                                      const ResetFields& fields,
                                      std::span<std::uint8_t> into) noexcept;
/// To the sender, with as much of its packet as an error may quote.
[[nodiscard]] std::size_t write_unreachable(const Packet& packet, const ReplyPath& path,
                                            std::span<std::uint8_t> into) noexcept;

}  // namespace sluice
