#include "dataplane/wire_seccomp.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include <sys/mman.h>

#include <fmt/format.h>
#include <seccomp.h>

namespace sluice {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasSanitizer = true;
#elif defined(__has_feature)
constexpr bool kHasSanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kHasSanitizer = false;
#endif

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

struct Release {
  void operator()(void* filter) const noexcept { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

Status load(const Filter& filter, int error) {
  if (error == 0) error = seccomp_load(filter.get());
  if (error == 0) return {};
  return fail(ErrorKind::unavailable,
              fmt::format("system calls could not be restricted: {}", std::strerror(-error)),
              "a kernel with CONFIG_SECCOMP_FILTER");
}

// A call that this machine does not have cannot be made: nothing to add.
int add_all(const Filter& filter, std::uint32_t action, std::span<const int> calls) {
  for (const int call : calls) {
    const int error = seccomp_rule_add(filter.get(), action, call, 0);
    if (error != 0 && error != -EDOM) return error;
  }
  return 0;
}

}  // namespace

Status confine_process() {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  if (filter == nullptr) return load(filter, -ENOMEM);
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  // Not every kernel can log; that is no reason to go without a filter.
  static_cast<void>(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1));
  if (error == 0) error = add_all(filter, SCMP_ACT_ERRNO(EPERM), kRefusedToAll);
  // The leak sanitizer traces the threads of its own process.
  if (error == 0 && !kHasSanitizer) {
    error = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);
  }
  return load(filter, error);
}

Status confine_worker_thread() {
  const Filter filter(seccomp_init(kHasSanitizer ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS));
  if (filter == nullptr) return load(filter, -ENOMEM);
  int error = add_all(filter, SCMP_ACT_ALLOW, kAllowedToWorkers);
  const scmp_arg_cmp cannot_run{
      .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    if (error != 0) break;
    error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &cannot_run);
  }
  return load(filter, error);
}

}  // namespace sluice
