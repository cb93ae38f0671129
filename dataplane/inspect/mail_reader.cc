#include "dataplane/inspect/mail_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/hex.h"
#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/line_words.h"

namespace sluice {
namespace {

/// What stands behind "NAME:"; empty where the line is another header.
[[nodiscard]] ByteSpan value_of(ByteSpan line, std::string_view name) noexcept {
  if (!starts_with_letters(line, name)) return {};
  line = trimmed(line.subspan(name.size()));
  return !line.empty() && line.front() == ':' ? trimmed(line.subspan(1)) : ByteSpan{};
}

[[nodiscard]] bool ends_value(std::uint8_t byte) noexcept {
  return byte == ';' || byte == '\r' || is_blank(byte);
}

/// "NAME=VALUE" or "NAME="VALUE"" among the parameters of a type.
[[nodiscard]] ByteSpan parameter_of(ByteSpan type, std::string_view name) noexcept {
  for (std::size_t at = 1; at + name.size() < type.size(); ++at) {
    if (type[at - 1] != ';' && type[at - 1] != '\n' && !is_blank(type[at - 1])) continue;
    if (!starts_with_letters(type.subspan(at), name)) continue;
    ByteSpan value = trimmed(type.subspan(at + name.size()));
    if (value.empty() || value.front() != '=') continue;
    value = trimmed(value.subspan(1));
    if (!value.empty() && value.front() == '"') {
      value = value.subspan(1);
      return value.first(find_byte(value, 0, '"'));
    }
    const auto end = std::ranges::find_if(value, ends_value);
    return value.first(static_cast<std::size_t>(end - value.begin()));
  }
  return {};
}

constexpr std::string_view kBoundary = "boundary";

/// A parameter in sections, or behind the name of a character set (RFC 2231), in one piece.
class SectionedValue {
 public:
  explicit SectionedValue(ByteSpan type) noexcept {
    constexpr unsigned kSectionsMax = 10;
    std::array<char, kBoundary.size() + 3> name{};
    std::ranges::copy(kBoundary, name.begin());
    const auto section = [&](std::string_view behind) noexcept {
      std::ranges::copy(behind, name.begin() + kBoundary.size());
      return parameter_of(type, {name.data(), kBoundary.size() + behind.size()});
    };
    add_coded(section("*"), true);
    for (unsigned i = 0; i < kSectionsMax && (i == 0) == (size_ == 0); ++i) {
      const char digit = static_cast<char>('0' + i);
      const std::size_t before = size_;
      add(section(std::string_view{std::array{'*', digit}.data(), 2}));
      add_coded(section(std::string_view{std::array{'*', digit, '*'}.data(), 3}), i == 0);
      if (size_ == before) break;
    }
  }
  [[nodiscard]] ByteSpan bytes() const noexcept { return ByteSpan(bytes_).first(size_); }

 private:
  void add(ByteSpan text) noexcept {
    for (const std::uint8_t byte : text) {
      if (size_ < bytes_.size()) bytes_[size_++] = byte;
    }
  }
  /// Bytes as two digits behind a percent sign.
  void add_coded(ByteSpan text, bool has_character_set) noexcept {
    const std::size_t quote = find_byte(text, 0, '\'');
    const std::size_t second = find_byte(text, std::min(quote + 1, text.size()), '\'');
    if (has_character_set && second < text.size()) text = text.subspan(second + 1);
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool has_code = text[at] == '%' && at + 2 < text.size();
      const int coded = has_code ? hex_byte(text[at + 1], text[at + 2]) : -1;
      const auto byte = coded < 0 ? text[at] : static_cast<std::uint8_t>(coded);
      add({&byte, 1});
      if (coded >= 0) at += 2;
    }
  }

