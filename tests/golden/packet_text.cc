#include "tests/golden/packet_text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <stdexcept>

#include "base/ip_address.h"
#include "tests/support/packet_builder.h"

namespace sluice::test {
namespace {

[[noreturn]] void reject(std::string_view what, std::string_view value) {
  throw std::runtime_error(std::string(what) + " '" + std::string(value) + "'");
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Splits where `separator` stands alone between spaces and outside of quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  bool is_quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') is_quoted = !is_quoted;
    const bool alone =
        (i == 0 || text[i - 1] == ' ') && (i + 1 == text.size() || text[i + 1] == ' ');
    if (is_quoted || !alone || text[i] != separator) continue;
    parts.push_back(trimmed(text.substr(start, i - start)));
    start = i + 1;
  }
  parts.push_back(trimmed(text.substr(start)));
  return parts;
}

Bytes hex_bytes(std::string_view text) {
  if (text.size() % 2 != 0) reject("odd number of hex digits in", text);
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const auto parsed = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (parsed.ptr != text.data() + i + 2) reject("no hex digits:", text);
    bytes.push_back(byte);
  }
  return bytes;
}

/// The words of one header or of the frame's part, taken one by one; what is left over is an error.
class Words {
 public:
  explicit Words(std::string_view text) {
    std::size_t at = 0;
    while ((at = text.find_first_not_of(" \t", at)) != std::string_view::npos) {
      std::size_t end = text.find_first_of(" \t", at);
      if (text[at] == '"') end = text.find('"', at + 1) + 1;
      end = std::min(end, text.size());
      place(text.substr(at, end - at));
      at = end;
    }
  }

  [[nodiscard]] std::string_view word() {
    if (next_ == positional_.size())
      reject("too few words behind", next_ > 0 ? positional_[0] : "");
    return positional_[next_++];
  }
  [[nodiscard]] bool has_word() const { return next_ < positional_.size(); }
  [[nodiscard]] std::uint64_t number() { return number_from_text(word()); }
  [[nodiscard]] std::uint64_t number_or(std::uint64_t otherwise) {
    return has_word() ? number() : otherwise;
  }
  [[nodiscard]] bool flag(std::string_view name) {
    const auto found = std::find(positional_.begin() + static_cast<std::ptrdiff_t>(next_),
                                 positional_.end(), name);
    if (found == positional_.end()) return false;
    positional_.erase(found);
    return true;
  }
  [[nodiscard]] std::optional<std::string_view> text(std::string_view key) {
    const auto found = keyed_.find(key);
    if (found == keyed_.end()) return std::nullopt;
    const std::string_view value = found->second;
    keyed_.erase(found);
    return value;
  }
  template <class T>
  [[nodiscard]] std::optional<T> value(std::string_view key) {
    const auto found = text(key);
    return found ? std::optional<T>(static_cast<T>(number_from_text(*found))) : std::nullopt;
  }
  template <class T>
  void set(std::string_view key, T& into) {
    into = value<T>(key).value_or(into);
  }
  [[nodiscard]] Bytes hex(std::string_view key) { return hex_bytes(text(key).value_or("")); }

  void expect_empty() const {
    if (next_ < positional_.size()) reject("unknown word", positional_[next_]);
    if (!keyed_.empty()) reject("unknown key", keyed_.begin()->first);
  }

