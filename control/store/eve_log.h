// The two ways events become lines of a file. `EveLog` owns the recorder thread: the control thread
// gives it raw records over a bounded queue that drops and counts, and never waits for a disk.
// `EveWriter` formats and writes on the calling thread, for a replay.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/event_sink.h"
#include "control/store/eve_file.h"
#include "control/store/eve_format.h"

namespace sluice {

/// Formats records straight into the file's buffer.
class EveWriter final : public EventSink {
 public:
  EveWriter(EveFileOptions file, const EveContext& context);

  void flow(const FlowRecord& record) noexcept override;
  void drop(const DropRecord& record) noexcept override;
  void inspection(const InspectRecord& record) noexcept override;
  void stats(const StatsSnapshot& snapshot) noexcept override;
  void end_turn(TimeNs now) noexcept override { now_ = now; }
  [[nodiscard]] EventCounts counts() const noexcept override;

  /// Everything that waits goes to the file; the error that stands in the way, if one does.
  [[nodiscard]] Status finish(TimeNs now);

  [[nodiscard]] EveFormatter& formatter() noexcept { return formatter_; }
  [[nodiscard]] EveFile& file() noexcept { return file_; }

 private:
  template <class Format>
  void line(std::size_t bytes_max, Format&& format) noexcept;

  EveFile file_;
  EveFormatter formatter_;
  TimeNs now_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
};

/// The recorder: one thread, one bounded queue. The methods of EventSink belong to one thread (the
/// control thread).
class EveLog final : public EventSink {
 public:
  /// Starts the thread with the caller's signal mask. An empty `path` records nothing.
  EveLog(std::string path, const EveContext& context);
  /// Waits at most a second for the rest to be written.
  ~EveLog() override;
  EveLog(const EveLog&) = delete;
  EveLog& operator=(const EveLog&) = delete;

  void flow(const FlowRecord& record) noexcept override;
  void drop(const DropRecord& record) noexcept override;
  void inspection(const InspectRecord& record) noexcept override;
  void stats(const StatsSnapshot& snapshot) noexcept override;
  void end_turn(TimeNs now) noexcept override;
  [[nodiscard]] EventCounts counts() const noexcept override;

  /// Log rotation: what follows goes to a newly opened file.
  void request_reopen() noexcept;
  void use_mode(Mode mode) noexcept;
  void use_rules(std::shared_ptr<const RuleTextIndex> rules) noexcept;
  /// Asks the recorder to write what waits and end. False where it did not within `grace`; it is
  /// then left to itself and the process should end.
  [[nodiscard]] bool stop(DurationNs grace);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  ///< null where nothing is recorded
  std::uint64_t lost_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice
