#include "control/store/eve_log.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice {
namespace {

enum class RecordKind : std::uint8_t { flow, drop };

struct QueuedRecord {
  QueuedRecord() noexcept {}  // a slot of the queue: nothing to construct
  union {
    FlowRecord flow;
    DropRecord drop;
  };
  RecordKind kind;
};

// Six megabytes: a tenth of a second at 300,000 events a second, and what all lanes of three
// workers hold.
using RecordQueue = Lane<QueuedRecord, 32'768>;
using InspectQueue = Lane<InspectRecord, 4096>;
using StatsQueue = Lane<StatsSnapshot, 4>;

constexpr int kIdleMs = 250;
constexpr DurationNs kFlushInterval = 250 * kNsPerMs;
constexpr std::uint32_t kRecordsPerTurn = 4096;

TimeNs monotonic_now() noexcept { return read_clock(CLOCK_MONOTONIC); }

}  // namespace

EveWriter::EveWriter(EveFileOptions file, const EveContext& context)
    : file_(std::move(file)), formatter_(context) {}

template <class Format>
void EveWriter::line(std::size_t bytes_max, Format&& format) noexcept {
  const std::span<char> room = file_.room(bytes_max, now_);
  const std::size_t bytes = room.empty() ? 0 : format(room.first(bytes_max));
  file_.commit(bytes);
  ++(bytes == 0 ? lost_ : written_);
}

void EveWriter::flow(const FlowRecord& record) noexcept {
  line(kEveLineBytesMax, [&](std::span<char> into) { return formatter_.flow(record, into); });
}

void EveWriter::drop(const DropRecord& record) noexcept {
  line(kEveLineBytesMax, [&](std::span<char> into) { return formatter_.drop(record, into); });
}

void EveWriter::inspection(const InspectRecord& record) noexcept {
  line(kEveInspectBytesMax,
       [&](std::span<char> into) { return formatter_.inspection(record, into); });
}

void EveWriter::stats(const StatsSnapshot& snapshot) noexcept {
  line(kEveStatsBytesMax, [&](std::span<char> into) { return formatter_.stats(snapshot, into); });
}

EventCounts EveWriter::counts() const noexcept {
  return {written_ - file_.lines_lost(), 0, lost_ + file_.lines_lost()};
}

Status EveWriter::finish(TimeNs now) {
  file_.flush(now);
  if (file_.bytes_waiting() == 0) return {};
  if (auto status = file_.status(); !status) return status;
  return fail(ErrorKind::io, "events: the reader of the output does not keep up");
}

/// What the two threads share; outlives whichever ends first.
struct EveLog::Shared {
  Shared(std::string path, const EveContext& context)
      : writer({.path = std::move(path)}, context), mode(context.mode) {}
  ~Shared() {
    if (wake_fd >= 0) close(wake_fd);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  void wake() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = write(wake_fd, &one, sizeof one);
  }
  void wait() const noexcept {
    pollfd waiting{wake_fd, POLLIN, 0};
    if (poll(&waiting, 1, kIdleMs) <= 0) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(wake_fd, &count, sizeof count);
  }
  std::uint32_t write_some() noexcept;
  void publish_counts() noexcept;
  void record() noexcept;

