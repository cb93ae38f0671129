#include "control/respond/blocks.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace sluice {
namespace {

constexpr DurationNs kWaitingMax = 5 * kNsPerSecond;
constexpr DurationNs kSendAllInterval = kNsPerSecond;
// Pieces of some tenths of a millisecond each.
constexpr std::size_t kExpiredPerPiece = 128;
static_assert(kExpiredPerPiece >= kBlocksPerRequestMax, "what ran out makes room for a request");
constexpr std::size_t kClearedPerPiece = 512;

/// "/8, /16, /24"
std::string lengths_text(const BlockLengths& lengths) {
  std::string text;
  for (std::size_t length = 0; length < lengths.size(); ++length) {
    if (lengths[length]) text += fmt::format("{}/{}", text.empty() ? "" : ", ", length);
  }
  return text;
}

}  // namespace

struct Blocks::Addition {
  std::vector<BlockRequest> requests;
  std::string owner;
  TimeNs asked = 0;
  std::uint64_t first_id = 0;
  Done<std::vector<BlockAdded>> done;
};

struct Blocks::Removal {
  BlockRemoval what;
  std::vector<std::uint64_t> ids;
  Done<std::uint64_t> done;
  std::uint64_t removed = 0;
};

struct Blocks::Reading {
  std::uint64_t next_id = 1;
  std::atomic<bool> is_done = false;
  std::jthread thread = {};
};

Blocks::Blocks(BlocksOptions options, KeeperLink& keeper)
    : options_(std::move(options)),
      keeper_(keeper),
      set_(static_cast<std::uint32_t>(std::min<std::uint64_t>(options_.capacity, kBlocksMax))),
      journal_(options_.state_dir) {}

Blocks::~Blocks() = default;

void Blocks::start() {
  reading_ = std::make_unique<Reading>();
  const auto read = [this, reading = reading_.get(), now = options_.clock.now()] {
    reading->next_id = journal_.load(set_, now);
    reading->is_done.store(true, std::memory_order_release);
  };
  if (journal_.is_large()) {
    reading_->thread = std::jthread(read);
    return;
  }
  read();
  take_read();
}

void Blocks::take_read() {
  if (!reading_ || !reading_->is_done.load(std::memory_order_acquire)) return;
  next_id_ = reading_->next_id;
  reading_.reset();
  if (set_.size() == 0) return;
  log(LogLevel::notice, fmt::format("blocks: {} are in force as before", set_.size()));
}

void Blocks::turn(TimeNs now) {
  give_up_late(now);
  take_read();
  if (!is_ready()) return;
  look_at_hits();
  if (!keeper_.is_greeted()) is_certain_ = false;
  if (keeper_.is_greeted() && !is_certain_ && !is_busy_ && now >= send_all_at_) send_all();
  work(now);
  run_next();
}

bool Blocks::has_work() const noexcept {
  if (!is_ready()) return false;
  return (whole_ && whole_->step() != WholeSet::Step::waiting) || clearing_ || is_expiring_ ||
         journal_.is_copying();
}

void Blocks::work(TimeNs now) {
  is_expiring_ = set_.expire(now, kExpiredPerPiece) == kExpiredPerPiece;
  journal_.turn(set_, next_id_, now);
  if (whole_) go_on_sending();
  if (clearing_) go_on_clearing();
}

// --- the queue ----------------------------------------------------------------------------------

void Blocks::enqueue(Job job) {
  if (jobs_.size() >= kBlockChangesWaitingMax) {
    return job.refuse({ErrorKind::limit,
                       fmt::format("blocks: {} changes wait already", jobs_.size()),
                       "try again later"});
  }
  jobs_.push_back(std::move(job));
  run_next();
}

void Blocks::run_next() {
  if (std::exchange(is_running_, true)) return;  // the loop below goes on with the next
  while (!is_busy_ && is_certain_ && !jobs_.empty()) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    is_busy_ = true;
    job.run();
  }
  is_running_ = false;
}

/// `is_certain`: it is known whether the wire process obeys what it was sent.
void Blocks::finish(bool is_certain) {
  is_busy_ = false;
  is_certain_ = is_certain_ && is_certain;
  run_next();
}

void Blocks::give_up_late(TimeNs now) {
  while (!jobs_.empty() && now > jobs_.front().asked + kWaitingMax) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    job.refuse({ErrorKind::unavailable,
                fmt::format("blocks: the wire process did not get to it within {} s",
                            kWaitingMax / kNsPerSecond)});
  }
}

