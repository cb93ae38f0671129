#include "control/control_plane.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include <sys/prctl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "base/log.h"
#include "base/result.h"
#include "config/load.h"
#include "control/control_loop.h"
#include "control/control_seccomp.h"
#include "control/mapped_window.h"
#include "control/privileges.h"

namespace sluice {
namespace {

constexpr std::size_t kConfigBytesMax = 4U << 20;

void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int report(const Error& error) {
  log(LogLevel::error, error.message);
  if (!error.hint.empty()) log(LogLevel::error, "  hint: " + error.hint);
  return 1;
}

/// The keeper read the same file before it started us; a file that grew beyond all reason since is
/// refused by the loader.
Result<std::string> read_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kConfigBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open()) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

/// Empty for a name without a directory.
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

int run_control(const ControlSetup& setup, const Config& config) {
  block_signals();
  auto window = MappedWindow::map(setup.window_fd, setup.tails_fd);
  if (!window) return report(window.error());
  auto channel = Channel::adopt(setup.channel_fd);
  if (!channel) return report(channel.error());
  ControlLoop loop(std::move(*channel), std::move(*window), config, setup);
  if (auto started = loop.start(); !started) return report(started.error());
  return loop.run();
}

int run_control(const ControlSetup& setup) {
  umask(027);
  prefer_to_be_killed(0);
  auto text = read_config(setup.config_path);
  if (!text) return report(text.error());
  const LoadedConfig loaded = load_config(setup.config_path, std::move(*text));
  if (loaded.findings.has_errors()) {
    log(LogLevel::error, loaded.findings.render());
    return 2;
  }
  const Config& config = loaded.config;
  const PrivilegeDrop drop{config.control.user,
                           config.control.socket_group,
                           {parent_of(config.events.eve), config.control.state_dir,
                            config.control.run_dir, parent_of(config.control.audit)}};
  if (auto dropped = drop_privileges(drop); !dropped) return report(dropped.error());
  // Changing the user clears the setting, so it comes last; a parent that is already gone shows as
  // a channel that is hung up.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // Neither core files nor anybody of the same user show what stands in memory.
  prctl(PR_SET_DUMPABLE, 0);
  if (auto confined = confine_control(); !confined) {
    log(LogLevel::warning, "control: " + confined.error().message);
  }
  return run_control(setup, config);
}

}  // namespace sluice
