#include "dataplane/inspect/quic_detect.h"

#include "dataplane/inspect/quic_packet.h"

namespace sluice {

Likeness looks_like_quic(ByteSpan datagram) noexcept {
  constexpr std::size_t kDatagramMin = 1200;  // RFC 9000 14.1: servers discard shorter ones
  if (datagram.size() < kDatagramMin) return Likeness::no;
  const auto packet = read_quic_packet(datagram);
  return packet && packet->is_initial ? Likeness::yes : Likeness::no;
}

}  // namespace sluice
