// A new file is written while changes go on. Blocks are copied in the order of their ids, some in
// each turn; a change in between goes to the old file as ever, and of it to the new one what
// concerns the blocks copied so far: ids that were removed. An added block has an id above all
// others, and is copied when its turn comes. Once all are copied changes go to both files, until
// the helper thread has put the new one in the old one's place. At every moment the file under the
// journal's name is whole.
#include "control/respond/block_journal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"

namespace sluice {
namespace {

constexpr DurationNs kRetryInterval = kNsPerSecond;
constexpr DurationNs kRewriteRetryInterval = 5 * kNsPerSecond;
constexpr std::size_t kPendingBytesMax = 1U << 20;
constexpr off_t kLargeBytes = 1 << 20;  // of some ten thousand blocks
constexpr std::uint64_t kRewriteBytesMin = 1U << 20;
/// So many ids at most are in a stretch that cannot be read.
constexpr std::size_t kBlockBytesMin = 64;
constexpr std::size_t kBlocksPerRecord = 256;
/// A million blocks with the longest texts, and as much again that is dead.
constexpr off_t kFileBytesMax = off_t{2} << 30;

tl::unexpected<Error> failed(const std::string& path, const char* what, int error) {
  return fail(ErrorKind::io, fmt::format("{}: cannot be {}: {}", path, what, strerror(error)));
}

struct FileBytes {
  std::unique_ptr<std::byte[]> data;
  std::size_t size = 0;
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data.get(), size}; }
};

Result<FileBytes> read_file(int fd, const std::string& path) {
  const off_t size = lseek(fd, 0, SEEK_END);
  if (size < 0) return failed(path, "read", errno);
  if (size > kFileBytesMax) {
    return fail(ErrorKind::invalid, fmt::format("{}: has {} bytes: no journal of blocks has more "
                                                "than {}",
                                                path, size, kFileBytesMax));
  }
  FileBytes file;
  file.size = static_cast<std::size_t>(size);
  file.data = std::make_unique_for_overwrite<std::byte[]>(file.size);
  for (std::size_t read = 0; read < file.size;) {
    const ssize_t got =
        pread(fd, file.data.get() + read, file.size - read, static_cast<off_t>(read));
    if (got <= 0) return failed(path, "read", got == 0 ? EIO : errno);
    read += static_cast<std::size_t>(got);
  }
  return file;
}

/// Carries a record out on the set. What there is no room for, or has run out, is left out.
class Replay {
 public:
  Replay(BlockSet& set, TimeNs now) noexcept : set_(set), now_(now) {}

  void operator()(const BlockRecord& record) {
    if (record.clears) set_.clear();
    for (const std::uint64_t id : record.removed) set_.remove(id);
    for (const Block& block : record.added) {
      if (block.until <= now_) continue;
      left_out_ += set_.insert(block) ? 0 : 1;
    }
  }
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

 private:
  BlockSet& set_;
  TimeNs now_;
  std::uint64_t left_out_ = 0;
};

}  // namespace

BlockJournal::BlockJournal(const std::string& state_dir) : path_(state_dir + "/blocks.journal") {}

// --- start --------------------------------------------------------------------------------------

/// Never through a link, never a pipe that would block.
Result<BlockJournal::Output> BlockJournal::open_file(const std::string& path, int flags) const {
  OwnedFd file(open(path.c_str(),
                    flags | O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                    0640));
  if (!file.is_open()) return failed(path, "opened", errno);
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return failed(path, "opened", errno);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::invalid, fmt::format("{}: is not a regular file", path));
  }
  return Output{std::make_shared<const OwnedFd>(std::move(file)),
                static_cast<std::uint64_t>(status.st_size), 0};
}

bool BlockJournal::is_large() const noexcept {
  struct stat status {};
  return lstat(path_.c_str(), &status) == 0 && status.st_size > kLargeBytes;
}

std::uint64_t BlockJournal::load(BlockSet& set, TimeNs now) {
  auto file = open_file(path_, 0);
  if (!file) {
    note_failure(file.error());
    needs_rewrite_ = true;
    return 1;
  }
  current_ = std::move(*file);
  return read_into(set, now);
}

