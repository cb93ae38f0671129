// JSON text into a buffer that the caller owns, without allocation: the fast path of everything
// that writes events. Whatever does not fit sets `overflowed` and the text is then to be thrown
// away. One object per text; any one thread.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// `text` as the inside of a JSON string. Quotes, backslashes, control characters (C0, DEL, C1) and
/// the line separators U+2028/9 come out escaped, every byte that is not part of well-formed UTF-8
/// as U+FFFD, so that a terminal and any JSON parser are safe from it. At most 6 bytes out per byte
/// in. Writes only whole characters and returns the end; stops early where `into` is full and then
/// clears `complete`.
struct EscapedText {
  std::size_t bytes = 0;
  bool complete = true;
};
[[nodiscard]] EscapedText escape_json(std::string_view text, std::span<char> into) noexcept;
[[nodiscard]] std::string escape_json(std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::span<char> into) noexcept
      : begin_(into.data()), at_(into.data()), end_(into.data() + into.size()) {}

  void open_object() noexcept { open('{'); }
  void open_object(std::string_view key) noexcept { name(key), open('{'); }
  void close_object() noexcept { close('}'); }
  void open_array(std::string_view key) noexcept { name(key), open('['); }
  void close_array() noexcept { close(']'); }

  void number(std::string_view key, std::uint64_t value) noexcept { name(key), digits(value); }
  void flag(std::string_view key, bool value) noexcept {
    name(key);
    append(value ? std::string_view("true") : std::string_view("false"));
    wants_comma_ = true;
  }
  /// `value` holds nothing that JSON escapes: a word from a table, an address, a time.
  void word(std::string_view key, std::string_view value) noexcept {
    name(key);
    quoted(value);
  }
  /// Bytes from anywhere.
  void text(std::string_view key, std::string_view value) noexcept {
    name(key);
    escaped(value);
  }
  /// `members` is JSON that was made elsewhere: what stands between the braces of an object.
  void raw_object(std::string_view key, std::string_view members) noexcept {
    open_object(key);
    append(members);
    close_object();
  }
  /// RFC 4648 4, padded.
  void base64(std::string_view key, std::string_view bytes) noexcept;
  /// An element of an open array.
  void element(std::uint64_t value) noexcept {
    comma();
    digits(value);
  }
  /// The same of bytes from anywhere.
  void text_element(std::string_view value) noexcept {
    comma();
    escaped(value);
  }
  /// Ends the text with a newline.
  void end_line() noexcept { append("\n"); }

  /// `key` stands in the text as it is: a literal, or text that escape_json made.
  void name(std::string_view key) noexcept {
    comma();
    if (!has_room(key.size() + 3)) return;
    *at_++ = '"';
    put(key);
    *at_++ = '"';
    *at_++ = ':';
    wants_comma_ = false;
  }

  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  /// 0 where the text did not fit.
  [[nodiscard]] std::size_t size() const noexcept {
    return overflowed_ ? 0 : static_cast<std::size_t>(at_ - begin_);
  }

 private:
  [[nodiscard]] bool has_room(std::size_t bytes) noexcept {
    if (static_cast<std::size_t>(end_ - at_) >= bytes && !overflowed_) [[likely]]
      return true;
    overflowed_ = true;
    return false;
  }
  void put(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void append(std::string_view text) noexcept {
    if (has_room(text.size())) put(text);
  }
  void comma() noexcept {
    if (wants_comma_) append(",");
  }
  void quoted(std::string_view value) noexcept {
    wants_comma_ = true;
    if (!has_room(value.size() + 2)) return;
    *at_++ = '"';
    put(value);
    *at_++ = '"';
  }
  void escaped(std::string_view value) noexcept;
  void digits(std::uint64_t value) noexcept {
    wants_comma_ = true;
    if (has_room(20)) at_ = std::to_chars(at_, end_, value).ptr;
  }
  void open(char bracket) noexcept {
    comma();
    append({&bracket, 1});
    wants_comma_ = false;
  }
  void close(char bracket) noexcept {
    append({&bracket, 1});
    wants_comma_ = true;
  }

  char* begin_;
  char* at_;
  char* end_;
  bool wants_comma_ = false;
  bool overflowed_ = false;
};

}  // namespace sluice