  std::array<std::uint8_t, kMailBoundaryBytesMax + 1> bytes_;
  std::size_t size_ = 0;
};

[[nodiscard]] MailCoding coding_of(ByteSpan value) noexcept {
  if (starts_with_letters(value, "base64")) return MailCoding::base64;
  if (starts_with_letters(value, "quoted-printable")) return MailCoding::quoted_printable;
  return MailCoding::none;
}

/// What may stand behind a boundary on its line.
[[nodiscard]] bool is_padding(ByteSpan bytes) noexcept {
  return std::ranges::all_of(bytes, [](auto byte) { return byte == '\r' || is_blank(byte); });
}

constexpr std::array<std::uint8_t, 1> kFold{' '};
constexpr std::array<std::uint8_t, 1> kLf{'\n'};

}  // namespace

void MailReader::push(ByteSpan bytes, const MailTurn& turn) noexcept {
  read(bytes, turn);
  tell_decoded(turn);
}

void MailReader::read(ByteSpan bytes, const MailTurn& turn) noexcept {
  while (!bytes.empty()) {
    std::size_t taken = 0;
    switch (place_) {
      case Place::header_start:
      case Place::in_header:
        taken = read_header(bytes, turn);
        break;
      case Place::body_start:
        taken = read_line_start(bytes, turn);
        break;
      case Place::in_body:
        taken = read_body(bytes, turn);
        break;
    }
    bytes = bytes.subspan(taken);
  }
}

// --- headers ------------------------------------------------------------------------------------

void MailReader::begin_headers() noexcept {
  place_ = Place::header_start;
  line_bytes_ = 0;
  coding_ = coding_of_mail_ = MailCoding::none;
  is_container_ = false;
  is_mail_ = false;
  may_be_body_ = false;
}

void MailReader::append(ByteSpan bytes) noexcept {
  const std::size_t size = std::min(bytes.size(), line_.size() - line_bytes_);
  if (size > 0) std::memcpy(line_.data() + line_bytes_, bytes.data(), size);
  line_bytes_ = static_cast<std::uint16_t>(line_bytes_ + size);
}

std::size_t MailReader::read_header(ByteSpan bytes, const MailTurn& turn) noexcept {
  if (place_ == Place::header_start) {
    const bool continues = is_blank(bytes.front()) && line_bytes_ > 0;
    if (!continues) take_header(turn);
    place_ = Place::in_header;
    may_be_text_ = !continues;
    is_empty_line_ = true;
  }
  const std::size_t end = find_byte(bytes, 0, '\n');
  const std::size_t room = line_.size() - line_bytes_;
  const ByteSpan found = bytes.first(end);
  append(found);
  const bool is_long_text = end >= room && is_text();
  const std::size_t taken = is_long_text ? room : std::min(end + 1, bytes.size());
  if (may_be_body_) tell(bytes.first(taken), turn);
  if (is_long_text) {
    begin_body_with_line(turn);
    return taken;
  }
  is_empty_line_ = is_empty_line_ && std::ranges::all_of(found, [](auto b) { return b == '\r'; });
  if (end == bytes.size()) return end;
  end_header_line(turn);
  return taken;
}

/// The line at hand, as far as it has come, is none of the headers.
bool MailReader::is_text() const noexcept {
  return may_be_text_ && find_byte(line(), 0, ':') == line_bytes_;
}

// A line that is no header ends them, as an empty one does, and belongs to the text.
void MailReader::end_header_line(const MailTurn& turn) noexcept {
  place_ = Place::header_start;
  if (is_empty_line_) return begin_body();
  const bool begins_text = is_text();
  append(begins_text ? kLf : kFold);
  if (begins_text) begin_body_with_line(turn);
}

void MailReader::begin_body_with_line(const MailTurn& turn) noexcept {
  const auto text = line_;
  const ByteSpan first{text.data(), line_bytes_};
  begin_body();
  read(first, turn);
}

/// What was gathered is a whole header, or nothing.
void MailReader::take_header(const MailTurn& turn) noexcept {
  const ByteSpan type = value_of(line(), "content-type");
  if (!type.empty()) take_type(type, turn);
  const ByteSpan coding = value_of(line(), "content-transfer-encoding");
  if (line_bytes_ > 0) settle_coding_of_mail();
  if (!coding.empty()) coding_ = coding_of(coding);
  line_bytes_ = 0;
}

