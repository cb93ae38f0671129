#include "dataplane/syscall_filter.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace sluice {

SyscallFilter::SyscallFilter(std::uint32_t otherwise)
    : filter_(seccomp_init(otherwise)), error_(filter_ == nullptr ? -ENOMEM : 0) {}

void SyscallFilter::cover_all_threads() {
  if (error_ == 0) error_ = seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
}

// Not every kernel can log; that is no reason to go without a filter.
void SyscallFilter::log_refusals() {
  if (error_ == 0) static_cast<void>(seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_LOG, 1));
}

// A call that this machine does not have cannot be made: nothing to add.
void SyscallFilter::answer(std::uint32_t action, std::span<const int> calls) {
  for (const int call : calls) {
    if (error_ != 0) return;
    const int error = seccomp_rule_add(filter_.get(), action, call, 0);
    if (error != -EDOM) error_ = error;
  }
}

void SyscallFilter::answer_where(std::uint32_t action, int call, const scmp_arg_cmp& condition) {
  if (error_ == 0) error_ = seccomp_rule_add_array(filter_.get(), action, call, 1, &condition);
}

Status SyscallFilter::load() {
  if (error_ == 0) error_ = seccomp_load(filter_.get());
  if (error_ == 0) return {};
  return fail(ErrorKind::unavailable,
              fmt::format("system calls could not be restricted: {}", std::strerror(-error_)),
              "a kernel with CONFIG_SECCOMP_FILTER");
}

}  // namespace sluice