 private:
  void place(std::string_view word) {
    const std::size_t equals = word[0] == '"' ? std::string_view::npos : word.find('=');
    if (equals == std::string_view::npos) {
      positional_.push_back(word);
    } else {
      keyed_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }

  std::vector<std::string_view> positional_;
  std::size_t next_ = 0;
  std::map<std::string_view, std::string_view> keyed_;
};

struct Ends {
  std::string source;
  std::string destination;
};
Ends ends_of(Words& words) {
  Ends ends;
  ends.source = words.word();
  if (words.word() != ">") reject("no '>' behind", ends.source);
  ends.destination = words.word();
  return ends;
}

Ends addresses_of(Words& words, unsigned version) {
  Ends ends = ends_of(words);
  for (const std::string& text : {ends.source, ends.destination}) {
    const auto address = parse_ip_address(text);
    if (!address || address->version != version) reject("no such address:", text);
  }
  return ends;
}

struct Ports {
  std::uint16_t source;
  std::uint16_t destination;
};
Ports ports_of(Words& words) {
  const Ends ends = ends_of(words);
  return {static_cast<std::uint16_t>(number_from_text(ends.source)),
          static_cast<std::uint16_t>(number_from_text(ends.destination))};
}

std::uint8_t tcp_flags_of(std::string_view letters) {
  if (letters == "none") return 0;
  constexpr std::string_view kLetters = "FSRPAUEC";
  unsigned flags = 0;
  for (const char letter : letters) {
    const std::size_t bit = kLetters.find(letter);
    if (bit == std::string_view::npos) reject("no TCP flags:", letters);
    flags |= 1U << bit;
  }
  return static_cast<std::uint8_t>(flags);
}

// --- one function per header --------------------------------------------------------------------

void add_eth(PacketBuilder& packet, Words& words) {
  if (!words.has_word()) {
    packet.eth();
    return;
  }
  const Ends ends = ends_of(words);
  packet.eth(ends.source, ends.destination);
}

void add_vlan(PacketBuilder& packet, Words& words) {
  const auto id = static_cast<std::uint16_t>(words.number());
  const auto tpid = words.value<std::uint16_t>("tpid").value_or(0x8100);
  packet.vlan(id, tpid, words.value<std::uint8_t>("prio").value_or(0));
}

void add_llc(PacketBuilder& packet, Words& words) {
  const auto dsap = static_cast<std::uint8_t>(words.number());
  const auto ssap = static_cast<std::uint8_t>(words.number());
  packet.llc(dsap, ssap, static_cast<std::uint8_t>(words.number()));
}

void add_ipv4(PacketBuilder& packet, Words& words) {
  Ipv4Fields fields;
  const Ends ends = addresses_of(words, 4);
  words.set("ttl", fields.ttl);
  words.set("tos", fields.tos);
  words.set("id", fields.id);
  words.set("offset", fields.fragment_offset);
  fields.options = words.hex("options");
  fields.dont_fragment = words.flag("df");
  fields.more_fragments = words.flag("mf");
  packet.ipv4(ends.source, ends.destination, fields);
}

void add_ipv6(PacketBuilder& packet, Words& words) {
  Ipv6Fields fields;
  const Ends ends = addresses_of(words, 6);
  words.set("hops", fields.hop_limit);
  words.set("class", fields.traffic_class);
  words.set("label", fields.flow_label);
  packet.ipv6(ends.source, ends.destination, fields);
}

void add_hop(PacketBuilder& packet, Words& words) {
  packet.hop_by_hop(words.has_word() ? hex_bytes(words.word()) : Bytes{});
}
void add_dest(PacketBuilder& packet, Words& words) {
  packet.destination_options(words.has_word() ? hex_bytes(words.word()) : Bytes{});
}

void add_routing(PacketBuilder& packet, Words& words) {
  RoutingFields fields;
  words.set("type", fields.type);
  words.set("left", fields.segments_left);
  std::string_view via = words.text("via").value_or("");
  while (!via.empty()) {
    const std::size_t comma = std::min(via.find(','), via.size());
    fields.addresses.emplace_back(via.substr(0, comma));
    via.remove_prefix(std::min(comma + 1, via.size()));
  }
  packet.routing(fields);
}

void add_frag(PacketBuilder& packet, Words& words) {
  FragmentFields fields;
  words.set("id", fields.id);
  words.set("offset", fields.offset);
  fields.more = words.flag("more");
  packet.fragment(fields);
}

void add_tcp(PacketBuilder& packet, Words& words) {
  TcpFields fields;
  const Ports ports = ports_of(words);
  fields.flags = tcp_flags_of(words.word());
  if ((fields.flags & 0x10) == 0) fields.acknowledgement = 0;
  words.set("seq", fields.sequence);
  words.set("ack", fields.acknowledgement);
  words.set("win", fields.window);
  words.set("urg", fields.urgent);
  fields.options = words.hex("options");
  packet.tcp(ports.source, ports.destination, fields);
}

void add_udp(PacketBuilder& packet, Words& words) {
  const Ports ports = ports_of(words);
  packet.udp(ports.source, ports.destination);
}
void add_sctp(PacketBuilder& packet, Words& words) {
  const Ports ports = ports_of(words);
  packet.sctp(ports.source, ports.destination, words.value<std::uint32_t>("tag").value_or(1));
}

void add_icmp(PacketBuilder& packet, Words& words) {
  const auto type = static_cast<std::uint8_t>(words.number());
  const auto code = static_cast<std::uint8_t>(words.number_or(0));
  packet.icmp(type, code, words.value<std::uint32_t>("rest").value_or(0));
}
void add_icmp6(PacketBuilder& packet, Words& words) {
  const auto type = static_cast<std::uint8_t>(words.number());
  const auto code = static_cast<std::uint8_t>(words.number_or(0));
  packet.icmpv6(type, code, words.value<std::uint32_t>("rest").value_or(0));
}

void add_gre(PacketBuilder& packet, Words& words) {
  GreFields fields;
  fields.with_checksum = words.flag("sum");
  fields.key = words.value<std::uint32_t>("key");
  fields.sequence = words.value<std::uint32_t>("seq");
  words.set("flags", fields.extra_flags);
  packet.gre(fields);
}
void add_gtpu(PacketBuilder& packet, Words& words) {
  GtpFields fields;
  words.set("teid", fields.teid);
  words.set("type", fields.message_type);
  fields.sequence = words.value<std::uint16_t>("seq");
  packet.gtpu(fields);
}

void add_text(PacketBuilder& packet, Words& words) {
  const std::string_view quoted = words.word();
  if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"')
    reject("no text:", quoted);
  packet.payload(quoted.substr(1, quoted.size() - 2));
}
void add_fill(PacketBuilder& packet, Words& words) {
  const std::uint64_t count = words.number();
  packet.payload(static_cast<std::size_t>(count), static_cast<std::uint8_t>(words.number_or('x')));
}

using AddHeader = void (*)(PacketBuilder&, Words&);

const std::map<std::string_view, AddHeader>& header_table() {
  static const std::map<std::string_view, AddHeader> table{
      {"eth", add_eth},
      {"vlan", add_vlan},
      {"llc", add_llc},
      {"ipv4", add_ipv4},
      {"ipv6", add_ipv6},
      {"hop", add_hop},
      {"dest", add_dest},
      {"routing", add_routing},
      {"frag", add_frag},
      {"tcp", add_tcp},
      {"udp", add_udp},
      {"sctp", add_sctp},
      {"icmp", add_icmp},
      {"icmp6", add_icmp6},
      {"gre", add_gre},
      {"gtpu", add_gtpu},
      {"text", add_text},
      {"fill", add_fill},
      {"arp", [](PacketBuilder& p, Words&) { p.arp(); }},
      {"mobility", [](PacketBuilder& p, Words&) { p.mobility(); }},
      {"mpls", [](PacketBuilder& p, Words& w) { p.mpls(static_cast<std::uint32_t>(w.number())); }},
      {"pppoe",
       [](PacketBuilder& p, Words& w) { p.pppoe(static_cast<std::uint16_t>(w.number_or(1))); }},
      {"snap",
       [](PacketBuilder& p, Words& w) { p.snap(static_cast<std::uint32_t>(w.number_or(0))); }},
      {"auth",
       [](PacketBuilder& p, Words& w) { p.auth(static_cast<std::uint32_t>(w.number_or(1))); }},
      {"vxlan",
       [](PacketBuilder& p, Words& w) { p.vxlan(static_cast<std::uint32_t>(w.number_or(1))); }},
      {"geneve",
       [](PacketBuilder& p, Words& w) {
         const auto vni = static_cast<std::uint32_t>(w.number_or(1));
         p.geneve(vni, w.hex("options"));
       }},
      {"hex", [](PacketBuilder& p, Words& w) { p.payload(hex_bytes(w.word())); }},
  };
  return table;
}

void break_header(PacketBuilder& packet, Words& words) {
  if (const auto value = words.value<std::uint32_t>("len")) packet.length(*value);
  if (const auto value = words.value<std::uint32_t>("sum")) packet.checksum(*value);
  if (const auto value = words.value<std::uint16_t>("next")) packet.next(*value);
  if (const auto value = words.value<std::uint8_t>("ver")) packet.version(*value);
  if (const auto value = words.value<std::uint8_t>("words")) packet.header_words(*value);
  if (const auto poke = words.text("poke")) {
    const std::size_t colon = std::min(poke->find(':'), poke->size() - 1);
    std::uint64_t offset = number_from_text(poke->substr(0, colon));
    for (const std::uint8_t byte : hex_bytes(poke->substr(colon + 1))) {
      packet.patch(static_cast<std::size_t>(offset++), {byte});
    }
  }
}

void add_header(PacketBuilder& packet, std::string_view text) {
  Words words(text);
  const std::string_view name = words.word();
  const auto found = header_table().find(name);
  if (found == header_table().end()) reject("unknown header", name);
  found->second(packet, words);
  break_header(packet, words);
  words.expect_empty();
}

std::vector<Bytes> pieces_of(const Bytes& frame, Words& words) {
  const auto piece_bytes = words.value<std::size_t>("fragments");
  const auto id = words.value<std::uint32_t>("id").value_or(7);
  std::string_view only = words.text("only").value_or("");
  if (!piece_bytes) return {frame};
  const std::vector<Bytes> all = split_into_fragments(frame, *piece_bytes, id);
  if (only.empty()) return all;
  std::vector<Bytes> chosen;
  while (!only.empty()) {
    const std::size_t comma = std::min(only.find(','), only.size());
    const std::uint64_t place = number_from_text(only.substr(0, comma));
    if (place == 0 || place > all.size()) reject("no such piece:", only.substr(0, comma));
    chosen.push_back(all[place - 1]);
    only.remove_prefix(std::min(comma + 1, only.size()));
  }
  return chosen;
}

}  // namespace

