// A seccomp filter as it is put together: what is answered to which system call. Part of the door:
// no DPDK here. Used once per filter, at the start of a process or thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <seccomp.h>

#include "base/result.h"

namespace sluice {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHasSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kHasSanitizer =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kHasSanitizer = false;
#endif

class SyscallFilter {
 public:
  /// `otherwise`, `action`: SCMP_ACT_*.
  explicit SyscallFilter(std::uint32_t otherwise);

  /// For all threads of the process instead of the calling one.
  void cover_all_threads();
  /// What is not allowed is logged by the kernel, where it can.
  void log_refusals();
  void answer(std::uint32_t action, std::span<const int> calls);
  /// Only where the argument is as `condition` says.
  void answer_where(std::uint32_t action, int call, const scmp_arg_cmp& condition);
  /// In force from here on, for good, in children too. Errors: unavailable, where the kernel has no
  /// seccomp or anything above went wrong.
  [[nodiscard]] Status load();

 private:
  struct Release {
    void operator()(void* filter) const noexcept { seccomp_release(filter); }
  };
  std::unique_ptr<void, Release> filter_;
  int error_ = 0;
};

}  // namespace sluice
