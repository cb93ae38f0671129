// DNS messages by their parts, for tests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace sluice::test {

inline std::string word16(unsigned value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

/// "a.bc" as labels with the root behind them.
inline std::string wire_name(std::string_view text) {
  std::string wire;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    text.remove_prefix(std::min(label.size() + 1, text.size()));
  }
  return wire + '\0';
}

struct DnsCounts {
  unsigned questions = 1;
  unsigned answers = 0;
  unsigned authorities = 0;
  unsigned additions = 0;
};

inline constexpr unsigned kDnsQuery = 0x0100;
inline constexpr unsigned kDnsResponse = 0x8180;

inline std::string dns_header(unsigned flags, const DnsCounts& counts = {}) {
  return word16(0x1234) + word16(flags) + word16(counts.questions) + word16(counts.answers) +
         word16(counts.authorities) + word16(counts.additions);
}
inline std::string dns_question(std::string_view name, unsigned type = 1) {
  return wire_name(name) + word16(type) + word16(1);
}
inline std::string dns_query(std::string_view name) {
  return dns_header(kDnsQuery) + dns_question(name);
}
/// `owner` is a name on the wire, or a pointer.
inline std::string dns_answer(const std::string& owner, unsigned type, const std::string& data) {
  return owner + word16(type) + word16(1) + word16(0) + word16(300) +
         word16(static_cast<unsigned>(data.size())) + data;
}
inline std::string dns_pointer(unsigned at) { return word16(0xc000U | at); }
inline std::string behind_length(const std::string& message) {
  return word16(static_cast<unsigned>(message.size())) + message;
}

/// The place of the first name of a message.
inline constexpr unsigned kFirstName = 12;

}  // namespace sluice::test
