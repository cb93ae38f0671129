// Any bytes as a frame that a rule rejects. Oracle: whatever sluice answers is a frame that its own
// decoder finds nothing wrong with, sums included, and no longer than a reply may be.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/reply/reply_frame.h"
#include "tests/support/decode_fixture.h"

namespace {

using namespace sluice;

void check_reply(std::span<const std::uint8_t> reply, const Packet& packet) {
  SLUICE_CHECK(reply.size() <= kReplyBytesMax, "a reply has its bound");
  test::DecodeBench bench;
  bench.config.tunnel_depth = kTunnelDepthMax;
  const Packet& read = bench.decode({reply.begin(), reply.end()});
  SLUICE_CHECK(read.verdict.reason == DropReason::none, "a reply is a sound frame");
  SLUICE_CHECK(read.ip_version == packet.ip_version, "of the same family");
  SLUICE_CHECK(read.vlan_count == packet.vlan_count, "with the tags it came in");
}

void answer(const Packet& packet, std::uint8_t choice) {
  if (!can_be_answered(packet)) return;
  const auto path = reply_path_of(packet);
  if (!path) return;
  std::vector<std::uint8_t> room(choice < 128 ? kReplyBytesMax : choice);
  if (packet.protocol != 6) {
    const std::size_t bytes = write_unreachable(packet, *path, room);
    if (bytes != 0) check_reply({room.data(), bytes}, packet);
    return;
  }
  for (const ReplySide side : {ReplySide::sender, ReplySide::peer}) {
    const auto fields = reset_fields(packet, side, {}, choice & 1);
    if (!fields) continue;
    const std::size_t bytes = write_reset(packet, *path, side, *fields, room);
    if (bytes != 0) check_reply({room.data(), bytes}, packet);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  test::DecodeBench bench;
  bench.port.checksums = ChecksumMode::trust;
  const Packet& packet = bench.decode({data + 1, data + size});
  if (packet.verdict.reason == DropReason::none && packet.ip_version != 0) answer(packet, data[0]);
  return 0;
}
