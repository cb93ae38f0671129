#include "dataplane/inspect/dns_message.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"

namespace sluice {
namespace {

constexpr std::uint16_t kIsResponse = 0x8000;
constexpr std::uint16_t kIsTruncated = 0x0200;
constexpr std::size_t kQuestionBytes = 4;  // type and class behind the name
constexpr std::size_t kRecordBytes = 10;   // with TTL and length of data besides
constexpr std::uint16_t kAnyPointer = 0xc000;

[[nodiscard]] AppAnomaly anomaly_of(DnsNameFault fault) noexcept {
  switch (fault) {
    case DnsNameFault::none:
      return AppAnomaly::none;
    case DnsNameFault::malformed:
      return AppAnomaly::dns_malformed;
    case DnsNameFault::pointer_loop:
      return AppAnomaly::dns_pointer_loop;
    case DnsNameFault::too_long:
      return AppAnomaly::dns_name_too_long;
  }
  return AppAnomaly::dns_malformed;
}

/// One pass over a message; each step says what is wrong, or none.
class MessageReader {
 public:
  MessageReader(ByteSpan bytes, DnsWorkspace& workspace) noexcept
      : bytes_(bytes), workspace_(workspace) {}

  [[nodiscard]] AppAnomaly read() noexcept;
  void add_header() noexcept {
    if (!workspace_.wants_header || bytes_.size() < kDnsHeaderBytes) return;
    workspace_.buffers[count_++] = {Buffer::dns_header, bytes_.first(kDnsHeaderBytes)};
  }
  [[nodiscard]] std::span<const BufferBytes> buffers() const noexcept {
    return {workspace_.buffers.data(), count_};
  }

 private:
  [[nodiscard]] std::uint16_t word(std::size_t at) const noexcept {
    return load_be16(bytes_.data() + at);
  }
  [[nodiscard]] bool has(std::size_t bytes) const noexcept { return bytes_.size() - at_ >= bytes; }
  [[nodiscard]] AppAnomaly read_questions(std::uint16_t count) noexcept;
  [[nodiscard]] AppAnomaly skip_questions(std::uint16_t count) noexcept;
  [[nodiscard]] AppAnomaly read_answers(std::uint16_t count) noexcept;
  [[nodiscard]] AppAnomaly read_owner() noexcept;
  [[nodiscard]] AppAnomaly read_name(Buffer buffer) noexcept;
  [[nodiscard]] bool repeats_last_name() const noexcept;

  ByteSpan bytes_;
  DnsWorkspace& workspace_;
  std::size_t at_ = kDnsHeaderBytes;
  std::size_t count_ = 0;
  std::uint16_t last_pointer_ = 0;
};

AppAnomaly MessageReader::read() noexcept {
  if (bytes_.size() < kDnsHeaderBytes) return AppAnomaly::dns_malformed;
  const std::uint16_t flags = word(2);
  if ((flags & kIsResponse) == 0) return read_questions(word(4));
  AppAnomaly found = skip_questions(word(4));
  if (found == AppAnomaly::none) found = read_answers(word(6));
  // A response that did not fit may end anywhere.
  const bool may_end_early = (flags & kIsTruncated) != 0;
  return found == AppAnomaly::dns_malformed && may_end_early ? AppAnomaly::none : found;
}

AppAnomaly MessageReader::read_questions(std::uint16_t count) noexcept {
  for (; count > 0; --count) {
    if (count_ == kDnsNamesMax) return AppAnomaly::dns_too_many_records;
    if (const AppAnomaly found = read_name(Buffer::dns_query); found != AppAnomaly::none) {
      return found;
    }
    if (!has(kQuestionBytes)) return AppAnomaly::dns_malformed;
    at_ += kQuestionBytes;
  }
  return AppAnomaly::none;
}

AppAnomaly MessageReader::skip_questions(std::uint16_t count) noexcept {
  if (count > kDnsAnswersMax) return AppAnomaly::dns_too_many_records;
  for (; count > 0; --count) {
    const DnsName name = skip_dns_name(bytes_, at_);
    if (name.fault != DnsNameFault::none) return anomaly_of(name.fault);
    at_ = name.end;
    if (!has(kQuestionBytes)) return AppAnomaly::dns_malformed;
    at_ += kQuestionBytes;
  }
  return AppAnomaly::none;
}

AppAnomaly MessageReader::read_answers(std::uint16_t count) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i == kDnsAnswersMax) return AppAnomaly::dns_too_many_records;
    if (const AppAnomaly found = read_owner(); found != AppAnomaly::none) return found;
    if (!has(kRecordBytes)) return AppAnomaly::dns_malformed;
    const std::size_t data = word(at_ + kRecordBytes - 2);
    at_ += kRecordBytes;
    if (!has(data)) return AppAnomaly::dns_malformed;
    at_ += data;
  }
  return AppAnomaly::none;
}

/// The owner of most answers is that of the one before, or the name that was asked for.
AppAnomaly MessageReader::read_owner() noexcept {
  if (!has(2)) return AppAnomaly::dns_malformed;
  const std::uint16_t pointer = word(at_);
  if (pointer >= kAnyPointer && pointer == last_pointer_) {
    at_ += 2;
    return AppAnomaly::none;
  }
  if (count_ == kDnsNamesMax) return AppAnomaly::dns_too_many_records;
  const AppAnomaly found = read_name(Buffer::dns_answer);
  last_pointer_ = pointer;
  if (found == AppAnomaly::none && repeats_last_name()) --count_;
  return found;
}

bool MessageReader::repeats_last_name() const noexcept {
  if (count_ < 2) return false;
  return std::ranges::equal(workspace_.buffers[count_ - 1].bytes,
                            workspace_.buffers[count_ - 2].bytes);
}

AppAnomaly MessageReader::read_name(Buffer buffer) noexcept {
  DnsNameText& text = workspace_.names[count_];
  const DnsName name = read_dns_name(bytes_, at_, text);
  if (name.fault != DnsNameFault::none && name.bytes == 0) return anomaly_of(name.fault);
  workspace_.buffers[count_++] = {buffer, {text.data(), name.bytes}};
  at_ = name.end;
  return anomaly_of(name.fault);
}

}  // namespace

void read_dns_message(unsigned direction, std::uint32_t message, ByteSpan bytes,
                      DnsWorkspace& workspace, const AppSink& sink) noexcept {
  MessageReader reader(bytes, workspace);
  const AppAnomaly found = reader.read();
  if (sink.message_bytes != nullptr) sink.message_bytes(sink.self, direction, message, bytes);
  reader.add_header();
  if (!reader.buffers().empty()) {
    sink.buffers(sink.self, direction, message, reader.buffers());
    sink.message_ends(sink.self, direction, message);
  }
  if (found != AppAnomaly::none) [[unlikely]]
    sink.anomaly(sink.self, direction, found);
}

}  // namespace sluice