/// A mail that begins with a header is not in base64, whatever was said of it. Quoted-printable
/// leaves headers as they are, and may be meant for the text behind them.
void MailReader::settle_coding_of_mail() noexcept {
  if (coding_of_mail_ == MailCoding::quoted_printable) coding_ = coding_of_mail_;
  coding_of_mail_ = MailCoding::none;
}

void MailReader::take_type(ByteSpan value, const MailTurn& turn) noexcept {
  if (starts_with_letters(value, "multipart/")) push_boundaries(value, turn);
  is_mail_ = starts_with_letters(value, "message/rfc822");
}

/// Of two kinds of parameters readers take either.
void MailReader::push_boundaries(ByteSpan type, const MailTurn& turn) noexcept {
  const ByteSpan found = parameter_of(type, kBoundary);
  const bool may_be_cut =
      found.empty() || found.data() + found.size() == line_.data() + line_.size();
  const bool is_cut = line_bytes_ == line_.size() && may_be_cut;
  const bool is_known = push_boundary(found);
  if (!push_boundary(SectionedValue(type).bytes()) || !is_known || is_cut) {
    turn.sink.anomaly(turn.sink.self, kToServer, AppAnomaly::state_limit);
  }
}

/// All that the headers at hand give are of one container. False where there is no room for it.
bool MailReader::push_boundary(ByteSpan found) noexcept {
  if (found.empty()) return true;
  if (found.size() > kMailBoundaryBytesMax) return false;
  if (!is_container_) {
    if (depth_ == kMailDepthMax) return false;
    containers_[depth_++] = {};
    is_container_ = true;
  }
  for (Boundary& one : containers_[depth_ - 1U]) {
    if (one.size == found.size() && one.begins(found)) return true;
    if (one.size != 0) continue;
    std::memcpy(one.bytes.data(), found.data(), found.size());
    one.size = static_cast<std::uint8_t>(found.size());
    return true;
  }
  return false;
}

bool MailReader::Boundary::begins(ByteSpan line) const noexcept {
  return size > 0 && line.size() >= size && std::memcmp(line.data(), bytes.data(), size) == 0;
}

// --- parts --------------------------------------------------------------------------------------

// A mail in a mail has headers of its own, and one without any is a part that may be coded. Only
// parts are coded, not what holds them.
void MailReader::begin_body() noexcept {
  if (is_mail_) {
    const MailCoding coding = coding_;
    begin_headers();
    coding_of_mail_ = coding;
    return;
  }
  if (coding_of_mail_ != MailCoding::none) coding_ = coding_of_mail_;
  decoder_.begin(is_container_ ? MailCoding::none : coding_);
  place_ = Place::body_start;
  line_bytes_ = 0;
}

/// Gathers a line as long as it may be a boundary.
std::size_t MailReader::read_line_start(ByteSpan bytes, const MailTurn& turn) noexcept {
  constexpr std::size_t kLongest = kMailBoundaryBytesMax + 4;
  std::size_t at = 0;
  for (; at < bytes.size() && depth_ > 0; ++at) {
    const bool may_begin = line_bytes_ >= 2 || bytes[at] == '-';
    if (may_begin && bytes[at] != '\n' && line_bytes_ < kLongest) {
      append(bytes.subspan(at, 1));
      continue;
    }
    if (may_begin && take_boundary(bytes[at] == '\n', turn)) {
      return at + (bytes[at] == '\n' ? 1 : 0);
    }
    break;
  }
  if (at == bytes.size()) return at;
  place_ = Place::in_body;
  tell(line(), turn);
  line_bytes_ = 0;
  return at;
}

