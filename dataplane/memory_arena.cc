#include "dataplane/memory_arena.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::size_t kHugepageBytes = 2U << 20;
constexpr std::size_t kSmallPageBytes = 4096;

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

void* map(std::size_t bytes, int extra_flags) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | extra_flags, -1, 0);
  return address == MAP_FAILED ? nullptr : address;
}

// A preference, not a demand: on a host without NUMA the call fails and nothing is lost.
void prefer_node(void* address, std::size_t bytes, int node) {
  if (node < 0 || node >= 64) return;
  const unsigned long mask = 1UL << node;
  syscall(SYS_mbind, address, bytes, MPOL_PREFERRED, &mask, 64UL, 0U);
}

}  // namespace

MemoryArena::~MemoryArena() {
  for (const Mapping& mapping : mappings_) munmap(mapping.address, mapping.bytes);
}

Result<void*> MemoryArena::allocate(std::size_t bytes) {
  if (bytes == 0) bytes = 1;
  const bool worth_hugepages = options_.hugepages && bytes >= kHugepageBytes / 2;
  std::size_t mapped = round_up(bytes, worth_hugepages ? kHugepageBytes : kSmallPageBytes);
  void* address = worth_hugepages ? map(mapped, MAP_HUGETLB) : nullptr;
  if (address != nullptr) {
    bytes_in_hugepages_ += mapped;
  } else {
    address = map(mapped, MAP_NORESERVE);
    if (address == nullptr) {
      return fail(ErrorKind::limit, fmt::format("cannot map {} bytes of table memory: {}", mapped,
                                                std::strerror(errno)));
    }
    if (mapped >= kHugepageBytes) madvise(address, mapped, MADV_HUGEPAGE);
  }
  prefer_node(address, mapped, options_.numa_node);
  mappings_.push_back({address, mapped});
  bytes_mapped_ += mapped;
  return address;
}

}  // namespace sluice
