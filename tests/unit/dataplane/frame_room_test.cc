#include "dataplane/io/frame_room.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(FrameRoom, GivesJumboFramesLargeSlots) {
  EXPECT_EQ(af_packet_slot_bytes(1500), 2048u);
  EXPECT_EQ(af_packet_slot_bytes(1964), 2048u);
  EXPECT_EQ(af_packet_slot_bytes(1965), 16'384u);
  EXPECT_EQ(af_packet_slot_bytes(9000), 16'384u);
}

TEST(FrameRoom, HasRoomForAFullFrameOfEveryKind) {
  for (const DeviceKind kind : {DeviceKind::af_packet, DeviceKind::af_xdp, DeviceKind::tap,
                                DeviceKind::ring, DeviceKind::null}) {
    for (const std::uint32_t mtu : {576U, 1500U, 3498U}) {
      EXPECT_GE(frame_room_bytes(kind, mtu), frame_bytes_for_mtu(mtu)) << name_of(kind) << mtu;
    }
  }
}

}  // namespace
}  // namespace sluice