/// The longest that the line begins with: one may begin as another does. What stands behind a last
/// one is told as it is. Where more than blanks follow, it is none to some readers: the line and
/// the headers behind it are told as text too.
bool MailReader::take_boundary(bool is_whole_line, const MailTurn& turn) noexcept {
  const ByteSpan behind = line().subspan(std::min<std::size_t>(2, line_bytes_));
  Boundary* found = nullptr;
  std::size_t container = 0;
  for (std::size_t i = 0; i < depth_; ++i) {
    for (Boundary& one : containers_[i]) {
      if (!one.begins(behind) || (found != nullptr && one.size <= found->size)) continue;
      found = &one;
      container = i;
    }
  }
  if (found == nullptr) return false;
  const ByteSpan rest = behind.subspan(found->size);
  const bool is_last = rest.size() >= 2 && rest[0] == '-' && rest[1] == '-';
  const bool is_odd = !is_whole_line || !is_padding(is_last ? rest.subspan(2) : rest);
  end_part(turn);
  if (is_odd) tell(line(), turn);
  leave_containers(container, is_last ? found : nullptr);
  begin_headers();
  may_be_body_ = is_odd;
  may_be_text_ = false;
  is_empty_line_ = false;
  if (is_last) {
    place_ = is_whole_line ? Place::body_start : Place::in_body;
  } else if (!is_whole_line) {
    place_ = Place::in_header;
  }
  return true;
}

/// All that are within this one, and itself where no boundary of it is left.
void MailReader::leave_containers(std::size_t within, Boundary* ended) noexcept {
  if (ended != nullptr) ended->size = 0;
  const bool is_over =
      std::ranges::all_of(containers_[within], [](const auto& one) { return one.size == 0; });
  depth_ = static_cast<std::uint8_t>(is_over ? within : within + 1);
}

std::size_t MailReader::read_body(ByteSpan bytes, const MailTurn& turn) noexcept {
  std::size_t end = depth_ > 0 ? 0 : bytes.size();
  while (end < bytes.size()) {
    end = find_byte(bytes, end, '\n');
    if (end == bytes.size()) break;
    ++end;
    if (end < bytes.size() && bytes[end] != '-') continue;
    place_ = Place::body_start;
    break;
  }
  tell(bytes.first(end), turn);
  return end;
}

void MailReader::tell(ByteSpan bytes, const MailTurn& turn) noexcept {
  if (decoder_.coding() == MailCoding::none) return tell_piece(bytes, turn);
  while (!bytes.empty() && told_bytes_ < part_bytes_max_) {
    decoder_.decode(bytes, decoded_);
    if (!decoded_.has_room()) tell_decoded(turn);
  }
}

void MailReader::tell_decoded(const MailTurn& turn) noexcept {
  tell_piece({decoded_.bytes.data(), decoded_.size}, turn);
  decoded_.size = 0;
}

void MailReader::tell_piece(ByteSpan bytes, const MailTurn& turn) noexcept {
  const ByteSpan told =
      bytes.first(std::min<std::size_t>(bytes.size(), part_bytes_max_ - told_bytes_));
  if (told.empty()) return;
  told_bytes_ += static_cast<std::uint32_t>(told.size());
  turn.sink.piece(turn.sink.self, kToServer, turn.message, {Buffer::file_data, told}, false);
}

void MailReader::end_part(const MailTurn& turn) noexcept {
  decoder_.finish(decoded_);
  tell_decoded(turn);
  if (told_bytes_ > 0) {
    turn.sink.piece(turn.sink.self, kToServer, turn.message, {Buffer::file_data, {}}, true);
  }
  told_bytes_ = 0;
  decoder_.begin(MailCoding::none);
}

void MailReader::lose() noexcept {
  const bool is_header = place_ == Place::header_start || place_ == Place::in_header;
  place_ = is_header ? Place::in_header : Place::in_body;
  may_be_text_ = false;
  is_empty_line_ = false;
  line_bytes_ = 0;
  decoder_.begin(decoder_.coding());
}

void MailReader::end(const MailTurn& turn) noexcept {
  if (place_ == Place::body_start && !(depth_ > 0 && take_boundary(true, turn))) tell(line(), turn);
  end_part(turn);
}

}  // namespace sluice
