// A body that stands in its stream as it is is scanned with the stream at ports of the web, and for
// itself at others: rules find the same in both, whatever it is made of and however it is cut.
#include <algorithm>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/packet.h"
#include "dataplane/replay.h"
#include "rules/compile.h"
#include "rules/suricata_import.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

constexpr std::uint16_t kCarried = 80;
constexpr std::uint16_t kApart = 81;  // a rule of its own keeps it in another class

constexpr const char* kRules[] = {
    "tcp any any -> any any (content:\"rawword\";",
    "tcp any any -> any 81 (flow:to_server; content:\"only to this port\";",
    "tcp any 81 -> any any (flow:to_client; content:\"only from this port\";",
    "http any any -> any any (flow:to_client; file.data; content:\"needle\";",
    "http any any -> any any (flow:to_client; file.data; content:\"first\"; "
    "content:\"second\"; distance:0; within:30;",
    "http any any -> any any (flow:to_client; http.response_body; content:\"needle\"; "
    "http.stat_code; content:\"200\";",
    "http any any -> any any (flow:to_client; file.data; content:\"start\"; startswith;",
    "http any any -> any any (flow:to_client; file.data; content:\"finish\"; endswith;",
    "http any any -> any any (flow:to_client; file.data; content:\"deep\"; depth:12;",
    "http any any -> any any (flow:to_client; file.data; pcre:\"/ab[0-9]{2,4}cd/\";",
    "http any any -> any any (flow:to_client; file.data; content:\"needle\"; content:!\"first\";",
    "http any any -> any any (flow:to_server; http.request_body; content:\"needle\";",
};
constexpr std::size_t kOfOtherPort = 2;

std::string rules_text() {
  std::string out;
  for (std::size_t i = 0; i < std::size(kRules); ++i) {
    fmt::format_to(std::back_inserter(out), "alert {} msg:\"{}\"; sid:{};)\n", kRules[i], i, i + 1);
  }
  return out;
}

std::shared_ptr<const LiveRuleset> rules() {
  const ImportFile file{"test.rules", rules_text()};
  ImportOptions options;
  options.is_as_is = true;
  const ImportResult imported = import_suricata(std::span(&file, 1), options);
  EXPECT_EQ(imported.rules.size(), std::size(kRules));
  Diagnostics findings;
  CompileReport report;
  auto parts = compile_ruleset(imported.rules, {}, {}, findings, report);
  EXPECT_TRUE(parts && !findings.has_errors());
  return *make_live(std::move(parts->ruleset), std::move(parts->databases), 1, nullptr);
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 200, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// A connection whose sides say what they say in pieces.
class Talk {
 public:
  Talk(std::uint16_t client, std::uint16_t server) : ports_{client, server} {
    add(0, kSyn, "");
    add(1, kSyn | kAck, "");
    add(0, kAck, "");
  }
  void say(unsigned side, const std::string& text, std::mt19937& random, std::size_t most) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t count = std::min(1 + random() % most, text.size() - at);
      add(side, kAck, text.substr(at, count));
      at += count;
    }
  }
  void close() {
    add(1, kAck | kFin, "");
    add(0, kAck | kFin, "");
  }
  [[nodiscard]] const std::vector<test::Bytes>& frames() const { return frames_; }

 private:
  void add(unsigned side, unsigned flags, const std::string& text) {
    const char* ends[] = {"10.0.0.1", "10.0.0.2"};
    test::PacketBuilder packet;
    packet.eth()
        .ipv4(ends[side], ends[side ^ 1])
        .tcp(ports_[side], ports_[side ^ 1],
             {.flags = static_cast<std::uint8_t>(flags),
              .sequence = next_[side],
              .acknowledgement = (flags & kAck) != 0 ? next_[side ^ 1] : 0});
    if (!text.empty()) packet.payload(text);
    frames_.push_back(packet.build());
    next_[side] += static_cast<std::uint32_t>(text.size() + ((flags & (kSyn | kFin)) != 0 ? 1 : 0));
  }
  std::uint16_t ports_[2];
  std::uint32_t next_[2] = {1'000, 2'000};
  std::vector<test::Bytes> frames_;
};

/// The client's port and the rule. How often is another matter: a text of one message may make a
/// rule a candidate for the next one once more.
using Alerts = std::set<std::pair<unsigned, std::uint32_t>>;

class Collector final : public ReplayObserver {
 public:
  Collector(Replay& replay, Alerts& alerts) : replay_(replay), alerts_(alerts) {}
  void tick(TimeNs) override { drain(); }
  void drain() override {
    for (WorkerWindow* window : replay_.windows()) {
      window->flows.drain(~0U, [](const FlowRecord&) {});
      window->inspections.drain(~0U, [this](const InspectRecord& record) {
        if (record.kind != InspectKind::alert) return;
        alerts_.emplace(std::max(record.source_port, record.destination_port), record.rule_id);
      });
    }
  }
  void forwarded(std::uint32_t, std::span<const std::uint8_t>) override {}
  void refused(std::uint32_t, DropReason) override {}