std::uint64_t BlockJournal::read_into(BlockSet& set, TimeNs now) {
  const auto content = read_file(current_.file->fd(), path_);
  if (!content) {
    note_failure(content.error());
    keep_damaged();
    current_ = {};
    needs_rewrite_ = true;
    return 1;
  }
  Replay replay(set, now);
  const JournalScan scan =
      scan_journal(content->bytes(), [&replay](const BlockRecord& record) { replay(record); });
  current_.entries = scan.added + scan.removed;
  if (replay.left_out() != 0) {
    log(LogLevel::warning, fmt::format("blocks: {} of {} are not in force: blocks.capacity is {}, "
                                       "and {} prefix lengths of IPv4 and IPv6 each are the most",
                                       replay.left_out(), path_, set.capacity(), kBlockLengthsMax));
  }
  if (auto ready = go_on_after(scan); !ready) {
    note_failure(ready.error());
    needs_rewrite_ = true;
  }
  return scan.next_id + scan.damaged_bytes / kBlockBytesMin;
}

/// Leaves a file that takes another record behind the last whole one.
Status BlockJournal::go_on_after(const JournalScan& scan) {
  if (scan.damaged_bytes != 0) {
    log(LogLevel::error,
        fmt::format("blocks: {}: {} bytes are damaged and were passed over: changes in them are "
                    "lost; the file is kept as {}.bad",
                    path_, scan.damaged_bytes, path_));
    keep_damaged();
    needs_rewrite_ = true;
    return {};
  }
  if (scan.torn_bytes != 0) {
    log(LogLevel::notice, fmt::format("blocks: {}: the last {} bytes were cut off: a change was "
                                      "not written to its end",
                                      path_, scan.torn_bytes));
  }
  if (ftruncate(current_.file->fd(), static_cast<off_t>(scan.whole_bytes)) != 0) {
    return failed(path_, "written", errno);
  }
  current_.bytes = scan.whole_bytes;
  if (scan.has_header) return {};
  return write_to(current_, encode_journal_header(scan.next_id));
}

/// Under a second name: the file stays where it is until a new one takes its place.
void BlockJournal::keep_damaged() {
  const std::string kept = path_ + ".bad";
  unlink(kept.c_str());
  if (link(path_.c_str(), kept.c_str()) == 0) return;
  log(LogLevel::error, fmt::format("blocks: {}: cannot be written: {}", kept, strerror(errno)));
}

// --- writing ------------------------------------------------------------------------------------

/// All of `bytes`, or an error and the file as before.
Status BlockJournal::write_to(Output& output, const std::vector<std::byte>& bytes) {
  const ssize_t written = write(output.file->fd(), bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) {
    output.bytes += bytes.size();
    return {};
  }
  const int error = written < 0 ? errno : ENOSPC;
  if (written > 0 && ftruncate(output.file->fd(), static_cast<off_t>(output.bytes)) != 0) {
    return failed("blocks.journal", "cut", errno);
  }
  return failed("blocks.journal", "written", error);
}

void BlockJournal::append(const BlockRecord& record) {
  append_to_rewrite(record);
  if (current_.file == nullptr) return;  // the new file will say it
  const auto bytes = encode_record(record);
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  pending_entries_ += record.added.size() + record.removed.size();
  // While the file fails, `turn` tries: many changes must not become as many failing writes.
  if (!error_) write_pending();
  if (pending_.size() <= kPendingBytesMax) return;
  pending_ = {};
  pending_entries_ = 0;
  needs_rewrite_ = true;
}

void BlockJournal::write_pending() {
  if (pending_.empty()) return;
  if (auto written = write_to(current_, pending_); !written) return note_failure(written.error());
  current_.entries += std::exchange(pending_entries_, 0);
  pending_.clear();
  sync_.sync(current_.file);
  if (!error_ || needs_rewrite_) return;
  error_.reset();
  log(LogLevel::notice, fmt::format("blocks: writing {} again", path_));
}

void BlockJournal::note_failure(const Error& error) {
  ++failures_;
  if (!error_) {
    log(LogLevel::error,
        fmt::format("{}: blocks are in force, and would be lost by a restart", error.message));
  }
  error_ = error;
}

Status BlockJournal::status() const {
  if (error_) return tl::unexpected<Error>(*error_);
  if (!needs_rewrite_) return {};
  return fail(ErrorKind::io, fmt::format("{}: is being written anew", path_));
}

