#include "dataplane/io/port_device.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(PortDevice, ReadsEveryKind) {
  EXPECT_EQ(*parse_port_device("0000:3B:00.1"), (PortDevice{PortKind::pci, "0000:3b:00.1", 0}));
  EXPECT_EQ(*parse_port_device("af_packet:eth1"), (PortDevice{PortKind::af_packet, "eth1", 0}));
  EXPECT_EQ(*parse_port_device("af_xdp:enp3s0f1"), (PortDevice{PortKind::af_xdp, "enp3s0f1", 0}));
  EXPECT_EQ(*parse_port_device("tap:tap0"), (PortDevice{PortKind::tap, "tap0", 0}));
  EXPECT_EQ(*parse_port_device("ring:left"), (PortDevice{PortKind::ring, "left", 0}));
  EXPECT_EQ(*parse_port_device("null:64"), (PortDevice{PortKind::null, "64", 64}));
}

TEST(PortDevice, RefusesWhatIsNoDevice) {
  for (const char* word :
       {"", ":", "eth0", "af_packet", "af_packet:", "pci:0000:3b:00.0", "0000:3b:00.8", "0000:3b:0.0",
        "af_xdp:interface-name-too-long", "null:13", "null:4096", "null:x", "null:", "dpdk:eth0"}) {
    const auto device = parse_port_device(word);
    ASSERT_FALSE(device) << word;
    EXPECT_EQ(device.error().kind, ErrorKind::invalid) << word;
  }
}

TEST(PortDevice, RefusesNamesThatWouldBeDeviceArguments) {
  for (const char* word : {"af_xdp:eth0,xdp_prog=/tmp/x", "tap:a b", "af_packet:a/b", "ring:a\n", "tap:.."}) {
    EXPECT_FALSE(parse_port_device(word)) << word;
  }
}

TEST(PortDevice, GivesJumboFramesLargeSlots) {
  EXPECT_EQ(af_packet_slot_bytes(1500), 2048u);
  EXPECT_EQ(af_packet_slot_bytes(1964), 2048u);
  EXPECT_EQ(af_packet_slot_bytes(1965), 16'384u);
  EXPECT_EQ(af_packet_slot_bytes(9000), 16'384u);
}

TEST(PortDevice, KnowsThatXdpCarriesNoJumboFrames) {
  EXPECT_LT(mtu_max(PortKind::af_xdp), 3520u);
  EXPECT_GE(mtu_max(PortKind::af_packet), 9000u);
}

TEST(PortDevice, HasRoomForAFullFrameOfEveryKind) {
  for (const PortKind kind : {PortKind::af_packet, PortKind::af_xdp, PortKind::tap, PortKind::ring, PortKind::null}) {
    for (const std::uint32_t mtu : {576U, 1500U, 3498U}) {
      EXPECT_GE(frame_room_bytes(kind, mtu), frame_bytes_for_mtu(mtu)) << name_of(kind) << mtu;
    }
  }
}

}  // namespace
}  // namespace sluice
