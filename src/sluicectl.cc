// sluicectl: a thin client of the running daemon. Parses the command line, asks over the control
// socket, and shows the answer.
#include <csignal>
#include <string>
#include <vector>

#include <unistd.h>

#include "ctl/arguments.h"
#include "ctl/completion.h"
#include "ctl/live.h"
#include "ctl/session.h"

namespace sluice {
namespace {

int print_completion(Output& out, const Asked& asked) {
  out.put(asked.local.value("shell", "") == "zsh" ? zsh_completion() : bash_completion());
  return 0;
}

int run_with_daemon(Output& out, Output& err, const Asked& asked) {
  const auto interval = top_interval(asked.local);
  if (!interval) return report(err, interval.error());
  const Paper paper = paper_of(out.fd());
  const bool is_live = asked.verb->shape == Shape::live && !asked.local.value("once", false);
  if (is_live && (asked.as_json || !paper.is_terminal)) {
    return report(err, Error{ErrorKind::invalid, "top: the live view is for a terminal",
                             "sluicectl top --once"});
  }
  auto daemon = Connection::open(asked.socket);
  if (!daemon) return report(err, daemon.error());
  Session session{*daemon, out, err, paper};
  return is_live ? run_live(session, asked, *interval) : run_verb(session, asked);
}

int run(const std::vector<std::string>& words) {
  // A reader that goes away is seen where its pipe is written.
  std::signal(SIGPIPE, SIG_IGN);
  Output out(STDOUT_FILENO);
  Output err(STDERR_FILENO);
  const auto asked = parse_arguments(words);
  if (!asked) return report(err, asked.error());
  if (asked->verb == nullptr) {
    out.put(asked->help);
    return 0;
  }
  if (asked->verb->shape == Shape::completion) return print_completion(out, *asked);
  return run_with_daemon(out, err, *asked);
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::run({argv + 1, argv + argc}); }