std::uint64_t number_from_text(std::string_view text) {
  const bool is_hex = text.starts_with("0x");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (digits.empty() || parsed.ptr != digits.data() + digits.size() || parsed.ec != std::errc()) {
    reject("no number:", text);
  }
  return value;
}

std::vector<TextFrame> frames_from_text(std::string_view line) {
  const std::vector<std::string_view> parts = split(line, '|');
  if (parts.size() > 2) reject("more than one '|' in", line);
  Words knobs(parts.size() == 2 ? parts[1] : "");
  PacketBuilder packet;
  const std::vector<std::string_view> headers = split(parts[0], '/');
  if (!headers[0].starts_with("eth") && !headers[0].starts_with("hex")) packet.eth();
  for (const std::string_view header : headers) add_header(packet, header);
  if (const auto bytes = knobs.value<std::size_t>("pad")) packet.pad_to(*bytes);
  if (const auto bytes = knobs.value<std::size_t>("cut")) packet.cut_to(*bytes);

  std::vector<TextFrame> frames;
  const auto captured = knobs.value<std::size_t>("captured");
  const auto wire = knobs.value<std::uint32_t>("wire");
  for (Bytes& piece : pieces_of(packet.build(), knobs)) {
    TextFrame frame;
    frame.wire_bytes = wire.value_or(static_cast<std::uint32_t>(piece.size()));
    if (captured) piece.resize(std::min(*captured, piece.size()));
    frame.bytes = std::move(piece);
    frames.push_back(std::move(frame));
  }
  knobs.expect_empty();
  return frames;
}

}  // namespace sluice::test
