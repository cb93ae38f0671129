#include "tests/bench/adversarial.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/bench/conversation.h"
#include "tests/bench/rule_text.h"
#include "tests/bench/web_text.h"
#include "tests/support/packet_builder.h"

namespace sluice::bench {
namespace {

using test::PacketBuilder;

constexpr std::uint32_t kPackets = 200'000;  // of each kind
constexpr std::uint32_t kVictim = 0xac100001;

void write_beside(Capture& capture, std::vector<Conversation>& flows) {
  for (bool is_over = false; !is_over;) {
    is_over = true;
    for (Conversation& flow : flows) {
      if (flow.is_over()) continue;
      flow.write_next(capture);
      is_over = false;
    }
  }
}

// Addresses and ports that differ in single bits, each for one datagram: a weak hash would put them
// together, and every one is a flow to be made.
void write_collisions(Capture& capture, std::uint32_t share) {
  for (std::uint32_t i = 0; i < kPackets / share; ++i) {
    const std::uint32_t high = i & 0xff00U;
    const FlowEnds ends{0x0b000000U | high << 8, kVictim,
                        static_cast<std::uint16_t>(i << 8 | i >> 8),
                        static_cast<std::uint16_t>(i >> 3 << 3)};
    write_udp(capture, ends, "0123456789abcdef");
  }
}

/// The beginnings of what rules look for, and never the whole of it.
[[nodiscard]] std::string worst_text(std::size_t bytes) {
  const RuleText rules = web_rules(1'000);
  std::vector<std::string> contents;
  constexpr std::string_view kMark = "file.data; content:\"";
  for (std::size_t at = rules.text.find(kMark); at != std::string::npos;
       at = rules.text.find(kMark, at + 1)) {
    const std::size_t begin = at + kMark.size();
    contents.push_back(rules.text.substr(begin, rules.text.find('"', begin) - begin));
  }
  Dice dice(17);
  std::string out;
  while (out.size() < bytes) {
    const std::string& content = contents[dice.below(static_cast<std::uint32_t>(contents.size()))];
    if (content.find('|') != std::string::npos) continue;
    out += content;
    if (dice.percent(80)) out.pop_back();
    out += dice.percent(50) ? ' ' : '<';
  }
  out.resize(bytes);
  return out;
}

void write_worst_text(Capture& capture, std::uint32_t share) {
  constexpr std::uint32_t kFlows = 500;
  const std::string body = worst_text(kPackets / share / kFlows * 1'000);
  Dice dice(19);
  std::vector<Conversation> flows;
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    Conversation& flow = flows.emplace_back(FlowEnds{0x0c000001U + i, kVictim, 21'000, 80}, i);
    flow.open();
    flow.send(
        Sender::client,
        flow.keep(request_text(
            dice,
            {"GET", request_target(dice), host_name(dice), std::string(user_agent(dice)), {}})));
    flow.send(Sender::server,
              flow.keep(response_head(dice, "text/html", body.size(), false) + body));
    flow.close();
  }
  write_beside(capture, flows);
}

void write_tiny_segments(Capture& capture, std::uint32_t share) {
  constexpr std::uint32_t kFlows = 300;
  Dice dice(23);
  std::vector<Conversation> flows;
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    Conversation& flow = flows.emplace_back(FlowEnds{0x0d000001U + i, kVictim, 22'000, 80}, i);
    flow.open();
    const std::string page = html_page(dice, kPackets / share / kFlows * 2);
    flow.send(Sender::client,
              flow.keep(request_text(dice, {"POST", request_target(dice), host_name(dice),
                                            std::string(user_agent(dice)), page})),
              1 + i % 8);
    flow.send(Sender::server, flow.keep(response_head(dice, "text/html", 0, false)), 3);
    flow.close();
  }
  write_beside(capture, flows);
}

// Of every other datagram the last piece never comes.
void write_fragments(Capture& capture, std::uint32_t share) {
  Dice dice(29);
  for (std::uint32_t i = 0; capture.frames().size() < kPackets / share; ++i) {
    const auto whole =
        PacketBuilder()
            .eth()
            .ipv4(fmt::format("14.0.{}.{}", i / 250 % 250, i % 250 + 1), "172.16.0.1")
            .udp(static_cast<std::uint16_t>(1'024 + i % 50'000), 5'353)
            .payload(html_page(dice, 480))
            .build();
    auto pieces = test::split_into_fragments(whole, 64, i);
    if (i % 2 == 0) pieces.pop_back();
    for (std::size_t k = pieces.size(); k > 1; --k) {
      std::swap(pieces[k - 1], pieces[dice.below(static_cast<std::uint32_t>(k))]);
    }
    for (const auto& piece : pieces) capture.add(piece);
  }
}

// As deep as is looked, and deeper.
void write_tunnels(Capture& capture, std::uint32_t share) {
  for (std::uint32_t i = 0; i < kPackets / share; ++i) {
    const std::string client = fmt::format("15.{}.{}.1", i / 200 % 200, i % 200);
    PacketBuilder packet;
    packet.eth().vlan(7).vlan(9);
    for (std::uint32_t depth = i % 5; depth > 0; --depth) {
      packet.ipv4(client, "172.16.0.2");
      if (depth % 2 == 0) {
        packet.gre();
      } else {
        packet.udp(static_cast<std::uint16_t>(i), 4'789).vxlan(depth).eth();
      }
    }
    packet.ipv6("2001:db8::1", "2001:db8::2")
        .destination_options()
        .routing({.addresses = {"2001:db8::3"}});
    packet.udp(1'024, static_cast<std::uint16_t>(1'024 + i % 60'000)).payload(std::string(64, 'a'));
    capture.add(packet.build());
  }
}

constexpr std::array<AttackRow, 5> kAttacks{{{"collisions", &write_collisions},
                                             {"worst text", &write_worst_text},
                                             {"tiny segments", &write_tiny_segments},
                                             {"fragment storm", &write_fragments},
                                             {"deep encapsulation", &write_tunnels}}};

}  // namespace

std::span<const AttackRow> attack_table() noexcept { return kAttacks; }

void write_attacks(Capture& capture, std::uint32_t share) {
  constexpr std::size_t kBurst = 32;
  std::array<Capture, kAttacks.size()> parts;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < kAttacks.size(); ++i) {
    kAttacks[i].write(parts[i], share);
    longest = std::max(longest, parts[i].frames().size());
  }
  for (std::size_t first = 0; first < longest; first += kBurst) {
    for (const Capture& part : parts) {
      const auto frames = part.frames();
      for (std::size_t i = first; i < std::min(first + kBurst, frames.size()); ++i) {
        capture.add({frames[i].bytes, frames[i].size});
      }
    }
  }
}

}  // namespace sluice::bench
