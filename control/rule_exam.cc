// Tests are collected in batches, a batch is one replay. Every trial has a connection of its own:
// a test as it is written, and once more for every place at which its message can be divided. Which
// trial an alert belongs to is told by the number of its packet.
//
// Dividing a message says nothing where a rule looks at packets alone. A message that is to be
// missed is not divided where the rule looks at packets as well: the second segment may begin with
// what the message has not at its beginning. Nor where the rule asks a payload for what is not
// there, or for its end: that holds where the bytes end now, although more will come.
#include "control/rule_exam.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "config/check.h"
#include "control/event_drain.h"
#include "control/exam_ends.h"
#include "control/exam_exchange.h"
#include "control/exam_message.h"
#include "control/exam_named_sets.h"
#include "control/policy_builder.h"
#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/replay.h"
#include "rules/compile.h"

namespace sluice {
namespace {

constexpr std::size_t kTrialsOfABatch = 4'096;
constexpr std::size_t kBytesOfABatch = std::size_t{64} << 20;
constexpr std::size_t kNameBytesMax = 255;
constexpr TimeNs kStart = 1'000'000 * kNsPerSecond;
constexpr DurationNs kStep = kNsPerMs / 100;

// --- what can be tested -------------------------------------------------------------------------

/// What has buffers has a parser in the data plane.
[[nodiscard]] bool is_parsed(Service service) {
  return service == Service::any ||
         std::ranges::any_of(buffer_table(),
                             [service](const BufferRow& row) { return row.service == service; });
}

[[nodiscard]] std::string missing_for(const Rule& rule, const RuleTest& test) {
  if (!is_parsed(rule.when.service) && !rule.when.service_negated) {
    return fmt::format("service {}", name_of(rule.when.service));
  }
  if (rule.when.protocol == RuleProtocol::icmpv6) return "icmpv6";
  if (rule.when.protocol == RuleProtocol::sctp) return "sctp";
  const bool is_name =
      test.kind == RuleTest::Kind::dns_query || test.kind == RuleTest::Kind::tls_sni;
  if (is_name && test.text.size() > kNameBytesMax) return "a name of at most 255 bytes";
  return {};
}

[[nodiscard]] ExamTransport transport_of(const Rule& rule, const RuleTest& test) {
  switch (rule.when.protocol) {
    case RuleProtocol::udp:
      return ExamTransport::udp;
    case RuleProtocol::icmp:
      return ExamTransport::icmp;
    case RuleProtocol::ip:
      return test.kind == RuleTest::Kind::dns_query ? ExamTransport::udp : ExamTransport::tcp;
    default:
      return ExamTransport::tcp;
  }
}

template <class T>
concept Negatable = requires(const T& term) {
  term.is_negated;
};

/// The term may hold on the first bytes of a message and not on all of them.
[[nodiscard]] bool depends_on_end(const Term& term) {
  return std::visit(
      []<class T>(const T& one) {
        if constexpr (std::is_same_v<T, ContentTerm>) return one.is_negated || one.ends_with;
        if constexpr (std::is_same_v<T, SizeTerm>) return true;
        if constexpr (Negatable<T>) return one.is_negated;
        return false;
      },
      term);
}

[[nodiscard]] bool depends_on_end(const Rule& rule) {
  return std::ranges::any_of(rule.match, [](const BufferTerms& part) {
    return part.buffer == Buffer::payload &&
           std::ranges::any_of(part.terms, [](const Term& term) { return depends_on_end(term); });
  });
}

// --- one replay ---------------------------------------------------------------------------------

struct Trial {
  std::size_t answer = 0;
  std::uint32_t rule_id = 0;
  std::size_t split = 0;  ///< bytes of the first segment; 0 = not divided
  bool is_hit = false;
};

/// Notes which trial an alert is of.
class Invigilator final : public ReplayObserver {
 public:
  Invigilator(std::span<WorkerWindow* const> windows, const std::vector<std::size_t>& trial_of,
              std::vector<Trial>& trials)
      : drain_({windows.begin(), windows.end()}), trial_of_(trial_of), trials_(trials) {}

  void tick(TimeNs) override { drain(); }
  void drain() override { drain_.drain(~std::uint32_t{0}, *this); }
  void forwarded(std::uint32_t, std::span<const std::uint8_t>) override {}
  void refused(std::uint32_t, DropReason) override {}

  void flow(const FlowRecord&) {}
  void drop(const DropRecord&) {}
  void inspection(const InspectRecord& record) {
    if (record.kind != InspectKind::alert || record.packet_number == 0) return;
    Trial& trial = trials_[trial_of_[record.packet_number - 1]];
    if (trial.rule_id == record.rule_id) trial.is_hit = true;
  }

 private:
  EventDrain drain_;
  const std::vector<std::size_t>& trial_of_;
  std::vector<Trial>& trials_;
};

/// Trials that are replayed together. A pair of ends comes once.
class Batch {
 public:
  [[nodiscard]] bool is_full() const {
    return trials_.size() >= kTrialsOfABatch || bytes_ >= kBytesOfABatch;
  }
  [[nodiscard]] bool has(const ExamEnds& ends) const { return ends_.contains(ends); }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(trials_.size()); }