Result<BlockReceipt> Blocks::receipt_of(const Result<SealedView>& body, std::size_t added) const {
  if (!body) return tl::unexpected<Error>(body.error());
  auto receipt = decode_as<BlockReceipt>(body->bytes());
  if (!receipt) return tl::unexpected<Error>(receipt.error());
  const bool is_whole = receipt->slots.size() == added &&
                        std::ranges::all_of(receipt->slots, [this](std::uint32_t slot) {
                          return slot < set_.capacity();
                        });
  if (is_whole) return receipt;
  return fail(ErrorKind::internal, "blocks: the wire process answered for other blocks");
}

// --- the whole set ------------------------------------------------------------------------------

void Blocks::send_all() {
  is_busy_ = true;
  whole_.emplace();
}

void Blocks::go_on_sending() {
  if (whole_->step() == WholeSet::Step::copying) {
    auto body = whole_->copy(set_);
    if (!body) return end_sending(tl::unexpected<Error>(body.error()));
    if (!*body) return;
    return keeper_.request(RequestKind::change_blocks, std::move(**body),
                           [this](Result<SealedView> reply) { take_whole(std::move(reply)); });
  }
  if (whole_->step() == WholeSet::Step::waiting) return;
  const auto is_over = whole_->pass_on(
      set_, [this](BlockSet::Entry& entry, std::uint32_t slot) { watch_slot(entry, slot); });
  if (!is_over) return end_sending(tl::unexpected<Error>(is_over.error()));
  if (*is_over) end_sending({});
}

void Blocks::take_whole(Result<SealedView> reply) {
  if (auto taken = whole_->take(std::move(reply)); !taken) return end_sending(taken);
  go_on_sending();
}

void Blocks::end_sending(const Status& result) {
  whole_.reset();
  is_certain_ = result.has_value();
  if (!result) {
    send_all_at_ = options_.clock.now() + kSendAllInterval;
    log(LogLevel::warning,
        fmt::format("blocks: not taken as a whole, tried again: {}", result.error().message));
  }
  finish(is_certain_);
}

// --- adding -------------------------------------------------------------------------------------

void Blocks::add(std::vector<BlockRequest> requests, const std::string& owner,
                 Done<std::vector<BlockAdded>> done) {
  if (requests.empty() || requests.size() > kBlocksPerRequestMax) {
    return done(fail(ErrorKind::invalid, fmt::format("blocks: {} at once: 1 to {} would do",
                                                     requests.size(), kBlocksPerRequestMax)));
  }
  const TimeNs now = options_.clock.now();
  auto addition = std::make_shared<Addition>(
      Addition{std::move(requests), owner.substr(0, kBlockOwnerBytesMax), now, 0, std::move(done)});
  enqueue({.asked = now,
           .run = [this, addition] { run_addition(addition); },
           .refuse = [addition](const Error& error) { addition->done(tl::unexpected(error)); }});
}

Status Blocks::check_room(const std::vector<BlockRequest>& requests) const {
  const auto more = static_cast<std::size_t>(std::ranges::count_if(
      requests, [this](const BlockRequest& one) { return set_.find(one.target) == nullptr; }));
  const std::size_t room = set_.capacity() - set_.size();
  if (more <= room) return {};
  return fail(ErrorKind::limit,
              fmt::format("blocks: {} more do not fit: there is room for {} of blocks.capacity {}",
                          more, room, set_.capacity()),
              "see 'blocks list', or raise blocks.capacity and restart");
}

Status Blocks::check_lengths(const std::vector<BlockRequest>& requests) const {
  BlockLengths used[] = {set_.lengths(4), set_.lengths(6)};
  for (const BlockRequest& request : requests) {
    if (!is_network(request.target)) continue;
    BlockLengths& lengths = used[request.target.version == 4 ? 0 : 1];
    if (!lengths[request.target.length] && lengths.count() >= kBlockLengthsMax) {
      return fail(
          ErrorKind::limit,
          fmt::format("blocks: {} would be one prefix length more of IPv{} than the {} that "
                      "can be in use: {}",
                      to_string(request.target), request.target.version, kBlockLengthsMax,
                      lengths_text(lengths)),
          "use one of these lengths, or single addresses");
    }
    lengths.set(request.target.length);
  }
  return {};
}

