#include "config/device_word.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

DeviceWord device_of(std::string_view word) { return parse_device_word(word).value(); }

std::string hint_of(std::string_view word) {
  const auto device = parse_device_word(word);
  return device ? "" : device.error().hint;
}

TEST(DeviceWord, TellsTheKindsApart) {
  EXPECT_EQ(device_of("0000:3B:00.7").kind, DeviceKind::pci);
  EXPECT_EQ(device_of("0000:3B:00.7").name, "0000:3b:00.7");
  EXPECT_EQ(device_of("af_packet:eth0.100").kind, DeviceKind::af_packet);
  EXPECT_EQ(device_of("af_xdp:enp1s0f0").name, "enp1s0f0");
  EXPECT_EQ(device_of("tap:tap0").kind, DeviceKind::tap);
  EXPECT_EQ(device_of("ring:r0").kind, DeviceKind::ring);
  EXPECT_EQ(device_of("null:64").kind, DeviceKind::null);
}

TEST(DeviceWord, LetsNothingIntoDeviceArguments) {
  for (const std::string_view word : {"",
                                      ":",
                                      "af_packet",
                                      "af_packet:",
                                      "af_packet:a,b",
                                      "af_packet:a b",
                                      "af_packet:a=b",
                                      "af_packet:..",
                                      "af_xdp:eth0,xdp_prog=/tmp/x",
                                      "pci:0000:3b:00.0",
                                      "af_packet:a/b",
                                      "af_packet:abcdefghijklmnop",
                                      "tap:\n",
                                      "ring:a:b",
                                      "null:13",
                                      "null:2049",
                                      "null:064",
                                      "null:64x",
                                      "null:-64",
                                      "0000:3b:00.8",
                                      "0000:3b:0.0",
                                      "0000:3b:00.0,x=1",
                                      "pcap:f",
                                      "AF_PACKET:eth0",
                                      "vdev:net_tap0"}) {
    EXPECT_FALSE(parse_device_word(word)) << word;
  }
}

TEST(DeviceWord, NamesTheProbableMeaning) {
  EXPECT_EQ(hint_of("eth0"), "write af_packet:eth0 or af_xdp:eth0");
  EXPECT_EQ(hint_of("3b:00.0"), "write 0000:3b:00.0");
  EXPECT_EQ(hint_of("afxdp:eth0"), "did you mean 'af_xdp:'?");
}

TEST(DeviceWord, KnowsWhatCannotBeOpenedTwice) {
  EXPECT_EQ(device_of("af_packet:a").exclusive_name(), device_of("af_xdp:a").exclusive_name());
  EXPECT_EQ(device_of("af_packet:a").exclusive_name(), device_of("tap:a").exclusive_name());
  EXPECT_NE(device_of("ring:a").exclusive_name(), device_of("tap:a").exclusive_name());
  EXPECT_EQ(device_of("0000:3B:00.0").exclusive_name(), device_of("0000:3b:00.0").exclusive_name());
  EXPECT_EQ(device_of("null:64").exclusive_name(), "");
}

TEST(DeviceWord, KnowsThatXdpCarriesNoJumboFrames) {
  EXPECT_LT(mtu_max(DeviceKind::af_xdp), 3520U);
  EXPECT_GE(mtu_max(DeviceKind::af_packet), 9000U);
}

TEST(DeviceWord, NamesEveryKind) {
  EXPECT_EQ(name_of(DeviceKind::pci), "pci");
  EXPECT_EQ(name_of(DeviceKind::af_xdp), "af_xdp");
  EXPECT_EQ(name_of(DeviceKind::null), "null");
}

}  // namespace
}  // namespace sluice
