// The blocks' journal, STATE_DIR/blocks.journal: every change is one write, so that a kill at any
// moment loses no change that was answered; a helper thread syncs it, so that losing power may lose
// the last moments. Where most of it is dead it is written anew in small steps beside the old one.
// Where it cannot be written blocks are in force all the same, and it is tried again. Control
// thread only, but for `load`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/respond/block_records.h"
#include "control/respond/journal_sync.h"

namespace sluice {

class BlockJournal {
 public:
  explicit BlockJournal(const std::string& state_dir);

  /// `load` would take more than some milliseconds, and wants a thread of its own.
  [[nodiscard]] bool is_large() const noexcept;
  /// Once, before anything else: fills `set` with what has not run out and opens the file to go on
  /// with. A damaged file is kept as blocks.journal.bad, and what can be read of it is in force.
  /// Returns the next id. About 0.6 s for a million blocks, and longer from a slow disk. May run on
  /// another thread, while nothing else is called.
  [[nodiscard]] std::uint64_t load(BlockSet& set, TimeNs now);
  /// After `record` was carried out on the set.
  void append(const BlockRecord& record);
  /// Once per turn of the loop: another piece of a new file, and another try of what failed.
  void turn(const BlockSet& set, std::uint64_t next_id, TimeNs now);

  /// Writes and syncs that failed, ever.
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_ + sync_.failures(); }
  /// What stands between the set and the file, if anything does.
  [[nodiscard]] Status status() const;
  /// A new file is being written.
  [[nodiscard]] bool is_rewriting() const noexcept { return rewrite_ != nullptr; }
  /// It waits for no one: the next `turn` copies more.
  [[nodiscard]] bool is_copying() const noexcept { return rewrite_ && !rewrite_->is_whole; }

 private:
  /// A file that takes records behind each other.
  struct Output {
    JournalSync::File file;
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;  ///< blocks and ids in records, dead ones included
  };
  struct Rewrite {
    Output output;
    std::uint64_t last_id = 0;  ///< blocks up to this one are in it
    bool is_whole = false;      ///< every block is in it; it is being put in place
    bool has_gap = false;       ///< a change could not be written to it
  };

  [[nodiscard]] Result<Output> open_file(const std::string& path, int flags) const;
  [[nodiscard]] std::uint64_t read_into(BlockSet& set, TimeNs now);
  [[nodiscard]] Status go_on_after(const JournalScan& scan);
  void keep_damaged();
  [[nodiscard]] static Status write_to(Output& output, const std::vector<std::byte>& bytes);
  void write_pending();
  void note_failure(const Error& error);
  void start_rewrite(std::uint64_t next_id, TimeNs now);
  void go_on_rewriting(const BlockSet& set, TimeNs now);
  void append_to_rewrite(const BlockRecord& record);
  void end_rewrite(const Status& result, TimeNs now);
  void give_up_rewrite(const Error& error, TimeNs now);
  [[nodiscard]] bool is_mostly_dead(const BlockSet& set) const noexcept;

  std::string path_;
  Output current_;
  std::vector<std::byte> pending_;  ///< records that the file has not taken yet
  std::uint64_t pending_entries_ = 0;
  bool needs_rewrite_ = false;        ///< the file does not say what is in force
  std::unique_ptr<Rewrite> rewrite_;  ///< null while none is written
  std::optional<Error> error_;
  TimeNs retry_at_ = 0;
  TimeNs rewrite_at_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t syncs_failed_ = 0;  ///< of sync_.failures(), as far as they were looked at
  JournalSync sync_;
};

}  // namespace sluice
