#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "dataplane/doctor/checks.h"

namespace sluice {
namespace {

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;
  friend auto operator<=>(const KernelVersion&, const KernelVersion&) = default;
};

constexpr KernelVersion kOldestKernel{5, 10};

std::optional<KernelVersion> parse_release(std::string_view text) {
  KernelVersion version;
  const char* end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, version.major);
  if (error != std::errc() || dot == end || *dot != '.') return std::nullopt;
  if (std::from_chars(dot + 1, end, version.minor).ec != std::errc()) return std::nullopt;
  return version;
}

// What the kernel answers without a system call.
constexpr std::array<std::string_view, 4> kFastClocks = {
    "tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"};

}  // namespace

void check_kernel(const Examination& host, AreaFindings& findings) {
  const std::string release = host.tree.line("/proc/sys/kernel/osrelease").substr(0, 64);
  const auto version = parse_release(release);
  if (!version || *version >= kOldestKernel) return;
  findings.refuse("",
                  fmt::format("kernel {} is older than {}.{}", release, kOldestKernel.major,
                              kOldestKernel.minor),
                  "apt install linux-image-amd64 && reboot");
}

void check_clock_source(const Examination& host, AreaFindings& findings) {
  const std::string dir = "/sys/devices/system/clocksource/clocksource0/";
  const std::string current = host.tree.line(dir + "current_clocksource");
  if (current.empty() || std::ranges::find(kFastClocks, current) != kFastClocks.end()) return;
  const std::string offered = host.tree.line(dir + "available_clocksource");
  findings.warn("",
                fmt::format("the clock source is '{}': asking for the time is a system call",
                            current.substr(0, 32)),
                has_word(offered, "tsc") ? fmt::format("echo tsc > {}current_clocksource", dir)
                                         : boot_fix("tsc=reliable"));
}

void check_address_space(const Examination& host, AreaFindings& findings) {
  const auto setting = host.tree.number("/proc/sys/kernel/randomize_va_space");
  if (!setting || *setting == 2) return;
  findings.warn("",
                fmt::format("kernel.randomize_va_space is {}: addresses can be guessed", *setting),
                sysctl_fix("kernel.randomize_va_space=2"));
}

void check_time_sync(const Examination& host, AreaFindings& findings) {
  if (host.probe.is_clock_synchronised()) return;
  findings.warn("", "the clock is not synchronised: times of events will not match other hosts",
                "apt install systemd-timesyncd\ntimedatectl set-ntp true");
}

}  // namespace sluice
