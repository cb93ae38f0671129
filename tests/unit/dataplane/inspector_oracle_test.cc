// Random rules on random streams, cut at random places, against the naive reading: what the whole
// way from prefilter over streams to the confirm step refuses, and with which segment.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/unit/dataplane/confirm_fixture.h"
#include "tests/unit/dataplane/inspector_fixture.h"
#include "tests/unit/dataplane/naive_match.h"

namespace sluice::test {
namespace {

/// Words of two letters, so that patterns overlap themselves and each other.
class RuleMaker {
 public:
  explicit RuleMaker(std::uint64_t seed) : random_(seed) {}

  std::string text(std::size_t size) {
    std::string out;
    while (out.size() < size) out += "abBA"[below(one_in(6) ? 4 : 2)];
    return out;
  }
  std::size_t below(std::size_t bound) { return random_() % bound; }

  Rule rule(std::uint32_t id, Buffer buffer) {
    std::vector<Term> terms{word(4 + below(4))};
    while (terms.size() < 3 && one_in(2)) terms.push_back(next());
    return rule_with(id, std::move(terms), buffer);
  }
  /// One that asks what is around the bytes, which more bytes may change.
  Rule edge_rule(std::uint32_t id, Buffer buffer, bool has_end) {
    static constexpr const char* kEdges[] = {"a\\b",       "\\bb",          "a(?!b)",    "(?!a)b",
                                             "[ab]B(?!a)", "B\\B",          "b\\b a",    "a(?! ?b)",
                                             "a$",         "b(?![ab]+ |$)", "(?:b$|a b)"};
    const std::size_t count = std::size(kEdges) - (has_end ? 0 : 3);
    return rule_with(id, {word(2 + below(2)), pcre(kEdges[below(count)], one_in(2))}, buffer);
  }
  /// With blanks between.
  std::string words(std::size_t size) {
    std::string out = text(size);
    for (char& letter : out) letter = one_in(6) ? ' ' : letter;
    return out;
  }

 private:
  Rule rule_with(std::uint32_t id, std::vector<Term> terms, Buffer buffer) {
    Rule rule = rule_of(std::move(terms), buffer);
    rule.id = id;
    rule.name = "random";
    rule.stage = RuleStage::enforce;
    rule.action.kind = RuleActionKind::drop;
    rule.when.protocol = RuleProtocol::tcp;
    rule.when.direction = RuleDirection::to_server;
    return rule;
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  ContentTerm word(std::size_t size) {
    ContentTerm term = content(text(size));
    term.nocase = one_in(3);
    return term;
  }
  Term next() {
    if (one_in(5)) return pcre(one_in(2) ? "ab{2,3}a" : "[ab]B", true);
    ContentTerm term = word(1 + below(4));
    const auto size = static_cast<std::int64_t>(term.bytes.size());
    if (one_in(2)) term.distance = static_cast<std::int64_t>(below(4));
    if (one_in(2)) term.within = size + static_cast<std::int64_t>(below(6));
    return term;
  }

  std::mt19937_64 random_;
};

class InspectorOracle : public InspectionTest {
 protected:
  static constexpr std::uint32_t kRules = 6;

  void make_rules(RuleMaker& maker, Buffer buffer) {
    rules_.clear();
    for (std::uint32_t id = 1; id <= kRules; ++id) rules_.push_back(maker.rule(id, buffer));
    ruleset = live_of(rules_);
  }
  void make_edge_rules(RuleMaker& maker, Buffer buffer, bool has_end) {
    rules_.clear();
    for (std::uint32_t id = 1; id <= kRules; ++id) {
      rules_.push_back(maker.edge_rule(id, buffer, has_end));
    }
    ruleset = live_of(rules_);
  }
  /// In segments of up to so many bytes; whether one was refused.
  bool is_refused(RuleMaker& maker, std::string_view text, std::size_t most) {
    while (!text.empty()) {
      const std::size_t size = std::min(text.size(), 1 + maker.below(most));
      if (say(text.substr(0, size)).reason == DropReason::signature_match) return true;
      text.remove_prefix(size);
    }
    return false;
  }
  [[nodiscard]] std::vector<std::uint32_t> held_on(const std::string& buffer) const {
    std::vector<std::uint32_t> ids;
    for (const Rule& rule : rules_) {
      if (NaiveMatch(rule.match[0].terms, buffer).holds()) ids.push_back(rule.id);
    }
    return ids;
  }
  /// As a client of its own would say it: of one address, with another port each time.
  void connect_anew() {
    ++talk.client_port;
    connect();
  }

