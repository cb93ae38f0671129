// Plain values as bytes and back, for what crosses between our own processes. One function per
// structure names its fields once and serves both directions; the reading side checks every length,
// enumeration and range and, after the first thing that is wrong, reads nothing more. No DPDK here.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace sluice {

template <class T>
concept PlainNumber = std::unsigned_integral<T> && !std::same_as<T, bool>;

class PlainWriter {
 public:
  template <PlainNumber T>
  void number(T& value, std::uint64_t = 0, std::uint64_t = 0) {
    append(&value, sizeof value);
  }
  void integer(int& value, int, int) { append(&value, sizeof value); }
  void boolean(bool& value) {
    const std::uint8_t byte = value ? 1 : 0;
    append(&byte, 1);
  }
  template <class E>
  requires std::is_enum_v<E>
  void enumeration(E& value, E) { append(&value, sizeof value); }
  void text(std::string& value, std::size_t) {
    auto size = static_cast<std::uint32_t>(value.size());
    append(&size, sizeof size);
    append(value.data(), value.size());
  }
  void raw(void* data, std::size_t size) { append(data, size); }
  bool check(bool) noexcept { return true; }
  /// Writes the count, then `each(element)` for all.
  template <class T, class Each>
  void sequence(std::vector<T>& values, std::size_t, Each&& each) {
    auto size = static_cast<std::uint32_t>(values.size());
    append(&size, sizeof size);
    for (T& value : values) each(value);
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
  void append(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  std::vector<std::byte> bytes_;
};

class PlainReader {
 public:
  explicit PlainReader(std::span<const std::byte> bytes) noexcept : left_(bytes) {}

  template <PlainNumber T>
  void number(T& value, std::uint64_t low = 0,
              std::uint64_t high = std::numeric_limits<std::uint64_t>::max()) {
    T read{};
    if (take(&read, sizeof read) && check(read >= low && read <= high)) value = read;
  }
  void integer(int& value, int low, int high) {
    int read = 0;
    if (take(&read, sizeof read) && check(read >= low && read <= high)) value = read;
  }
  void boolean(bool& value) {
    std::uint8_t byte = 0;
    if (take(&byte, 1) && check(byte <= 1)) value = byte == 1;
  }
  template <class E>
  requires std::is_enum_v<E>
  void enumeration(E& value, E last) {
    using Number = std::underlying_type_t<E>;
    Number read{};
    if (take(&read, sizeof read) && check(read <= static_cast<Number>(last))) {
      value = static_cast<E>(read);
    }
  }
  void text(std::string& value, std::size_t size_max) {
    std::uint32_t size = 0;
    if (!take(&size, sizeof size) || !check(size <= size_max && size <= left_.size())) return;
    value.assign(reinterpret_cast<const char*>(left_.data()), size);
    left_ = left_.subspan(size);
    check(value.find('\0') == std::string::npos);
  }
  void raw(void* data, std::size_t size) { static_cast<void>(take(data, size)); }
  template <class T, class Each>
  void sequence(std::vector<T>& values, std::size_t count_max, Each&& each) {
    std::uint32_t count = 0;
    // Every element takes a byte at least: a count beyond what is left never allocates.
    if (!take(&count, sizeof count) || !check(count <= count_max && count <= left_.size())) return;
    values.clear();
    values.resize(count);
    for (T& value : values) {
      if (!is_good_) return;
      each(value);
    }
  }
  /// A condition of the structure itself; false makes the whole thing unreadable.
  bool check(bool condition) noexcept {
    is_good_ = is_good_ && condition;
    return is_good_;
  }
  /// Everything was right and nothing is left over.
  [[nodiscard]] bool is_complete() const noexcept { return is_good_ && left_.empty(); }
  [[nodiscard]] bool is_good() const noexcept { return is_good_; }

 private:
  bool take(void* data, std::size_t size) noexcept {
    if (!check(size <= left_.size())) return false;
    if (size != 0) std::memcpy(data, left_.data(), size);  // an empty vector's data may be null
    left_ = left_.subspan(size);
    return true;
  }
  std::span<const std::byte> left_;
  bool is_good_ = true;
};

/// The bytes that `code(writer, value)` writes.
template <class T, class Code>
[[nodiscard]] std::vector<std::byte> write_plain(const T& value, Code&& code) {
  T copy = value;
  PlainWriter writer;
  code(writer, copy);
  return writer.bytes();
}

/// What `code(reader, value)` reads from all of `bytes`. Errors: invalid, which begins with `what`.
template <class T, class Code>
[[nodiscard]] Result<T> read_plain(std::span<const std::byte> bytes, const char* what,
                                   Code&& code) {
  T value;
  PlainReader reader(bytes);
  code(reader, value);
  if (reader.is_complete()) return value;
  return fail(ErrorKind::invalid,
              std::string(what) + ": a length, version or value is out of range");
}

}  // namespace sluice