void BlockJournal::turn(const BlockSet& set, std::uint64_t next_id, TimeNs now) {
  if (sync_.failures() != std::exchange(syncs_failed_, sync_.failures())) needs_rewrite_ = true;
  if (rewrite_) return go_on_rewriting(set, now);
  if (now >= retry_at_ && current_.file != nullptr) {
    retry_at_ = now + kRetryInterval;
    write_pending();
  }
  if (now >= rewrite_at_ && (needs_rewrite_ || is_mostly_dead(set))) start_rewrite(next_id, now);
}

// --- the new file -------------------------------------------------------------------------------

bool BlockJournal::is_mostly_dead(const BlockSet& set) const noexcept {
  return current_.bytes > kRewriteBytesMin && current_.entries > 2 * set.size();
}

void BlockJournal::start_rewrite(std::uint64_t next_id, TimeNs now) {
  const std::string fresh = path_ + ".new";
  unlink(fresh.c_str());
  auto output = open_file(fresh, O_EXCL);
  if (!output) return give_up_rewrite(output.error(), now);
  rewrite_ = std::make_unique<Rewrite>();
  rewrite_->output = std::move(*output);
  if (auto written = write_to(rewrite_->output, encode_journal_header(next_id)); !written) {
    give_up_rewrite(written.error(), now);
  }
}

void BlockJournal::go_on_rewriting(const BlockSet& set, TimeNs now) {
  if (rewrite_->has_gap && !rewrite_->is_whole) {
    return give_up_rewrite({ErrorKind::io, path_ + ".new: cannot be written"}, now);
  }
  if (rewrite_->is_whole) {
    if (const auto result = sync_.take_replaced()) end_rewrite(*result, now);
    return;
  }
  BlockRecord record;
  record.added.reserve(kBlocksPerRecord);
  set.walk(rewrite_->last_id, [&](const BlockSet::Entry& entry) {
    record.added.push_back(set.block(entry));
    return record.added.size() < kBlocksPerRecord;
  });
  if (record.added.empty()) {
    rewrite_->is_whole = true;
    return sync_.replace(rewrite_->output.file, path_ + ".new", path_);
  }
  rewrite_->output.entries += record.added.size();
  rewrite_->last_id = record.added.back().id;
  if (auto written = write_to(rewrite_->output, encode_record(std::move(record))); !written) {
    give_up_rewrite(written.error(), now);
  }
}

void BlockJournal::append_to_rewrite(const BlockRecord& record) {
  if (!rewrite_ || (!rewrite_->is_whole && record.removed.empty() && !record.clears)) return;
  BlockRecord part{.clears = record.clears, .removed = record.removed, .added = {}};
  if (rewrite_->is_whole) part.added = record.added;
  if (auto written = write_to(rewrite_->output, encode_record(part)); !written) {
    // It may have its new name by now: whether it has, the helper thread will tell.
    rewrite_->has_gap = true;
    ++failures_;
    return;
  }
  rewrite_->output.entries += part.added.size() + part.removed.size();
}

void BlockJournal::end_rewrite(const Status& result, TimeNs now) {
  if (!result) return give_up_rewrite(result.error(), now);
  sync_.close(std::move(current_.file));
  current_ = std::move(rewrite_->output);
  needs_rewrite_ = rewrite_->has_gap;
  rewrite_.reset();
  pending_ = {};
  pending_entries_ = 0;
  rewrite_at_ = now + kRetryInterval;
  sync_.sync(current_.file);
  if (!error_ || needs_rewrite_) return;
  error_.reset();
  log(LogLevel::notice, fmt::format("blocks: {} is whole again", path_));
}

void BlockJournal::give_up_rewrite(const Error& error, TimeNs now) {
  unlink((path_ + ".new").c_str());
  if (rewrite_) sync_.close(std::move(rewrite_->output.file));
  rewrite_.reset();
  rewrite_at_ = now + kRewriteRetryInterval;
  if (needs_rewrite_) return note_failure(error);
  ++failures_;  // the old file goes on being right, only longer than it need be
  log(LogLevel::warning, fmt::format("blocks: {}", error.message));
}

}  // namespace sluice
