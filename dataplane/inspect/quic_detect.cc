#include "dataplane/inspect/quic_detect.h"

#include "dataplane/inspect/quic_packet.h"

namespace sluice {

Likeness looks_like_quic(ByteSpan datagram) noexcept {
  const auto packet = read_quic_packet(datagram);
  return packet && packet->is_initial ? Likeness::yes : Likeness::no;
}

}  // namespace sluice