void Blocks::run_addition(const std::shared_ptr<Addition>& addition) {
  BlockChanges changes;
  set_.expire(options_.clock.now(), kExpiredPerPiece);
  addition->first_id = next_id_;
  for (const BlockRequest& request : addition->requests) {
    changes.added.push_back(
        block_entry(request.target, next_id_++, addition->asked + request.duration));
  }
  Status fits = check_room(addition->requests);
  if (fits) fits = check_lengths(addition->requests);
  if (!fits) {
    addition->done(tl::unexpected<Error>(fits.error()));
    return finish(true);
  }
  keeper_.request(RequestKind::change_blocks, encode(changes),
                  [this, addition](const auto& body) { take_added(*addition, body); });
}

void Blocks::take_added(Addition& addition, const Result<SealedView>& body) {
  const auto receipt = receipt_of(body, addition.requests.size());
  if (!receipt) {
    addition.done(tl::unexpected<Error>(receipt.error()));
    return finish(false);
  }
  BlockRecord record;
  std::vector<BlockAdded> answer;
  for (std::size_t i = 0; i < addition.requests.size(); ++i) {
    BlockRequest& request = addition.requests[i];
    Block block{.id = addition.first_id + i,
                .target = request.target,
                .until = addition.asked + request.duration,
                .created = addition.asked,
                .owner = addition.owner,
                .reason = std::move(request.reason)};
    BlockAdded added{block.id, block.target, block.until, {}, is_let_through(block.target)};
    if (const BlockSet::Entry* older = set_.find(block.target)) {
      added.replaced = older->id;
      record.removed.push_back(older->id);
    }
    if (set_.insert(block)) watch_slot(*set_.find(block.id), receipt->slots[i]);
    answer.push_back(added);
    record.added.push_back(std::move(block));
  }
  journal_.append(record);
  addition.done(std::move(answer));
  finish(true);
}

bool Blocks::is_let_through(const BlockTarget& target) const {
  if (!options_.is_allowed) return false;
  if (target.kind == BlockKind::source) return options_.is_allowed(source_of(target));
  const auto is_allowed = [this](const IpAddress& end) {
    return options_.is_allowed({end, static_cast<std::uint8_t>(end.bits())});
  };
  return is_allowed(low_end_of(target)) && is_allowed(high_end_of(target));
}

// --- removing -----------------------------------------------------------------------------------

void Blocks::remove(BlockRemoval removal, Done<std::uint64_t> done) {
  auto asked = std::make_shared<Removal>(Removal{std::move(removal), {}, std::move(done)});
  enqueue({.asked = options_.clock.now(),
           .run = [this, asked] { run_removal(asked); },
           .refuse = [asked](const Error& error) { asked->done(tl::unexpected(error)); }});
}

Result<std::vector<std::uint64_t>> Blocks::ids_of(const BlockRemoval& removal) {
  const BlockSet::Entry* entry = nullptr;
  if (removal.id) entry = set_.find(*removal.id);
  if (removal.target) entry = set_.find(*removal.target);
  if (entry != nullptr) return std::vector<std::uint64_t>{entry->id};
  const std::string place = removal.id
                                ? fmt::format("id: no block {}", *removal.id)
                                : fmt::format("what: no block of {}", to_string(*removal.target));
  return fail(ErrorKind::not_found, place + " is in force", "see 'blocks list'");
}

void Blocks::run_removal(const std::shared_ptr<Removal>& removal) {
  BlockChanges changes;
  changes.replaces_all = !removal->what.id && !removal->what.target;
  if (!changes.replaces_all) {
    auto ids = ids_of(removal->what);
    if (!ids) {
      removal->done(tl::unexpected<Error>(ids.error()));
      return finish(true);
    }
    changes.removed = removal->ids = std::move(*ids);
  }
  keeper_.request(RequestKind::change_blocks, encode(changes),
                  [this, removal](const auto& body) { take_removed(removal, body); });
}

void Blocks::take_removed(const std::shared_ptr<Removal>& removal, const Result<SealedView>& body) {
  if (const auto receipt = receipt_of(body, 0); !receipt) {
    removal->done(tl::unexpected<Error>(receipt.error()));
    return finish(false);
  }
  if (removal->ids.empty()) {
    removal->removed = set_.size();
    journal_.append({.clears = true, .removed = {}, .added = {}});
    clearing_ = removal;
    return go_on_clearing();
  }
  for (const std::uint64_t id : removal->ids) removal->removed += set_.remove(id) ? 1 : 0;
  journal_.append({.clears = false, .removed = removal->ids, .added = {}});
  removal->done(removal->removed);
  finish(true);
}

void Blocks::go_on_clearing() {
  if (!set_.clear_some(kClearedPerPiece)) return;
  const auto removal = std::exchange(clearing_, nullptr);
  removal->done(removal->removed);
  finish(true);
}

}  // namespace sluice
