// One line of text as a frame, for the golden cases. A line names headers from the outside in:
//
//   ipv4 10.0.0.1 > 10.0.0.2 ttl=9 / tcp 4000 > 80 S seq=100 / text "hello" | cut=40
//
// An Ethernet header stands in front unless one is written. What is not said is filled in
// correctly. Headers (positional words first, the rest as key=value):
//   eth [SOURCE > DESTINATION]      vlan ID [tpid=] [prio=]        mpls LABEL       pppoe [SESSION]
//   llc DSAP SSAP CONTROL           snap [OUI]                     arp
//   ipv4 A > B [ttl= tos= id= offset= options=HEX] [df] [mf]
//   ipv6 A > B [hops= class= label=]                               hop [HEX]        dest [HEX]
//   mobility    routing [type= left= via=A,B]    frag [id= offset=] [more]          auth [SPI]
//   tcp P > Q FLAGS [seq= ack= win= urg= options=HEX]   FLAGS: letters of FSRPAUEC, or none
//   udp P > Q   sctp P > Q [tag=]   icmp TYPE [CODE] [rest=]   icmp6 TYPE [CODE] [rest=]
//   gre [key= seq= flags=] [sum]    vxlan [VNI]   geneve [VNI] [options=HEX]   gtpu [teid= type=
//   seq=] text "..."   hex 00112233   fill COUNT [BYTE]
// Every header also takes len= sum= next= ver= words= poke=OFFSET:HEX, which break it.
// Behind `|`, of the frame: cut=N (the frame has N bytes), captured=N (the capture has N of them),
// wire=N, pad=N, fragments=BYTES with id=N and only=1,3,2 (pieces from 1, in this order).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

struct TextFrame {
  std::vector<std::uint8_t> bytes;
  std::uint32_t wire_bytes = 0;
};

/// More than one frame where the line asks for fragments. Throws std::runtime_error that says what
/// is wrong with the line.
[[nodiscard]] std::vector<TextFrame> frames_from_text(std::string_view line);

/// Number with base prefix ("0x88cc"), unit-free. Throws like frames_from_text.
[[nodiscard]] std::uint64_t number_from_text(std::string_view text);

}  // namespace sluice::test
