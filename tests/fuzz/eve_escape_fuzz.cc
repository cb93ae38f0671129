// Any bytes as a name in an event, and any bytes as the records themselves: each line is one valid
// JSON object on one line, whose text is the input with broken UTF-8 replaced.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/escape.h"
#include "control/store/eve_format.h"
#include "control/store/eve_words.h"

namespace {

using sluice::EveFormatter;

/// Every byte that is not part of well-formed UTF-8 becomes U+FFFD.
std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t bytes = sluice::utf8_sequence_bytes(text);
    out += bytes == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, bytes);
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

void check_escape(std::string_view text) {
  const std::string escaped = sluice::escape_json(text);
  for (const char c : escaped) {
    SLUICE_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f,
                 "no control character is left");
  }
  const auto parsed = nlohmann::json::parse('"' + escaped + '"');
  SLUICE_CHECK(parsed.get<std::string>() == repaired(text), "the text survives");
  SLUICE_CHECK(escaped.size() <= 6 * text.size(), "six bytes per byte at most");
  std::vector<char> small(text.size());
  const sluice::EscapedText cut = sluice::escape_json(text, small);
  SLUICE_CHECK(escaped.compare(0, cut.bytes, small.data(), cut.bytes) == 0, "a cut is a prefix");
}

template <class Record>
Record record_from(const std::uint8_t* data, std::size_t size) {
  Record record{};
  std::memcpy(static_cast<void*>(&record), data, std::min(size, sizeof record));
  return record;
}

void check_line(const std::vector<char>& buffer, std::size_t bytes) {
  SLUICE_CHECK(bytes > 0, "every event fits");
  const std::string_view line(buffer.data(), bytes);
  SLUICE_CHECK(line.find('\n') == bytes - 1, "one event, one line");
  const auto event = nlohmann::json::parse(line);
  SLUICE_CHECK(event.is_object() && event.contains("timestamp"), "an event is an object");
}

/// Of what a record may be, each kind by itself: random bytes are seldom one.
void check_inspection(EveFormatter& formatter, const std::uint8_t* data, std::size_t size) {
  std::vector<char> buffer(sluice::kEveInspectBytesMax);
  sluice::InspectRecord record = record_from<sluice::InspectRecord>(data, size);
  for (unsigned kind = 0; kind < 4; ++kind) {
    for (unsigned service = 0; service <= sluice::kServiceCount; ++service) {
      record.kind = static_cast<sluice::InspectKind>(kind);
      record.service = static_cast<sluice::Service>(service);
      const std::size_t bytes = formatter.inspection(record, buffer);
      const bool is_event = !sluice::event_type_of(record).empty();
      SLUICE_CHECK(is_event || bytes == 0, "what is no event writes none");
      if (is_event) check_line(buffer, bytes);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data),
                              std::min<std::size_t>(size, 255));
  check_escape(text);
  sluice::EveContext context;
  context.port_names = {std::string(text.substr(0, 31)), "inside0"};
  context.is_replay = size % 2 == 0;
  context.capture = text;
  EveFormatter formatter(context);
  std::vector<char> buffer(sluice::kEveLineBytesMax);
  check_line(buffer, formatter.flow(record_from<sluice::FlowRecord>(data, size), buffer));
  check_line(buffer, formatter.drop(record_from<sluice::DropRecord>(data, size), buffer));
  check_inspection(formatter, data, size);
  std::vector<char> large(sluice::kEveStatsBytesMax);
  check_line(large, formatter.stats(record_from<sluice::StatsSnapshot>(data, size), large));
  return 0;
}