 private:
  std::vector<Rule> rules_;
};

TEST_F(InspectorOracle, RefusesTheSegmentThatCompletesAMatch) {
  int refused = 0;
  int passed = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RuleMaker maker(seed);
    make_rules(maker, Buffer::payload);
    for (int i = 0; i < 10; ++i) {
      connect_anew();
      std::string so_far;
      for (std::size_t n = 1 + maker.below(6); n > 0; --n) {
        const std::string segment = maker.text(1 + maker.below(30));
        so_far += segment;
        const auto expected = held_on(so_far);
        const Verdict verdict = say(segment);
        const std::string told = fmt::format("seed {}: {} + {}", seed, so_far, segment.size());
        ASSERT_EQ(verdict.reason == DropReason::signature_match, !expected.empty()) << told;
        ++(expected.empty() ? passed : refused);
        if (expected.empty()) continue;
        EXPECT_TRUE(std::ranges::count(expected, verdict.rule_id)) << told;
        break;
      }
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(passed, 500);
}

TEST_F(InspectorOracle, RefusesRequestsByTheirAddress) {
  int refused = 0;
  int passed = 0;
  for (std::uint64_t seed = 1'000; seed < 1'060; ++seed) {
    RuleMaker maker(seed);
    make_rules(maker, Buffer::http_uri);
    for (int i = 0; i < 10; ++i) {
      connect_anew();
      const std::string uri = "/" + maker.text(maker.below(60));
      const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: abababab\r\n\r\n", uri);
      const bool expected = !held_on(uri).empty();
      const std::size_t cut = 1 + maker.below(request.size() - 1);
      bool is_refused = say(request.substr(0, cut)).reason == DropReason::signature_match;
      if (!is_refused) {
        is_refused = say(request.substr(cut)).reason == DropReason::signature_match;
      }
      ASSERT_EQ(is_refused, expected) << "seed " << seed << ": " << uri << ", cut at " << cut;
      ++(expected ? refused : passed);
    }
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(passed, 50);
}

// A body has an end, and where TCP cut it is none.
TEST_F(InspectorOracle, RefusesBodiesByWhatIsAroundTheirBytes) {
  int refused = 0;
  int passed = 0;
  for (std::uint64_t seed = 2'000; seed < 2'060; ++seed) {
    RuleMaker maker(seed);
    make_edge_rules(maker, Buffer::http_request_body, true);
    for (int i = 0; i < 20; ++i) {
      connect_anew();
      const std::string body = maker.words(1 + maker.below(24));
      const bool expected = !held_on(body).empty();
      const std::string head =
          fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.size());
      ASSERT_EQ(is_refused(maker, head + body, 20), expected) << "seed " << seed << ": " << body;
      ++(expected ? refused : passed);
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(passed, 100);
}

// A stream ends with its FIN for what asks for neighbours.
TEST_F(InspectorOracle, RefusesStreamsByWhatIsAroundTheirBytes) {
  int refused = 0;
  int passed = 0;
  for (std::uint64_t seed = 3'000; seed < 3'060; ++seed) {
    RuleMaker maker(seed);
    make_edge_rules(maker, Buffer::payload, false);
    for (int i = 0; i < 20; ++i) {
      connect_anew();
      const std::string text = maker.words(1 + maker.below(24));
      const bool expected = !held_on(text).empty();
      const bool is_found =
          is_refused(maker, text, 8) || end_talk().reason == DropReason::signature_match;
      ASSERT_EQ(is_found, expected) << "seed " << seed << ": " << text;
      ++(expected ? refused : passed);
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(passed, 100);
}

}  // namespace
}  // namespace sluice::test
