#include "dataplane/window_memory.h"

#include <cerrno>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr int kSizeSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

tl::unexpected<Error> cannot(ErrorKind kind, const char* what) {
  return fail(kind, fmt::format("window: cannot {}: {}", what, std::strerror(errno)));
}

Result<OwnedFd> make_segment(const char* name, std::size_t bytes) {
  auto memfd = make_memfd(name);
  if (memfd && ftruncate(memfd->fd(), static_cast<off_t>(bytes)) != 0) {
    return cannot(ErrorKind::limit, "size its memory");
  }
  return memfd;
}

}  // namespace

Status map_tails(void* segment, std::size_t workers, int tails_fd, int protection) {
  struct stat status {};
  if (fstat(tails_fd, &status) != 0) return cannot(ErrorKind::io, "look at the tails");
  const std::size_t pages = workers * kTailOffsets.size();
  if (static_cast<std::size_t>(status.st_size) < pages * kWindowPage) {
    return fail(ErrorKind::invalid, fmt::format("window: {} bytes of tails instead of {}",
                                                status.st_size, pages * kWindowPage));
  }
  for (std::size_t page = 0; page < pages; ++page) {
    void* place = static_cast<std::byte*>(segment) + tail_page_offset(page);
    if (mmap(place, kWindowPage, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, tails_fd,
             static_cast<off_t>(page * kWindowPage)) == MAP_FAILED) {
      return cannot(ErrorKind::io, "map the tails");
    }
  }
  return {};
}

// The mapping that is there when the seal is set is the last one that can write.
Status WindowMemory::make_segments(const Sizes& sizes) {
  auto window = make_segment("sluice-window",
                             segment_bytes(sizes.workers, sizes.block_capacity, sizes.rule_slots));
  if (!window) return tl::unexpected<Error>(window.error());
  auto tails = make_segment("sluice-tails", tails_bytes(sizes.workers, sizes.block_capacity));
  if (!tails) return tl::unexpected<Error>(tails.error());
  window_fd_ = std::move(*window);
  tails_fd_ = std::move(*tails);
  if (auto mapped = map_window(sizes); !mapped) return mapped;
  if (fcntl(window_fd_.fd(), F_ADD_SEALS, kSizeSeals | F_SEAL_FUTURE_WRITE) != 0 ||
      fcntl(tails_fd_.fd(), F_ADD_SEALS, kSizeSeals) != 0) {
    return cannot(ErrorKind::unavailable, "seal its memory, which takes Linux 5.1 or newer");
  }
  return {};
}

// All of it is there at once but the part of the rules, whose pages come as slots are given out.
Status WindowMemory::map_window(const Sizes& sizes) {
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  bytes_ = segment_bytes(sizes.workers, sizes.block_capacity, sizes.rule_slots);
  void* memory = mmap(nullptr, bytes_, kProtection, MAP_SHARED, window_fd_.fd(), 0);
  if (memory == MAP_FAILED) return cannot(ErrorKind::limit, "map its memory");
  memory_ = memory;
  const std::size_t populated = window_bytes(sizes.workers, sizes.block_capacity);
  if (mmap(memory, populated, kProtection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, window_fd_.fd(),
           0) == MAP_FAILED) {
    return cannot(ErrorKind::limit, "map its memory");
  }
  return {};
}

void WindowMemory::lay_out(const Sizes& sizes) {
  auto* header = new (memory_) WindowHeader;
  header->workers = static_cast<std::uint32_t>(sizes.workers);
  header->block_capacity = sizes.block_capacity;
  header->rule_slots = sizes.rule_slots;
  auto* next = static_cast<std::byte*>(memory_) + sizeof(WindowHeader);
  for (std::size_t i = 0; i < sizes.workers; ++i, next += sizeof(WorkerWindow)) {
    windows_.push_back(new (next) WorkerWindow);
  }
  for (std::size_t i = 0; i < sizes.workers; ++i) {
    const std::size_t offset = block_hits_offset(sizes.workers, i, sizes.block_capacity);
    auto* first = static_cast<std::byte*>(memory_) + offset;
    block_hits_.emplace_back(reinterpret_cast<std::atomic<std::uint32_t>*>(first),
                             sizes.block_capacity);
  }
}

void WindowMemory::lay_out_rules(const Sizes& sizes) {
  auto* const memory = static_cast<std::byte*>(memory_);
  const std::size_t directory = rule_directory_offset(sizes.workers, sizes.block_capacity);
  if (sizes.rule_slots != 0) {
    rule_directory_ = {reinterpret_cast<std::atomic<std::uint32_t>*>(memory + directory),
                       sizes.rule_slots};
  }
  for (std::size_t i = 0; i < sizes.workers; ++i) {
    const std::size_t offset =
        rule_counts_offset(sizes.workers, i, sizes.block_capacity, sizes.rule_slots);
    auto* const first = reinterpret_cast<RuleCounts*>(memory + offset);
    if (sizes.rule_slots != 0) new (first + kNoRuleSlot) RuleCounts;
    rule_counts_.emplace_back(first, sizes.rule_slots);
  }
}

Result<std::unique_ptr<WindowMemory>> WindowMemory::create(std::size_t workers,
                                                           std::uint32_t block_capacity,
                                                           std::uint32_t rule_slots) {
  const Sizes sizes{workers, block_capacity, rule_slots};
  std::unique_ptr<WindowMemory> made(new WindowMemory);
  if (auto done = made->make_segments(sizes); !done) return tl::unexpected<Error>(done.error());
  made->lay_out(sizes);
  made->lay_out_rules(sizes);
  if (auto done = map_tails(made->memory_, workers, made->tails_fd_.fd(), PROT_READ); !done) {
    return tl::unexpected<Error>(done.error());
  }
  return made;
}

WindowMemory::~WindowMemory() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

}  // namespace sluice
