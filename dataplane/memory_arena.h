// Memory of the tables that workers own: allocated once at start, on the worker's NUMA node, from
// hugepages where they can be had, and never grown. Zeroed. Start-up only; not a worker's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace sluice {

struct ArenaOptions {
  bool hugepages = false;  ///< try 2 MiB pages first, fall back to ordinary ones
  int numa_node = -1;      ///< -1 = wherever the calling thread runs
};

/// Owns mappings; everything is unmapped when the arena goes.
class MemoryArena {
 public:
  explicit MemoryArena(ArenaOptions options = {}) noexcept : options_(options) {}
  ~MemoryArena();
  MemoryArena(const MemoryArena&) = delete;
  MemoryArena& operator=(const MemoryArena&) = delete;

  /// `bytes` zeroed bytes aligned to a page; limit where the host has not so much.
  [[nodiscard]] Result<void*> allocate(std::size_t bytes);

  template <class T>
  [[nodiscard]] Result<std::span<T>> allocate_array(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T> || std::is_trivially_destructible_v<T>);
    auto memory = allocate(count * sizeof(T));
    if (!memory) return tl::unexpected<Error>(memory.error());
    return std::span<T>(static_cast<T*>(*memory), count);
  }

  [[nodiscard]] std::size_t bytes_mapped() const noexcept { return bytes_mapped_; }
  [[nodiscard]] std::size_t bytes_in_hugepages() const noexcept { return bytes_in_hugepages_; }

 private:
  struct Mapping {
    void* address;
    std::size_t bytes;
  };
  ArenaOptions options_;
  std::vector<Mapping> mappings_;
  std::size_t bytes_mapped_ = 0;
  std::size_t bytes_in_hugepages_ = 0;
};

}  // namespace sluice
