#include "dataplane/wire_seccomp.h"

#include <array>
#include <cerrno>

#include <sys/mman.h>

#include "dataplane/syscall_filter.h"

namespace sluice {
namespace {

// By what they would allow. `bpf` is not among them: ports of the kind af_xdp take their program
// off again when they are closed.
constexpr int kRefusedToAll[] = {
    // code in the kernel, another kernel
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    // another view of the file system
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(quotactl),
    SCMP_SYS(acct),
    // other processes' memory
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    // keys, clocks, names
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(personality),
};

constexpr int kAllowedToWorkers[] = {
    // frames: packet sockets, AF_XDP wake-ups, tap devices
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    // time and waiting
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getcpu),
    SCMP_SYS(membarrier),
    SCMP_SYS(restart_syscall),
    // memory that is given back, or taken for data (see below)
    SCMP_SYS(munmap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    // the end of the thread, or of the process where an invariant does not hold
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(tgkill),
};

}  // namespace

Status confine_process() {
  SyscallFilter filter(SCMP_ACT_ALLOW);
  filter.cover_all_threads();
  filter.log_refusals();
  filter.answer(SCMP_ACT_ERRNO(EPERM), kRefusedToAll);
  // The leak sanitizer traces the threads of its own process.
  if (!kHasSanitizer) filter.answer(SCMP_ACT_ERRNO(EPERM), std::array{SCMP_SYS(ptrace)});
  return filter.load();
}

Status confine_worker_thread() {
  SyscallFilter filter(kHasSanitizer ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
  filter.answer(SCMP_ACT_ALLOW, kAllowedToWorkers);
  const scmp_arg_cmp cannot_run{
      .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    filter.answer_where(SCMP_ACT_ALLOW, call, cannot_run);
  }
  return filter.load();
}

}  // namespace sluice
