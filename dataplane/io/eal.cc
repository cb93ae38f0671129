#include "dataplane/io/eal.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string_view>

#include <unistd.h>

#include <cap-ng.h>
#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <xdp/libxdp.h>

#include "base/check.h"

namespace sluice {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;
// Device and ring bookkeeping of EAL itself, on top of the pools.
constexpr std::uint64_t kEalOwnMegabytes = 64;

std::mutex first_message_mutex;
std::string first_message;

std::string_view without_prefix(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  for (const std::string_view prefix : {"EAL: ", "ETHDEV: ", "MBUF: ", "MEMPOOL: "}) {
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  }
  return line;
}

// EAL writes whole lines here instead of to stderr; only what may explain a failure is kept.
ssize_t remember_line(void*, const char* text, std::size_t size) {
  if (rte_log_cur_msg_loglevel() > static_cast<int>(RTE_LOG_WARNING)) {
    return static_cast<ssize_t>(size);
  }
  const std::string_view line = without_prefix({text, size});
  const std::lock_guard lock(first_message_mutex);
  if (first_message.empty()) first_message = line;
  return static_cast<ssize_t>(size);
}

FILE* open_log_filter() {
  cookie_io_functions_t functions{};
  functions.write = remember_line;
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream != nullptr) setvbuf(stream, nullptr, _IOLBF, BUFSIZ);
  return stream;
}

int drop_bpf_message(enum libbpf_print_level, const char*, va_list) { return 0; }
int drop_xdp_message(enum libxdp_print_level, const char*, va_list) { return 0; }

std::string file_prefix() { return fmt::format("sluice-{}", getpid()); }

std::filesystem::path runtime_parent() {
  const char* parent = geteuid() == 0 ? nullptr : std::getenv("XDG_RUNTIME_DIR");
  if (const char* of_systemd = std::getenv("RUNTIME_DIRECTORY")) parent = of_systemd;
  return std::filesystem::path(parent != nullptr ? parent
                               : geteuid() == 0  ? "/var/run"
                                                 : "/tmp") /
         "dpdk";
}

/// EAL makes a runtime directory even where it shares nothing. Ours goes, and those that processes
/// left which were killed.
void remove_runtime_directories() {
  constexpr std::string_view kOurs = "sluice-";
  std::error_code error;
  const std::filesystem::path parent = runtime_parent();
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kOurs)) continue;
    const pid_t owner = std::atoi(name.c_str() + kOurs.size());
    const bool is_alive = owner > 0 && (kill(owner, 0) == 0 || errno == EPERM);
    if (owner == getpid() || !is_alive) std::filesystem::remove_all(entry.path(), error);
  }
  std::filesystem::remove(parent, error);
}

std::vector<std::string> arguments(const EalOptions& options) {
  std::string cpus;
  for (const std::uint32_t cpu : options.control_cpus) {
    cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
  }
  std::vector<std::string> args = {
      "sluiced",        fmt::format("--lcores=0@({})", cpus), "--iova-mode=va",
      "--no-telemetry", "--file-prefix=" + file_prefix(),     "--log-level=warning"};
  if (options.hugepages) {
    args.emplace_back("--in-memory");
  } else {
    // No mbuf lies across two ordinary pages: one of 2,432 bytes takes a page of 4,096.
    const std::uint64_t megabytes = 2 * options.memory_bytes / kMegabyte + kEalOwnMegabytes;
    args.insert(args.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(megabytes)});
  }
  if (options.pci_devices.empty()) args.emplace_back("--no-pci");
  for (const std::string& device : options.pci_devices) args.insert(args.end(), {"-a", device});
  return args;
}

tl::unexpected<Error> explain_failure(const EalOptions& options, int code) {
  const std::string reason = take_eal_message();
  const std::string said = reason.empty() ? rte_strerror(code) : reason;
  if (code == ENOMEM || said.find("memory") != std::string::npos ||
      said.find("hugepage") != std::string::npos) {
    return fail(ErrorKind::limit, fmt::format("packet memory cannot be had: {}", said),
                options.hugepages ? "reserve hugepages: sysctl -w vm.nr_hugepages=512"
                                  : "lower memory.budget or memory.mbufs");
  }
  return fail(ErrorKind::unavailable, fmt::format("DPDK does not start: {}", said));
}

}  // namespace

std::string take_eal_message() {
  const std::lock_guard lock(first_message_mutex);
  return std::exchange(first_message, {});
}

Result<std::unique_ptr<Eal>> Eal::start(const EalOptions& options) {
  static bool was_started = false;
  SLUICE_CHECK(!was_started, "EAL starts once in a process");
  was_started = true;
  if (FILE* filter = open_log_filter()) rte_openlog_stream(filter);
  libbpf_set_print(drop_bpf_message);
  libxdp_set_print(drop_xdp_message);
  std::vector<std::string> args = arguments(options);
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  const int used = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  remove_runtime_directories();
  if (used < 0) return explain_failure(options, rte_errno);
  return std::unique_ptr<Eal>(new Eal);
}

// Capabilities belong to threads and cannot be taken from another one; alarms run on that thread.
void Eal::disarm_interrupt_thread() noexcept {
  static std::atomic<bool> is_done{false};
  const auto disarm = [](void* done) {
    capng_clear(CAPNG_SELECT_CAPS);
    capng_apply(CAPNG_SELECT_CAPS);
    auto* flag = static_cast<std::atomic<bool>*>(done);
    flag->store(true);
    flag->notify_one();
  };
  if (rte_eal_alarm_set(1, disarm, &is_done) == 0) is_done.wait(false);
}

Eal::~Eal() {
  rte_eal_cleanup();
  remove_runtime_directories();
}

}  // namespace sluice
