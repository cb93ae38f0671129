// Any bytes as a frame through the decoder. The first two bytes choose the configuration and how
// the frame is cut into segments. Oracles: the fast path equals the general path, segments change
// nothing, offsets stay inside of the frame, and a refused packet has a reason of the decoder.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "base/check.h"
#include "tests/support/decode_fixture.h"

namespace {

using namespace sluice;

void check_same(Packet a, Packet b) {
  a.mbuf = b.mbuf = nullptr;
  a.bytes = b.bytes = nullptr;
  a.bytes_at_hand = b.bytes_at_hand = 0;
  SLUICE_CHECK(
      std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof a) == 0,
      "both paths and any segments give one packet");
}

void check_invariants(const Packet& packet, std::size_t frame_bytes) {
  const Verdict& verdict = packet.verdict;
  SLUICE_CHECK((verdict.action == Action::drop) == (verdict.reason != DropReason::none),
               "a drop has a reason");
  SLUICE_CHECK(verdict.reason <= DropReason::control_frame_refused, "a reason of this station");
  if (packet.ip_version == 0 || !packet.is_undecided()) return;
  SLUICE_CHECK(packet.has(kIsIp), "a version means IP");
  SLUICE_CHECK(packet.l3_offset + 20U <= frame_bytes, "the IP header is in the frame");
  if (packet.has(kHasPorts)) {
    SLUICE_CHECK(packet.l4_offset + 8U <= frame_bytes, "the ports are in the frame");
  }
}

void configure(test::DecodeBench& bench, std::uint8_t choice) {
  bench.port.checksums = static_cast<ChecksumMode>(choice & 3);
  bench.port.vlan_in_key = (choice & 4) != 0;
  bench.config.malformed = (choice & 8) != 0 ? MalformedPolicy::pass : MalformedPolicy::drop;
  bench.config.tunnel_key = (choice & 16) != 0 ? TunnelKey::outer : TunnelKey::inner;
  bench.config.non_ip = (choice & 32) != 0 ? FramePolicy::drop : FramePolicy::pass;
  bench.config.control_frames = (choice & 64) != 0 ? FramePolicy::drop : FramePolicy::pass;
}

void decode_as_datagram(test::DecodeBench& bench, const Packet& fragment,
                        const test::Bytes& frame) {
  Packet datagram = fragment;
  datagram.bytes = frame.data();
  datagram.bytes_at_hand = static_cast<std::uint32_t>(frame.size());
  bench.decoder().decode_datagram(datagram, bench.config);
  SLUICE_CHECK(datagram.has(kIsDatagram), "stays a datagram");
}

/// The canary: a second build of this target has a bug here that needs a tunnel behind two VLAN
/// tags, and ports inside of it. No seed is such a frame; fuzzing has to come to it.
void reach_planted_bug([[maybe_unused]] const Packet& packet) {
#ifdef SLUICE_PLANTED_BUG
  const bool is_nested = packet.vlan_count == 2 && packet.tunnel_depth == 1;
  if (packet.is_undecided() && is_nested && packet.has(kHasPorts)) std::abort();
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 9'020) return 0;
  test::DecodeBench bench;
  configure(bench, data[0]);
  const test::Bytes frame(data + 2, data + size);
  const auto frame_bytes = static_cast<std::uint32_t>(frame.size());
  const std::uint32_t wire = frame_bytes + ((data[0] & 128) != 0 ? 100U : 0U);

  const Packet fast = bench.decode(frame, {.wire_bytes = wire});
  check_invariants(fast, wire);
  reach_planted_bug(fast);
  if (fast.has(kIsFragment)) decode_as_datagram(bench, fast, frame);
  check_same(fast, bench.decode_by_general_path(frame, {.wire_bytes = wire}));
  const std::uint32_t cut = 1U + data[1];
  check_same(fast, bench.decode(frame, {.wire_bytes = wire, .segments = {cut, cut, 3, 50}}));
  return 0;
}
