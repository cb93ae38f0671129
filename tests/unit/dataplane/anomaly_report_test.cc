#include "dataplane/inspect/anomaly_report.h"

#include <array>
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

class Anomalies : public testing::Test {
 protected:
  Anomalies() {
    packet_.bytes = frame_.data();
    packet_.ip_version = 4;
    packet_.l3_offset = 14;
    packet_.protocol = 6;
    packet_.now = 5 * kNsPerSecond;
    subject_.packet = &packet_;
    settings_.anomaly_records = true;
    settings_.generation = 9;
  }

  std::vector<InspectRecord> told() {
    std::vector<InspectRecord> records;
    window_->inspections.drain(1024,
                               [&](const InspectRecord& record) { records.push_back(record); });
    return records;
  }
  [[nodiscard]] std::uint64_t left_out() const {
    return counters_.capacity[static_cast<std::size_t>(CapacityEvent::anomaly_limit)];
  }
  void flood(std::uint32_t packets) {
    for (std::uint32_t i = 0; i < packets; ++i) {
      packet_.packet_number = i;
      report_.packet(packet_, DropReason::bad_ip_header, settings_);
    }
  }

  std::array<std::uint8_t, 64> frame_{};
  Packet packet_{};
  RuleSubject subject_;
  PolicySettings settings_;
  WorkerCounters counters_;
  std::unique_ptr<WorkerWindow> window_ = std::make_unique<WorkerWindow>();
  AnomalyReport report_{SipKey{1, 2}, 4, counters_, window_.get()};
};

TEST_F(Anomalies, OfTheDecoderAreItsReasons) {
  report_.packet(packet_, DropReason::bad_tcp_flags, settings_);
  const InspectRecord record = told().at(0);
  EXPECT_EQ(record.kind, InspectKind::anomaly);
  EXPECT_EQ(record.anomaly_layer, AnomalyLayer::decode);
  EXPECT_EQ(record.anomaly, static_cast<std::uint8_t>(DropReason::bad_tcp_flags));
  EXPECT_EQ(record.now, 5 * kNsPerSecond);
  EXPECT_EQ(record.generation, 9);
  EXPECT_EQ(record.worker, 4);
  EXPECT_EQ(counters_.anomalies, 1U);
}

TEST_F(Anomalies, OfStreamsAreTheirReasons) {
  report_.packet(packet_, DropReason::conflicting_retransmission, settings_);
  const InspectRecord record = told().at(0);
  EXPECT_EQ(record.anomaly_layer, AnomalyLayer::stream);
  EXPECT_EQ(record.anomaly, static_cast<std::uint8_t>(StreamAnomaly::conflicting_retransmission));
}

TEST_F(Anomalies, OfApplicationsTellWhose) {
  subject_.service = Service::http;
  report_.application(subject_, AppAnomaly::http_bad_chunk, settings_);
  const InspectRecord record = told().at(0);
  EXPECT_EQ(record.anomaly_layer, AnomalyLayer::application);
  EXPECT_EQ(record.anomaly, static_cast<std::uint8_t>(AppAnomaly::http_bad_chunk));
  EXPECT_EQ(record.service, Service::http);
}

TEST_F(Anomalies, AreNotWhatTheOperatorRefuses) {
  for (const DropReason reason :
       {DropReason::denied_prefix, DropReason::flow_rate_exceeded, DropReason::signature_match,
        DropReason::flow_refused, DropReason::non_ip_refused, DropReason::tx_queue_full}) {
    report_.packet(packet_, reason, settings_);
  }
  EXPECT_EQ(counters_.anomalies, 0U);
  EXPECT_TRUE(told().empty());
}

TEST_F(Anomalies, AreNeitherToldNorCountedWhereSwitchedOff) {
  settings_.anomaly_records = false;
  report_.packet(packet_, DropReason::bad_tcp_flags, settings_);
  report_.stream(subject_, StreamAnomaly::gap, settings_);
  EXPECT_EQ(counters_.anomalies, 0U);
  EXPECT_TRUE(told().empty());
}

TEST_F(Anomalies, OfAFloodAreFewAndTheRestIsCounted) {
  constexpr std::uint32_t kFlood = 100'000;
  flood(kFlood);
  const std::size_t shown = told().size();
  EXPECT_GE(shown, AnomalyReport::kToldPerSecond);
  EXPECT_LE(shown, 20 * AnomalyReport::kToldPerSecond);
  EXPECT_EQ(counters_.anomalies, kFlood);
  EXPECT_EQ(left_out() + shown + counters_.anomalies_lost, kFlood);
}

TEST_F(Anomalies, OfOneKindLeaveTheOthersTheirRoom) {
  flood(100'000);
  told();
  report_.packet(packet_, DropReason::bad_ip_length, settings_);
  EXPECT_EQ(told().size(), 1U);
}

TEST_F(Anomalies, AreToldAgainInTheNextSecond) {
  flood(100'000);
  told();
  packet_.now += kNsPerSecond;
  flood(AnomalyReport::kToldPerSecond);
  EXPECT_EQ(told().size(), AnomalyReport::kToldPerSecond);
}

std::set<std::uint32_t> places(const std::vector<InspectRecord>& records) {
  std::set<std::uint32_t> numbers;
  for (const InspectRecord& record : records) numbers.insert(record.packet_number);
  return numbers;
}

TEST_F(Anomalies, OfAFloodAreChosenByTheKey) {
  flood(10'000);
  const std::set<std::uint32_t> chosen = places(told());
  const auto chosen_with = [&](const SipKey& key) {
    AnomalyReport other(key, 4, counters_, window_.get());
    for (packet_.packet_number = 0; packet_.packet_number < 10'000; ++packet_.packet_number) {
      other.packet(packet_, DropReason::bad_ip_header, settings_);
    }
    return places(told());
  };
  EXPECT_EQ(chosen_with(SipKey{1, 2}), chosen);
  EXPECT_NE(chosen_with(SipKey{3, 4}), chosen);
}

TEST_F(Anomalies, ThatFindTheLaneFullAreCounted) {
  InspectRecord filler{};
  while (window_->inspections.try_push(filler)) {
  }
  report_.packet(packet_, DropReason::bad_tcp_flags, settings_);
  EXPECT_EQ(counters_.anomalies_lost, 1U);
}

}  // namespace
}  // namespace sluice