  void add(const Trial& trial, const ExamEnds& ends, ExamExchange&& exchange) {
    ends_.insert(ends);
    for (ExamFrame& frame : exchange.frames()) {
      bytes_ += frame.size();
      trial_of_.push_back(trials_.size());
      frames_.push_back(std::move(frame));
    }
    trials_.push_back(trial);
  }

  /// The trials, with what became of them.
  [[nodiscard]] Result<std::vector<Trial>> run(const ReplaySetup& setup) {
    std::vector<ReplayFrame> frames;
    for (const ExamFrame& frame : frames_) {
      frames.push_back({kStart + static_cast<TimeNs>(frames.size()) * kStep,
                        static_cast<std::uint32_t>(frame.size()), frame});
    }
    auto replay = Replay::create(setup, frames);
    if (!replay) return tl::unexpected<Error>(replay.error());
    Invigilator invigilator((*replay)->windows(), trial_of_, trials_);
    const ReplayTotals totals = (*replay)->run(frames, invigilator);
    invigilator.drain();
    for (std::size_t i = 0; i < totals.counters.capacity.size(); ++i) {
      if (totals.counters.capacity[i] == 0) continue;
      return fail(ErrorKind::internal,
                  fmt::format("tests of rules: the replay met {} {} times",
                              name_of(static_cast<CapacityEvent>(i)), totals.counters.capacity[i]));
    }
    return std::move(trials_);
  }

 private:
  std::vector<Trial> trials_;
  std::vector<ExamFrame> frames_;
  std::vector<std::size_t> trial_of_;  ///< by frame
  std::set<ExamEnds> ends_;
  std::size_t bytes_ = 0;
};

// --- all of them --------------------------------------------------------------------------------

/// Where a rule looks, as it was compiled.
struct RuleScope {
  bool looks_at_packets = false;
  bool looks_at_stream = false;
};

class Examiner {
 public:
  Examiner(std::span<const Rule> rules, const ExamOptions& options, ReplaySetup setup)
      : rules_(rules), options_(options), setup_(std::move(setup)) {
    for (const CompiledRule& rule : setup_.ruleset->rules.rules) {
      scopes_[rule.id] = {rule.needs_packet, rule.needs_stream};
    }
  }

  [[nodiscard]] Result<std::vector<ExamAnswer>> examine() {
    for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
      for (std::size_t test = 0; test < rules_[rule].tests.size(); ++test) {
        answers_.push_back({rule, test, ExamVerdict::as_expected, {}});
        if (auto done = examine_one(answers_.back()); !done) {
          return tl::unexpected<Error>(done.error());
        }
      }
    }
    if (auto done = run_batch(); !done) return tl::unexpected<Error>(done.error());
    word_the_failed();
    return std::move(answers_);
  }

 private:
  /// How the trials of a test went that did not go as expected.
  struct Failure {
    std::size_t count = 0;
    std::size_t first_split = 0;
  };

  [[nodiscard]] const Rule& rule_of(const ExamAnswer& answer) const { return rules_[answer.rule]; }
  [[nodiscard]] const RuleTest& test_of(const ExamAnswer& answer) const {
    return rules_[answer.rule].tests[answer.test];
  }

  [[nodiscard]] Status examine_one(ExamAnswer& answer) {
    const Rule& rule = rule_of(answer);
    const RuleTest& test = test_of(answer);
    const ExamTransport transport = transport_of(rule, test);
    std::string missing = missing_for(rule, test);
    const std::string message =
        missing.empty() ? exam_message(test, transport == ExamTransport::tcp) : std::string();
    if (transport != ExamTransport::tcp && message.size() > kExamPayloadMax) {
      missing = "a message that one packet holds";
    }
    auto sets = exam_sets(rule, test, options_.variables);
    if (!sets) return tl::unexpected<Error>(sets.error());
    sets->client = written_out(std::move(sets->client), setup_.parts.sets);
    sets->server = written_out(std::move(sets->server), setup_.parts.sets);
    if (missing.empty() && !choose_ends(*sets, test, 0)) missing = "an IPv4 address";
    if (!missing.empty()) {
      answer.verdict = ExamVerdict::not_testable;
      answer.reason = missing;
      return {};
    }
    const std::size_t splits = splits_of(answer, transport, message.size());
    for (std::size_t split = 0; split <= splits; ++split) {
      if (auto added = add_trial(answer, *sets, message, split); !added) return added;
    }
    return {};
  }

  /// Places at which the message is divided: behind byte 1 to this one.
  [[nodiscard]] std::size_t splits_of(const ExamAnswer& answer, ExamTransport transport,
                                      std::size_t bytes) const {
    if (transport != ExamTransport::tcp || bytes < 2 || bytes > options_.split_bytes_max) return 0;
    const RuleScope scope = scopes_.at(rule_of(answer).id);
    if (scope.looks_at_packets && !scope.looks_at_stream) return 0;
    const bool holds_for_parts = scope.looks_at_packets || depends_on_end(rule_of(answer));
    return test_of(answer).is_hit || !holds_for_parts ? bytes - 1 : 0;
  }

