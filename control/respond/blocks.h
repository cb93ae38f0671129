// Temporary denies: who asked, why, and for how long. A change is sent to the wire process, and
// once that obeys it is kept, written to the journal and answered; changes run one after another.
// Workers end a block by themselves; here the ended ones are only forgotten. Whenever it is not
// certain what the wire process obeys, it is sent the whole set. What concerns all blocks at once
// is done in pieces, and their journal is read on a thread of its own. Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/keeper_link.h"
#include "control/respond/block_journal.h"
#include "control/respond/block_set.h"
#include "control/respond/whole_set.h"
#include "dataplane/window.h"

namespace sluice {

inline constexpr DurationNs kBlockDurationMin = kNsPerSecond;
inline constexpr std::size_t kBlocksPerRequestMax = 100;
/// Changes that wait; one more is refused.
inline constexpr std::size_t kBlockChangesWaitingMax = 1024;

struct BlocksOptions {
  std::string state_dir;
  std::uint64_t capacity = 0;  ///< at most kBlocksMax; as the wire process was started with
  DurationNs duration_max = 0;
  /// How often all workers refused for the block in this slot, modulo 2^32 at least. Empty: hits
  /// are not counted. Called with slots below `capacity`.
  std::function<std::uint64_t(std::uint32_t slot)> hits = {};
  /// By slot, as long as the wire process lives: what makes hits count on where this process is
  /// not the first. Empty: they start at 0.
  std::span<BlockNote> notes = {};
  /// Whether a prefix of an allow list in force covers this one; may be empty.
  std::function<bool(const IpPrefix&)> is_allowed = {};
  const Clock& clock;
};

/// What somebody asks to have blocked. The reason is at most kReasonBytesMax long.
struct BlockRequest {
  BlockTarget target;
  DurationNs duration = 0;
  std::string reason;
};
struct BlockAdded {
  std::uint64_t id = 0;
  BlockTarget target;
  TimeNs until = 0;
  std::optional<std::uint64_t> replaced;  ///< id of the block of the same target before
  bool is_allowed = false;                ///< an allow list lets it through all the same
};
/// One of them, or with neither all.
struct BlockRemoval {
  std::optional<std::uint64_t> id;
  std::optional<BlockTarget> target;
};

struct BlockQuery {
  std::uint64_t cursor = 0;  ///< 0 = from the start, or `next` of the page before
  std::size_t most = 100;
  std::optional<IpPrefix> touching;
};
struct ListedBlock {
  Block block;
  std::uint64_t hits = 0;
};
/// May hold fewer than asked for, even none, and go on.
struct BlockPage {
  std::vector<ListedBlock> items;  ///< by id
  std::uint64_t next = 0;          ///< 0 = that was the end
};

class Blocks {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  /// Keeper and clock outlive the object, and the object every turn of the keeper's link.
  Blocks(BlocksOptions options, KeeperLink& keeper);
  ~Blocks();

  /// Once, before the first turn: reads the journal, or where it is large has it read.
  void start();
  /// False while the journal is being read. Changes wait meanwhile.
  [[nodiscard]] bool is_ready() const noexcept { return reading_ == nullptr; }
  void turn(TimeNs now);
  /// There is more to do at once, rather than with the next turn: `work`.
  [[nodiscard]] bool has_work() const noexcept;
  /// Another piece of it.
  void work(TimeNs now);

  /// All or none. `done` is called once, now or in a later turn, when every worker obeys and the
  /// journal has it; where the journal fails the blocks are in force all the same. Errors: invalid,
  /// limit where there is no room, unavailable.
  void add(std::vector<BlockRequest> requests, const std::string& owner,
           Done<std::vector<BlockAdded>> done);
  /// How many. Errors: not_found, unavailable.
  void remove(BlockRemoval removal, Done<std::uint64_t> done);
  /// Once `is_ready`.
  [[nodiscard]] BlockPage list(const BlockQuery& query) const;

  /// Once `is_ready`, whether such a block is in force.
  [[nodiscard]] bool holds(const BlockTarget& target) const {
    return is_ready() && set_.find(target) != nullptr;
  }
  /// An allow list lets through what such a block would deny.
  [[nodiscard]] bool is_let_through(const BlockTarget& target) const;

  void use_duration_max(DurationNs longest) noexcept { options_.duration_max = longest; }
  [[nodiscard]] DurationNs duration_max() const noexcept { return options_.duration_max; }
  [[nodiscard]] std::size_t active() const noexcept { return is_ready() ? set_.size() : 0; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return set_.capacity(); }
  /// Writes of the journal that failed, ever.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return is_ready() ? journal_.failures() : 0;
  }
  /// Why a restart would not know every block, if it would not. Once `is_ready`.
  [[nodiscard]] Status journal_status() const { return journal_.status(); }

 private:
  struct Job {
    TimeNs asked = 0;
    std::function<void()> run;  ///< ends with `finish`, now or later
    std::function<void(const Error&)> refuse;
  };
  struct Addition;
  struct Removal;
  struct Reading;

  void enqueue(Job job);
  void run_next();
  void finish(bool is_certain);
  void give_up_late(TimeNs now);
  void take_read();
  void send_all();
  void go_on_sending();
  void take_whole(Result<SealedView> reply);
  void end_sending(const Status& result);
  [[nodiscard]] Status check_room(const std::vector<BlockRequest>& requests) const;
  [[nodiscard]] Status check_lengths(const std::vector<BlockRequest>& requests) const;
  void run_addition(const std::shared_ptr<Addition>& addition);
  void take_added(Addition& addition, const Result<SealedView>& body);
  void run_removal(const std::shared_ptr<Removal>& removal);
  [[nodiscard]] Result<std::vector<std::uint64_t>> ids_of(const BlockRemoval& removal);
  void take_removed(const std::shared_ptr<Removal>& removal, const Result<SealedView>& body);
  void go_on_clearing();
  [[nodiscard]] Result<BlockReceipt> receipt_of(const Result<SealedView>& body,
                                                std::size_t added) const;
  [[nodiscard]] BlockNote* note_at(std::uint32_t slot) const noexcept;
  void watch_slot(BlockSet::Entry& entry, std::uint32_t slot) const;
  void count_hits(BlockSet::Entry& entry) const;
  void look_at_hits();

  BlocksOptions options_;
  KeeperLink& keeper_;
  BlockSet set_;
  BlockJournal journal_;
  std::uint64_t next_id_ = 1;
  std::deque<Job> jobs_;
  bool is_busy_ = false;     ///< a change, or the whole set, is on its way
  bool is_running_ = false;  ///< `run_next` runs jobs
  bool is_certain_ = false;  ///< the wire process obeys exactly this set
  TimeNs send_all_at_ = 0;
  std::size_t next_look_ = 0;  ///< place in the set
  bool is_expiring_ = false;   ///< more have run out than were forgotten
  // What goes on in pieces; nothing else is changed meanwhile.
  std::optional<WholeSet> whole_;      ///< on its way to the wire process
  std::shared_ptr<Removal> clearing_;  ///< all are lifted, and being forgotten
  std::unique_ptr<Reading> reading_;   ///< while it is not null set and journal are its own
};

}  // namespace sluice
