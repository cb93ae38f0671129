#include "control/config_child.h"

#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/config_build.h"

namespace sluice {
namespace {

Result<ConfigRead> take_answers(std::vector<OwnedFd> answers) {
  auto view = SealedView::map(answers[0].fd(), kDigestBytesMax);
  if (!view) return with_context("configuration", view.error());
  auto digest = decode_digest(view->bytes());
  if (!digest) return tl::unexpected<Error>(digest.error());
  ConfigRead read{std::move(*digest), {}};
  struct stat status {};
  const bool has_lists = fstat(answers[1].fd(), &status) == 0 && status.st_size > 0;
  if (read.digest.errors == 0 && has_lists) read.lists = std::move(answers[1]);
  return read;
}

}  // namespace

std::vector<std::string> arguments_of(const ConfigChildRequest& request) {
  std::vector<std::string> arguments;
  const auto add = [&arguments](const char* name, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {name, value});
  };
  add("--config", request.config_path);
  add("--restore", request.restore);
  add("--compare", request.compare);
  add("--stage", request.stage);
  if (request.publishes) arguments.emplace_back("--publish");
  add("--known-lists", request.known_lists);
  return arguments;
}

int run_config_child(const ConfigChildRequest& request, const ConfigJudge& judge, int digest_fd,
                     int lists_fd) {
  auto built = build_config(request, judge);
  if (!built) {
    fmt::print(stderr, "{}\n", built.error().message);
    return 1;
  }
  if (!built->lists.empty() && !write_and_seal(lists_fd, built->lists)) return 1;
  return write_and_seal(digest_fd, encode_digest(built->digest)) ? 0 : 1;
}

Result<ConfigRead> read_config_here(const ConfigChildRequest& request, const ConfigJudge& judge) {
  auto answers = make_answers(kConfigChild);
  if (!answers) return tl::unexpected<Error>(answers.error());
  if (run_config_child(request, judge, (*answers)[0].fd(), (*answers)[1].fd()) != 0) {
    return fail(ErrorKind::io, "configuration: the child ended with code 1");
  }
  return take_answers(std::move(*answers));
}

bool is_program_replaced() {
  struct stat started {};
  struct stat installed {};
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size <= 0 || stat("/proc/self/exe", &started) != 0) return false;
  std::string name(path, static_cast<std::size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.resize(name.size() - kDeleted.size());
  if (stat(name.c_str(), &installed) != 0) return true;
  return started.st_ino != installed.st_ino || started.st_dev != installed.st_dev;
}

void ConfigChild::read(const ConfigChildRequest& request, ConfigReadDone done, TimeNs now) {
  const auto take = [done = std::move(done)](Result<std::vector<OwnedFd>> answers) {
    if (!answers) return done(tl::unexpected<Error>(answers.error()));
    done(take_answers(std::move(*answers)));
  };
  child_.start(arguments_of(request), take, now);
}

}  // namespace sluice
