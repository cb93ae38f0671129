#include "control/control_seccomp.h"

#include <array>
#include <cerrno>
#include <cstdint>

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/syscall_filter.h"

namespace sluice {
namespace {

constexpr std::uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);

constexpr int kRefused[] = {
    // signals: pidfds of others cannot be told from those of children
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_send_signal),
    // what others of the same user get of the processor and of memory
    SCMP_SYS(setpriority),
    SCMP_SYS(ioprio_set),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
    // only ports of the kind af_xdp need it
    SCMP_SYS(bpf),
};

/// Of a process by its number, the first argument.
constexpr int kOnlyOfOneself[] = {
    SCMP_SYS(prlimit64),      SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setscheduler),
    SCMP_SYS(sched_setparam), SCMP_SYS(sched_setattr),
};

/// The leak sanitizer stops and goes on with threads of its own process.
constexpr int kRefusedWithoutSanitizer[] = {
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(ptrace),
};

/// The kernel looks at 32 bits of such an argument: what stands above does not matter.
constexpr scmp_arg_cmp is_word(unsigned argument, int value) {
  return {.arg = argument,
          .op = SCMP_CMP_MASKED_EQ,
          .datum_a = 0xffff'ffff,
          .datum_b = static_cast<std::uint32_t>(value)};
}
constexpr scmp_arg_cmp is_not(unsigned argument, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_NE, .datum_a = value, .datum_b = 0};
}

/// A descriptor can be told to send any signal to anybody.
void refuse_signals_of_descriptors(SyscallFilter& filter) {
  for (const int command : {F_SETOWN, F_SETOWN_EX, F_SETSIG}) {
    filter.answer_where(kRefuse, SCMP_SYS(fcntl), is_word(1, command));
  }
  for (const int request : {FIOSETOWN, SIOCSPGRP}) {
    filter.answer_where(kRefuse, SCMP_SYS(ioctl), is_word(1, request));
  }
}

}  // namespace

Status confine_control() {
  SyscallFilter filter(SCMP_ACT_ALLOW);
  filter.log_refusals();
  filter.answer(kRefuse, kRefused);
  for (const int call : kOnlyOfOneself) filter.answer_where(kRefuse, call, is_not(0, 0));
  refuse_signals_of_descriptors(filter);
  if (!kHasSanitizer) {
    filter.answer(kRefuse, kRefusedWithoutSanitizer);
    // abort() and the library's own signals go to a thread of this process.
    filter.answer_where(kRefuse, SCMP_SYS(tgkill), is_not(0, static_cast<std::uint64_t>(getpid())));
  }
  filter.answer_where(kRefuse, SCMP_SYS(madvise), is_word(2, MADV_REMOVE));
  filter.answer_where(kRefuse, SCMP_SYS(fallocate),
                      {.arg = 1,
                       .op = SCMP_CMP_MASKED_EQ,
                       .datum_a = FALLOC_FL_PUNCH_HOLE,
                       .datum_b = FALLOC_FL_PUNCH_HOLE});
  return filter.load();
}

}  // namespace sluice
