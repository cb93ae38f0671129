// A DNS message on its own, in full for events and as rules see it; or a stream of messages cut
// into pushes, against the same bytes in one push.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/inspect/app_detect.h"
#include "dataplane/inspect/dns_record.h"
#include "dataplane/inspect/dns_stream.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

/// A name read a byte at a time and without any bound but that of its pointers.
std::string plain_name(ByteSpan message, std::size_t at) {
  std::string text;
  while (message[at] != 0) {
    if (message[at] >= 0xc0) {
      at = (message[at] & 0x3fU) << 8 | message[at + 1];
      continue;
    }
    if (!text.empty()) text += '.';
    for (std::size_t i = 1; i <= message[at]; ++i) text += static_cast<char>(message[at + i]);
    at += message[at] + 1U;
  }
  return text;
}

void read_name(ByteSpan message) {
  if (message.empty()) return;
  const std::size_t at = message.front() % message.size();
  DnsNameText text;
  const DnsName name = read_dns_name(message, at, text);
  SLUICE_CHECK(name.bytes < kDnsNameBytesMax, "a text is shorter than its name");
  if (name.fault != DnsNameFault::none) return;
  const std::string_view told(reinterpret_cast<const char*>(text.data()), name.bytes);
  SLUICE_CHECK(told == plain_name(message, at), "a name is what its labels say");
  SLUICE_CHECK(skip_dns_name(message, at).end == name.end, "to skip a name is to read it");
}

void read_message(ByteSpan message) {
  static DnsWorkspace workspace;
  workspace.wants_header = true;
  test::ToldRecorder recorder;
  read_dns_message(0, 0, message, workspace, recorder.sink);
  SLUICE_CHECK(recorder.told.size() <= kDnsNamesMax + 3, "a message tells so much at most");
  (void)read_dns_record(message);
  for (const std::uint16_t port : {std::uint16_t{53}, std::uint16_t{4711}}) {
    (void)detect_datagram(0, message, port);
    (void)detect_stream(0, message, port);
  }
  read_name(message);
}

void compare(ByteSpan bytes) {
  static DnsWorkspace workspace;
  workspace.wants_header = true;
  const std::string text(bytes.begin(), bytes.end());
  test::FlowRecorder<DnsStream> whole(test::kPoolBytes, workspace);
  test::FlowRecorder<DnsStream> split(test::kPoolBytes, workspace);
  whole.push(0, text).end(0);
  split.push_cut(0, text, text.empty() ? 1 : 1U + text.size() % 7).end(0);
  SLUICE_CHECK(whole.told == split.told, "cuts change nothing in what is told");
  SLUICE_CHECK(split.bytes_in_use() == 0, "all memory comes back");
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const sluice::ByteSpan bytes{data + 1, size - 1};
  if (data[0] % 2 == 0) {
    sluice::read_message(bytes);
  } else {
    sluice::compare(bytes);
  }
  return 0;
}
