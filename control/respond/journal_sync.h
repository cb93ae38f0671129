// The thread that waits for the disk in the control thread's place: syncs a file after writes, and
// puts a new file in the place of an old one, and lets go of that. The methods belong to the
// control thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

class JournalSync {
 public:
  using File = std::shared_ptr<const OwnedFd>;

  /// The thread starts with the first request, with the caller's signal mask.
  JournalSync() = default;
  /// Waits for what was asked for.
  ~JournalSync();
  JournalSync(const JournalSync&) = delete;
  JournalSync& operator=(const JournalSync&) = delete;

  /// Soon; requests that come while a sync runs share the next one.
  void sync(File file);
  /// Syncs `file`, which stands at `from`, renames it to `to` and syncs their directory. One at a
  /// time.
  void replace(File file, std::string from, std::string to);
  /// Closes it, which takes its time where that is what removes a large file from the disk.
  void close(File file);
  /// What became of it; nothing while it runs.
  [[nodiscard]] std::optional<Status> take_replaced();
  /// Syncs that failed, ever.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return failures_.load(std::memory_order_relaxed);
  }

 private:
  struct Replacement {
    File file;
    std::string from;
    std::string to;
  };
  void start();
  void run();

  std::mutex mutex_;
  std::condition_variable wakes_;
  File to_sync_;
  std::vector<File> to_close_;
  std::optional<Replacement> to_replace_;
  std::optional<Status> replaced_;
  bool is_ending_ = false;
  std::atomic<std::uint64_t> failures_{0};
  std::thread thread_;
};

}  // namespace sluice
