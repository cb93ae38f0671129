#include "control/respond/journal_sync.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace sluice {
namespace {

bool sync_directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const OwnedFd opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.is_open() && fsync(opened.fd()) == 0;
}

Status put_in_place(int file, const std::string& from, const std::string& to) {
  if (fdatasync(file) == 0 && rename(from.c_str(), to.c_str()) == 0) return {};
  return fail(ErrorKind::io, fmt::format("{}: cannot be written: {}", to, strerror(errno)));
}

}  // namespace

JournalSync::~JournalSync() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wakes_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void JournalSync::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wakes_.notify_one();
}

void JournalSync::sync(File file) {
  {
    const std::lock_guard lock(mutex_);
    to_sync_ = std::move(file);
  }
  start();
}

void JournalSync::replace(File file, std::string from, std::string to) {
  {
    const std::lock_guard lock(mutex_);
    to_replace_ = Replacement{std::move(file), std::move(from), std::move(to)};
    replaced_.reset();
  }
  start();
}

void JournalSync::close(File file) {
  if (file == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    to_close_.push_back(std::move(file));
  }
  start();
}

std::optional<Status> JournalSync::take_replaced() {
  const std::lock_guard lock(mutex_);
  return std::exchange(replaced_, std::nullopt);
}

void JournalSync::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wakes_.wait(lock, [this] {
      return to_sync_ != nullptr || to_replace_ || !to_close_.empty() || is_ending_;
    });
    File file = std::exchange(to_sync_, nullptr);
    auto replacement = std::exchange(to_replace_, std::nullopt);
    std::vector<File> closing = std::exchange(to_close_, {});
    if (file == nullptr && !replacement && closing.empty()) return;
    lock.unlock();
    closing.clear();
    if (file != nullptr && fdatasync(file->fd()) != 0) ++failures_;
    file.reset();
    std::optional<Status> done;
    if (replacement) {
      done = put_in_place(replacement->file->fd(), replacement->from, replacement->to);
      // It has its new name already: this is no reason to go on with the old file.
      if (*done && !sync_directory_of(replacement->to)) ++failures_;
      replacement.reset();
    }
    lock.lock();
    if (done) replaced_ = std::move(done);
  }
}

}  // namespace sluice