  RecordQueue records;
  InspectQueue inspections;
  StatsQueue snapshots;
  EveWriter writer;  ///< the recorder's alone
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> lost_file{0};
  std::atomic<Mode> mode;
  std::shared_ptr<const RuleTextIndex> rules;  ///< by atomic_load and atomic_store only
  std::atomic<bool> wants_rules{false};
  std::atomic<bool> wants_reopen{false};
  std::atomic<bool> wants_stop{false};
  std::atomic<bool> ended{false};
  int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

std::uint32_t EveLog::Shared::write_some() noexcept {
  const TimeNs now = monotonic_now();
  writer.end_turn(now);
  writer.formatter().use_mode(mode.load(std::memory_order_relaxed));
  if (wants_rules.exchange(false)) writer.formatter().use_rules(std::atomic_load(&rules));
  if (wants_reopen.exchange(false)) writer.file().reopen(now);
  std::uint32_t taken = records.drain(kRecordsPerTurn, [this](const QueuedRecord& record) {
    record.kind == RecordKind::flow ? writer.flow(record.flow) : writer.drop(record.drop);
  });
  taken += inspections.drain(kRecordsPerTurn,
                             [this](const InspectRecord& record) { writer.inspection(record); });
  taken += snapshots.drain(4, [this](const StatsSnapshot& snapshot) { writer.stats(snapshot); });
  publish_counts();
  return taken;
}

void EveLog::Shared::publish_counts() noexcept {
  const EventCounts counts = writer.counts();
  written.store(counts.written, std::memory_order_relaxed);
  lost_file.store(counts.lost_file, std::memory_order_relaxed);
}

void EveLog::Shared::record() noexcept {
  TimeNs flushed = 0;
  while (true) {
    const bool stopping = wants_stop.load(std::memory_order_acquire);
    const bool idle = write_some() == 0;
    const TimeNs now = monotonic_now();
    if (idle || now - flushed >= kFlushInterval) {
      writer.file().flush(now);
      flushed = now;
    }
    if (!idle) continue;
    if (stopping) break;
    wait();
  }
  writer.file().abandon();
  publish_counts();
  ended.store(true, std::memory_order_release);
}

EveLog::EveLog(std::string path, const EveContext& context) {
  if (path.empty()) return;
  shared_ = std::make_shared<Shared>(std::move(path), context);
  std::thread([shared = shared_] { shared->record(); }).detach();
}

EveLog::~EveLog() {
  if (!stopped_) (void)stop(kNsPerSecond);
}

void EveLog::flow(const FlowRecord& record) noexcept {
  if (shared_ == nullptr) return;
  QueuedRecord queued;
  queued.flow = record;
  queued.kind = RecordKind::flow;
  if (!shared_->records.try_push(queued)) ++lost_;
}

void EveLog::drop(const DropRecord& record) noexcept {
  if (shared_ == nullptr) return;
  QueuedRecord queued;
  queued.drop = record;
  queued.kind = RecordKind::drop;
  if (!shared_->records.try_push(queued)) ++lost_;
}

void EveLog::inspection(const InspectRecord& record) noexcept {
  if (shared_ != nullptr && !shared_->inspections.try_push(record)) ++lost_;
}

void EveLog::stats(const StatsSnapshot& snapshot) noexcept {
  if (shared_ != nullptr && !shared_->snapshots.try_push(snapshot)) ++lost_;
}

void EveLog::end_turn(TimeNs) noexcept {
  if (shared_ == nullptr) return;
  if (shared_->records.depth() != 0 || shared_->inspections.depth() != 0 ||
      shared_->snapshots.depth() != 0) {
    shared_->wake();
  }
}

EventCounts EveLog::counts() const noexcept {
  if (shared_ == nullptr) return {};
  return {shared_->written.load(std::memory_order_relaxed), lost_,
          shared_->lost_file.load(std::memory_order_relaxed)};
}

void EveLog::request_reopen() noexcept {
  if (shared_ == nullptr) return;
  shared_->wants_reopen.store(true);
  shared_->wake();
}

void EveLog::use_mode(Mode mode) noexcept {
  if (shared_ != nullptr) shared_->mode.store(mode, std::memory_order_relaxed);
}

void EveLog::use_rules(std::shared_ptr<const RuleTextIndex> rules) noexcept {
  if (shared_ == nullptr) return;
  std::atomic_store(&shared_->rules, std::move(rules));
  shared_->wants_rules.store(true);
}

bool EveLog::stop(DurationNs grace) {
  stopped_ = true;
  if (shared_ == nullptr) return true;
  shared_->wants_stop.store(true, std::memory_order_release);
  shared_->wake();
  const TimeNs deadline = monotonic_now() + grace;
  while (!shared_->ended.load(std::memory_order_acquire)) {
    if (monotonic_now() >= deadline) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace sluice
