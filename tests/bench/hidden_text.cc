#include "tests/bench/hidden_text.h"

#include <algorithm>

#include "tests/bench/web_text.h"

namespace sluice::bench {
namespace {

constexpr std::size_t kRecordBytesMax = 16'384;
constexpr std::size_t kHelloBytes = 517;

[[nodiscard]] std::string number(std::size_t value, unsigned bytes) {
  std::string out;
  for (unsigned i = bytes; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)));
  return out;
}
[[nodiscard]] std::string counted(std::string_view body, unsigned bytes) {
  return number(body.size(), bytes).append(body);
}
[[nodiscard]] std::string record(std::size_t type, std::string_view body) {
  return number(type, 1) + number(0x0303, 2) + counted(body, 2);
}
[[nodiscard]] std::string handshake(std::size_t type, std::string_view body) {
  return number(type, 1) + counted(body, 3);
}
[[nodiscard]] std::string extension(std::size_t type, std::string_view body) {
  return number(type, 2) + counted(body, 2);
}

/// Version, random and session of a hello of either side.
[[nodiscard]] std::string hello_begin(Dice& dice) {
  return number(0x0303, 2) + random_bytes(dice, 32) + counted(random_bytes(dice, 32), 1);
}

[[nodiscard]] std::string hello_extensions(Dice& dice, std::string_view host, bool offers_13) {
  using namespace std::string_view_literals;
  std::string out = extension(0, counted(number(0, 1) + counted(host, 2), 2));
  out += extension(10, counted("\0\x1d\0\x17\0\x18"sv, 2));
  out += extension(11, counted("\0"sv, 1));
  out += extension(13, counted("\4\3\5\3\6\3\x08\4\x08\5\x08\6\4\1\5\1\6\1"sv, 2));
  out += extension(16, counted("\2h2\x08http/1.1"sv, 2));
  out += extension(23, "");
  if (!offers_13) return out;
  out += extension(43, counted("\3\4\3\3"sv, 1));
  return out + extension(51, counted(number(0x1d, 2) + counted(random_bytes(dice, 32), 2), 2));
}

}  // namespace

std::string client_hello(Dice& dice, std::string_view host, bool offers_13) {
  using namespace std::string_view_literals;
  std::string fixed = hello_begin(dice);
  fixed += counted("\x13\1\x13\2\x13\3\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30\xcc\xa9\xcc\xa8\0\x9c"sv, 2);
  fixed += counted("\0"sv, 1);
  std::string extensions = hello_extensions(dice, host, offers_13);
  const std::size_t so_far = 5 + 4 + fixed.size() + 2 + extensions.size() + 4;
  if (so_far < kHelloBytes) extensions += extension(21, std::string(kHelloBytes - so_far, '\0'));
  return record(22, handshake(1, fixed + counted(extensions, 2)));
}

std::string server_flight(Dice& dice, bool is_13) {
  using namespace std::string_view_literals;
  std::string hello = hello_begin(dice);
  hello += is_13 ? "\x13\1\0"sv : "\xc0\x2f\0"sv;
  std::string extensions;
  if (is_13) {
    extensions = extension(43, "\3\4"sv);
    extensions += extension(51, number(0x1d, 2) + counted(random_bytes(dice, 32), 2));
  } else {
    extensions = extension(11, counted("\0"sv, 1));
  }
  std::string out = record(22, handshake(2, hello + counted(extensions, 2)));
  if (is_13) return out + record(20, "\1") + application_data(dice, 2'800);
  const std::string chain =
      counted(random_bytes(dice, 1'300), 3) + counted(random_bytes(dice, 1'250), 3);
  out += record(22, handshake(11, counted(chain, 3)));
  std::string exchange = number(0x03001d, 3) + counted(random_bytes(dice, 32), 1);
  exchange += number(0x0804, 2) + counted(random_bytes(dice, 256), 2);
  out += record(22, handshake(12, exchange));
  return out + record(22, handshake(14, ""));
}

std::string client_finish(Dice& dice) {
  return record(20, "\1") + record(23, random_bytes(dice, 53));
}

std::string application_data(Dice& dice, std::size_t bytes) {
  std::string out;
  while (bytes > 0) {
    const std::size_t count = std::min(bytes, kRecordBytesMax);
    out += record(23, random_bytes(dice, count));
    bytes -= count;
  }
  return out;
}

std::string dns_query(Dice& dice, std::string_view name) {
  std::string out = number(dice.below(65'536), 2) + number(0x0100, 2) + number(1, 2) + number(0, 6);
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out += counted(name.substr(0, dot), 1);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + number(0, 1) + number(1, 2) + number(1, 2);
}

std::string dns_answer(Dice& dice, std::string_view query) {
  std::string out(query);
  out[2] = '\x81';
  out[3] = '\x80';
  out[7] = 1;
  out += number(0xc00c, 2) + number(1, 2) + number(1, 2) + number(300, 4);
  return out + counted(random_bytes(dice, 4), 2);
}

}  // namespace sluice::bench
