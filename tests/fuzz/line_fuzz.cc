// SMTP, FTP and SSH: bytes of one direction or of both in turn, cut into pushes, against the same
// bytes uncut. What is told is the same, the files of a mail too, and no memory is left. Detection
// sees the bytes too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "dataplane/inspect/app_detect.h"
#include "dataplane/inspect/ftp_parser.h"
#include "dataplane/inspect/smtp_parser.h"
#include "dataplane/inspect/ssh_parser.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using Turns = std::vector<std::pair<unsigned, std::string>>;

/// All to one side; or turns behind a byte each that says whose it is and how long.
Turns turns_of(std::uint8_t kind, ByteSpan bytes) {
  if (kind < 2) return {{kind, std::string(bytes.begin(), bytes.end())}};
  Turns turns;
  while (!bytes.empty()) {
    const std::uint8_t head = bytes.front();
    bytes = bytes.subspan(1);
    const std::size_t count = std::min<std::size_t>(head >> 1, bytes.size());
    const ByteSpan text = bytes.first(count);
    turns.emplace_back(head & 1U, std::string(text.begin(), text.end()));
    bytes = bytes.subspan(count);
  }
  return turns;
}

template <class Parser, class... Limits>
void compare(const Turns& turns, std::size_t piece, const Limits&... limits) {
  test::FlowRecorder<Parser> whole(test::kPoolBytes, limits...);
  test::FlowRecorder<Parser> split(test::kPoolBytes, limits...);
  for (const auto& [direction, text] : turns) {
    if (text.empty()) {
      whole.gap(direction);
      split.gap(direction);
    }
    whole.push(direction, text);
    split.push_cut(direction, text, piece);
  }
  for (const unsigned direction : {0U, 1U}) {
    whole.end(direction);
    split.end(direction);
  }
  SLUICE_CHECK(whole.told == split.told, "cuts change nothing in what is told");
  whole.release();
  split.release();
  SLUICE_CHECK(whole.bytes_in_use() == 0 && split.bytes_in_use() == 0, "all memory comes back");
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  if (size < 2) return 0;
  const Turns turns = turns_of(data[1], {data + 2, size - 2});
  const std::size_t piece = 1U + data[1] % 5U;
  switch (data[0] % 3) {
    case 0:
      compare<FtpParser>(turns, piece);
      break;
    case 1:
      compare<SmtpParser>(turns, piece, MailLimits{.wants_files = true, .part_bytes_max = 512});
      break;
    default:
      compare<SshParser>(turns, piece);
  }
  for (const unsigned number : {21U, 22U, 25U, 110U}) {
    const auto port = static_cast<std::uint16_t>(number);
    for (const unsigned direction : {0U, 1U}) {
      (void)detect_stream(direction, {data + 2, size - 2}, port);
    }
  }
  return 0;
}
