#include "dataplane/inspect/dns_detect.h"

#include "base/endian.h"
#include "dataplane/inspect/dns_message.h"

namespace sluice {
namespace {

constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kBytesMax = 1024;
constexpr std::uint16_t kNetbiosPort = 137;  // its name service has messages of the same form

constexpr std::uint16_t kIsResponse = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;
constexpr std::uint16_t kRcode = 0x000f;
constexpr std::uint16_t kReserved = 0x0040;
constexpr std::uint16_t kOfQueries = 0x0130;  // recursion desired, authentic data, no checking

struct Header {
  std::uint16_t flags;
  std::uint16_t questions;
  std::uint16_t answers;
  std::uint16_t authorities;
  std::uint16_t additions;
};

[[nodiscard]] Header header_of(ByteSpan message) noexcept {
  const std::uint8_t* at = message.data();
  return {load_be16(at + 2), load_be16(at + 4), load_be16(at + 6), load_be16(at + 8),
          load_be16(at + 10)};
}

/// What a message on a port of DNS has to have.
[[nodiscard]] bool may_be_header(const Header& header) noexcept {
  constexpr unsigned kOpcodeMax = 6;
  return (header.flags & kOpcode) >> 11 <= kOpcodeMax;
}

/// As queries and their responses have it that nothing else is likely to have by chance.
[[nodiscard]] bool is_usual_header(const Header& header) noexcept {
  constexpr std::uint16_t kRcodeMax = 10;
  constexpr std::uint16_t kRecordsMax = 512;
  if (header.questions != 1) return false;
  if ((header.flags & kIsResponse) == 0) {
    return (header.flags & ~kOfQueries) == 0 && header.answers == 0 && header.authorities == 0 &&
           header.additions <= 2;
  }
  return (header.flags & (kOpcode | kReserved)) == 0 && (header.flags & kRcode) <= kRcodeMax &&
         header.answers <= kRecordsMax && header.authorities <= kRecordsMax &&
         header.additions <= kRecordsMax;
}

/// The first bytes of a message whose header has not come whole: most that is not DNS is told by
/// the flags already.
[[nodiscard]] bool may_become_header(ByteSpan bytes, std::uint16_t server_port) noexcept {
  constexpr std::size_t kFlagsEnd = 4;
  if (bytes.size() < kFlagsEnd) return true;
  const std::uint16_t flags = load_be16(bytes.data() + kFlagsEnd - 2);
  const Header header{flags, 1, 0, 0, 0};
  return is_dns_port(server_port) ? may_be_header(header) : is_usual_header(header);
}

/// The question behind a usual header; `has_more` bytes are still to come.
[[nodiscard]] Likeness has_question(ByteSpan message, const Header& header,
                                    bool has_more) noexcept {
  const Likeness unfinished = has_more ? Likeness::need_more : Likeness::no;
  const DnsName name = skip_dns_name(message, kDnsHeaderBytes);
  if (name.fault != DnsNameFault::none) {
    return name.fault == DnsNameFault::malformed ? unfinished : Likeness::no;
  }
  if (message.size() - name.end < 4) return unfinished;
  const std::uint16_t type = load_be16(message.data() + name.end);
  const std::uint16_t of_class = load_be16(message.data() + name.end + 2);
  const bool is_known = of_class == 1 || of_class == 3 || of_class == 4 || of_class == 255;
  const bool is_only_question =
      (header.flags & kIsResponse) == 0 && header.additions == 0 && !has_more;
  if (is_only_question && message.size() != name.end + 4U) return Likeness::no;
  return type != 0 && is_known ? Likeness::yes : Likeness::no;
}

}  // namespace

bool looks_like_dns(ByteSpan datagram, std::uint16_t server_port) noexcept {
  if (datagram.size() < kDnsHeaderBytes || server_port == kNetbiosPort) return false;
  const Header header = header_of(datagram);
  if (is_dns_port(server_port)) return may_be_header(header);
  return is_usual_header(header) && has_question(datagram, header, false) == Likeness::yes;
}

Likeness looks_like_dns_stream(ByteSpan bytes, std::uint16_t server_port) noexcept {
  if (bytes.size() < kLengthBytes) return Likeness::need_more;
  const std::size_t length = load_be16(bytes.data());
  // Some servers pass over what is too short for a message, and read the next one.
  if (length < kDnsHeaderBytes) return is_dns_port(server_port) ? Likeness::yes : Likeness::no;
  const ByteSpan behind = bytes.subspan(kLengthBytes);
  if (behind.size() < kDnsHeaderBytes) {
    return may_become_header(behind, server_port) ? Likeness::need_more : Likeness::no;
  }
  const ByteSpan message = behind.first(std::min(behind.size(), length));
  const Header header = header_of(message);
  if (is_dns_port(server_port)) return may_be_header(header) ? Likeness::yes : Likeness::no;
  if (!is_usual_header(header)) return Likeness::no;
  const bool has_more = message.size() < length && bytes.size() < kBytesMax;
  return has_question(message, header, has_more);
}

}  // namespace sluice