 private:
  Replay& replay_;
  Alerts& alerts_;
};

/// All of them beside each other: a frame of each in turn.
Alerts alerts_of(const std::vector<Talk>& talks,
                 const std::shared_ptr<const LiveRuleset>& ruleset) {
  std::vector<ReplayFrame> frames;
  for (std::size_t i = 0, before = 1; frames.size() != before; ++i) {
    before = frames.size();
    for (const Talk& talk : talks) {
      if (i >= talk.frames().size()) continue;
      const test::Bytes& frame = talk.frames()[i];
      frames.push_back(
          {1'000'000'000 + frames.size() * 1'000, static_cast<std::uint32_t>(frame.size()), frame});
    }
  }
  ReplaySetup setup;
  setup.config.rules.files = {"test.rules"};
  setup.ruleset = ruleset;
  setup.parts.settings.has_rules = true;
  auto replay = Replay::create(setup, frames);
  Alerts alerts;
  Collector collector(**replay, alerts);
  static_cast<void>((*replay)->run(frames, collector));
  return alerts;
}

std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> pieces = {"needle",
                                                  "first",
                                                  " second",
                                                  "start",
                                                  "finish",
                                                  "deep",
                                                  "ab123cd",
                                                  "ab1",
                                                  "rawword",
                                                  "cd",
                                                  "nee",
                                                  "dle",
                                                  "HTTP/1.1 200 OK\r\n\r\n",
                                                  "\r\n",
                                                  " and some more text ",
                                                  "x"};
  std::string out;
  for (std::size_t i = random() % 12; i > 0; --i) out += pieces[random() % pieces.size()];
  if (random() % 8 == 0) out.insert(out.size() / 2, 5'000, '.');
  return out;
}

std::string response(std::mt19937& random, bool is_last) {
  const std::string body = random_text(random);
  const std::string head =
      fmt::format("HTTP/1.1 {} OK\r\nX-Note: {}\r\n", random() % 4 == 0 ? 404 : 200,
                  random() % 4 == 0 ? "needle first" : "nothing");
  switch (random() % (is_last ? 4 : 3)) {
    case 0:
      return fmt::format("{}Content-Length: {}\r\n\r\n{}", head, body.size(), body);
    case 1: {
      std::string out = head + "Transfer-Encoding: chunked\r\n\r\n";
      for (std::size_t at = 0; at < body.size();) {
        const std::size_t count = std::min<std::size_t>(1 + random() % 9, body.size() - at);
        fmt::format_to(std::back_inserter(out), "{:x}\r\n{}\r\n", count, body.substr(at, count));
        at += count;
      }
      return out + "0\r\n\r\n";
    }
    case 2: {
      const std::string packed = gzipped(body);
      return fmt::format("{}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}", head,
                         packed.size(), packed);
    }
    default:
      return fmt::format("{}Connection: close\r\n\r\n{}", head, body);
  }
}

Talk random_talk(std::uint16_t port, std::uint32_t seed) {
  std::mt19937 random(seed);
  Talk talk(static_cast<std::uint16_t>(40'000 + seed), port);
  const std::size_t most = std::vector<std::size_t>{1, 3, 17, 200, 1'400}[seed % 5];
  const std::size_t count = 1 + random() % 3;
  std::string requests;
  std::string responses;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string body = random() % 3 == 0 ? random_text(random) : "";
    fmt::format_to(std::back_inserter(requests),
                   "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", body.size(),
                   body);
    responses += response(random, i + 1 == count);
  }
  talk.say(0, requests, random, most);
  talk.say(1, responses, random, most);
  talk.close();
  return talk;
}

TEST(CarriedBody, RulesFindTheSameInItAsInOneThatIsScannedForItself) {
  const auto ruleset = rules();
  const auto& groups = ruleset->rules.groups;
  const auto& map = ruleset->rules.map;
  ASSERT_TRUE(groups[map.stream_group(1, kCarried)].carries_bodies);
  ASSERT_FALSE(groups[map.stream_group(1, kApart)].carries_bodies);
  std::vector<Talk> carried;
  std::vector<Talk> apart;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    carried.push_back(random_talk(kCarried, seed));
    apart.push_back(random_talk(kApart, seed));
  }
  const Alerts found = alerts_of(carried, ruleset);
  EXPECT_EQ(found, alerts_of(apart, ruleset));
  std::set<std::uint32_t> finders;
  for (const auto& [port, rule] : found) finders.insert(rule);
  EXPECT_EQ(finders.size(), std::size(kRules) - kOfOtherPort) << "each has found something";
}

}  // namespace
}  // namespace sluice