  [[nodiscard]] Status add_trial(const ExamAnswer& answer, const ExamSets& sets,
                                 std::string_view message, std::size_t split) {
    const Rule& rule = rule_of(answer);
    const RuleTest& test = test_of(answer);
    ExamEnds ends = *choose_ends(sets, test, batch_.size());
    if (batch_.is_full() || batch_.has(ends)) {
      if (auto done = run_batch(); !done) return done;
      ends = *choose_ends(sets, test, 0);
    }
    const ExamTransport transport = transport_of(rule, test);
    const bool by_server = is_sent_by_server(test);
    const ExamSide sender = by_server ? ExamSide::server : ExamSide::client;
    ExamExchange exchange(transport, ends);
    const bool opens =
        transport == ExamTransport::tcp || by_server || rule.when.state == FlowState::established;
    if (opens) exchange.open();
    if (test.kind == RuleTest::Kind::http_response) {
      exchange.send(ExamSide::client, exam_request());
    }
    if (split != 0) exchange.send(sender, message.substr(0, split));
    exchange.send(sender, message.substr(split));
    exchange.close();
    const auto place = static_cast<std::size_t>(&answer - answers_.data());
    batch_.add({place, rule.id, split, false}, ends, std::move(exchange));
    return {};
  }

  [[nodiscard]] Status run_batch() {
    if (batch_.size() == 0) return {};
    auto trials = std::exchange(batch_, {}).run(setup_);
    if (!trials) return tl::unexpected<Error>(trials.error());
    for (const Trial& trial : *trials) {
      if (trial.is_hit == test_of(answers_[trial.answer]).is_hit) continue;
      Failure& failure = failures_[trial.answer];
      if (failure.count++ == 0) failure.first_split = trial.split;
    }
    return {};
  }

  void word_the_failed() {
    for (const auto& [place, failure] : failures_) {
      ExamAnswer& answer = answers_[place];
      answer.verdict = ExamVerdict::otherwise;
      answer.reason = test_of(answer).is_hit ? "does not match" : "matches";
      if (failure.first_split == 0) continue;
      answer.reason += fmt::format(
          " where the message is divided behind byte {}{}", failure.first_split,
          failure.count == 1 ? std::string()
                             : fmt::format(" and at {} other places", failure.count - 1));
    }
  }

  std::span<const Rule> rules_;
  const ExamOptions& options_;
  ReplaySetup setup_;
  std::map<std::uint32_t, RuleScope> scopes_;
  std::vector<ExamAnswer> answers_;
  std::map<std::size_t, Failure> failures_;  ///< by place of the answer
  Batch batch_;
};

/// The rules as they would be if each only told what it finds.
[[nodiscard]] std::vector<Rule> telling(std::span<const Rule> rules) {
  std::vector<Rule> out(rules.begin(), rules.end());
  for (Rule& rule : out) {
    rule.stage = RuleStage::alert;
    rule.action = {};
    rule.is_silent = false;
    rule.threshold.reset();
  }
  return out;
}

[[nodiscard]] Result<ReplaySetup> setup_for(std::span<const Rule> rules, const ExamOptions& options,
                                            Diagnostics& findings) {
  CompileOptions compile;
  compile.variables = options.variables;
  CompileReport report;
  auto parts = compile_ruleset(telling(rules), {}, compile, findings, report);
  if (!parts) return tl::unexpected<Error>(parts.error());
  auto live = make_live(std::move(parts->ruleset), std::move(parts->databases), 1, nullptr);
  if (!live) return tl::unexpected<Error>(live.error());
  CheckedConfig checked;
  checked.config.rules.files = {"tests of rules"};  // none: the inspector gets no memory
  EventConfig& events = checked.config.events;      // alerts are all that is asked for
  events.http = events.dns = events.tls = events.ssh = events.smtp = events.ftp = false;
  events.quic = events.anomaly = false;
  ReplaySetup setup;
  setup.config = checked.config;
  auto sets = with_entries_of_tests(options.sets, rules);
  if (!sets) return tl::unexpected<Error>(sets.error());
  setup.parts = build_policy_parts(checked);
  setup.parts.sets = std::move(*sets);
  setup.ruleset = std::move(*live);
  return setup;
}

}  // namespace

Result<std::vector<ExamAnswer>> examine_rules(std::span<const Rule> rules,
                                              const ExamOptions& options, Diagnostics& findings) {
  auto setup = setup_for(rules, options, findings);
  if (!setup) return tl::unexpected<Error>(setup.error());
  if (findings.has_errors()) return std::vector<ExamAnswer>{};
  return Examiner(rules, options, std::move(*setup)).examine();
}

}  // namespace sluice
