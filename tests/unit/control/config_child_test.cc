#include "control/config_child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/parts_codec.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

constexpr const char* kPairs =
    "pairs:\n  - outside: {device: \"ring:a\"}\n    inside: {device: \"ring:b\"}\n";
constexpr TimeNs kNow = 1'000 * kNsPerSecond;

CheckedConfig judge(const std::string& path) { return check_file(path, ConfigPurpose::run); }

ConfigChildRequest of_file(const std::string& path) {
  ConfigChildRequest request;
  request.config_path = path;
  return request;
}

/// A child that runs `program`, and a loop that waits for it.
class Child {
 public:
  explicit Child(std::vector<std::string> program) {
    sd_event_new(&loop_);
    child_ = std::make_unique<ConfigChild>(loop_);
    child_->use_program(std::move(program));
  }
  ~Child() {
    child_.reset();
    sd_event_unref(loop_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void start(const ConfigChildRequest& request) {
    answer_.reset();
    child_->read(
        request, [this](Result<ConfigRead> read) { answer_ = std::move(read); }, kNow);
    EXPECT_FALSE(answer_.has_value()) << "answered from within the call";
  }
  void turn(TimeNs now) { child_->turn(now); }
  [[nodiscard]] bool is_answered() const { return answer_.has_value(); }
  Result<ConfigRead> wait() {
    while (!answer_) {
      sd_event_run(loop_, 1'000'000);
      child_->turn(kNow);
    }
    return std::move(*answer_);
  }
  Result<ConfigRead> run(const ConfigChildRequest& request) {
    start(request);
    return wait();
  }

 private:
  sd_event* loop_ = nullptr;
  std::unique_ptr<ConfigChild> child_;
  std::optional<Result<ConfigRead>> answer_;
};

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

/// Not a test of its own: this program as the child of one.
TEST(ConfigChildRole, DISABLED_PlaysTheChild) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  ConfigChildRequest request;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--config") request.config_path = words[i + 1];
    if (words[i] == "--stage") request.stage = words[i + 1];
    if (words[i] == "--publish") request.publishes = true;
  }
  ASSERT_FALSE(request.config_path.empty());
  ASSERT_EQ(run_config_child(request, judge, kDigestFd, kListsFd), 0);
}

TEST(ConfigChild, AnswersFromAProcessOfItsOwn) {
  const test::ScratchDir dir;
  ConfigChildRequest request =
      of_file(dir.write("a.yaml", std::string(kPairs) + "lists: {deny: {source: [10.0.0.0/8]}}\n"));
  request.stage = dir.file("staged");
  request.publishes = true;
  request.known_lists = "of others";
  Child child({"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
               "--gtest_filter=ConfigChildRole.DISABLED_PlaysTheChild"});
  const auto read = child.run(request);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->digest.errors, 0U);
  EXPECT_TRUE(read->digest.is_staged) << read->digest.staging_error;
  const auto view = SealedView::map(read->lists.fd(), kPartsBytesMax);
  ASSERT_TRUE(view.has_value()) << view.error().message;
  const auto lists = decode_lists(view->bytes());
  ASSERT_TRUE(lists.has_value());
  EXPECT_EQ(lists->lists.size(), 1U);
  EXPECT_NE(test::read_text(dir.file("staged.yaml")).find("10.0.0.0/8"), std::string::npos);
}

TEST(ConfigChild, LeavesListsOutThatNobodyWillPublish) {
  const test::ScratchDir dir;
  ConfigChildRequest request =
      of_file(dir.write("a.yaml", std::string(kPairs) + "lists: {deny: {source: [10.0.0.0/8]}}\n"));
  const auto looked = read_config_here(request, judge);
  EXPECT_FALSE(looked.value().lists.is_open());
  request.publishes = true;
  EXPECT_TRUE(read_config_here(request, judge).value().lists.is_open());
  request.known_lists = looked->digest.lists_digest;
  EXPECT_FALSE(read_config_here(request, judge).value().lists.is_open());
}

TEST(ConfigChild, TellsOfAChildThatFails) {
  EXPECT_EQ(Child(shell("exit 3")).run(of_file("x")).error().message,
            "configuration: the child that read it ended with code 3");
  EXPECT_EQ(Child(shell("kill -9 $$")).run(of_file("x")).error().message,
            "configuration: the child that read it ended by signal 9");
  const auto missing = Child({"/nonexistent/program"}).run(of_file("x"));
  EXPECT_EQ(missing.error().kind, ErrorKind::unavailable);
}

TEST(ConfigChild, RefusesAnAnswerThatIsNotSealed) {
  EXPECT_EQ(Child(shell("echo nonsense >&3")).run(of_file("x")).error().kind, ErrorKind::invalid);
  EXPECT_EQ(Child(shell("exit 0")).run(of_file("x")).error().kind, ErrorKind::invalid);
}

TEST(ConfigChild, EndsAChildBehindItsDeadline) {
  // As the alarm that it has set for itself does.
  EXPECT_EQ(Child(shell("kill -ALRM $$")).run(of_file("x")).error().message,
            "configuration: not read within 40 s, and given up");
}

TEST(ConfigChild, WaitsNoLongerForAChildThatDoesNotEnd) {
  // It reads until this end of the pipe is closed.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const OwnedFd kept(ends[1]);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  const OwnedFd input(dup(STDIN_FILENO));
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  Child child(shell("read line"));
  child.start(of_file("x"));
  dup2(input.fd(), STDIN_FILENO);
  child.turn(kNow + kConfigChildPatience - 1);
  EXPECT_FALSE(child.is_answered());
  child.turn(kNow + kConfigChildPatience);
  EXPECT_EQ(child.wait().error().message, "configuration: not read within 40 s, and given up");
  EXPECT_NE(child.run(of_file("x")).error().message.find("has not ended"), std::string::npos);
}

TEST(ConfigChild, SetsItsOwnDeadline) {
  const pid_t child = fork();
  if (child == 0) {
    limit_child(kConfigChild);
    _exit(static_cast<int>(alarm(0)));
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), kConfigChildDeadline / kNsPerSecond);
}

TEST(ConfigChild, InheritsNothingButItsAnswers) {
  // The number of open descriptors is the exit code: 0 to 4, and the one that lists the directory.
  EXPECT_EQ(Child(shell("set -- /proc/$$/fd/*; exit $#")).run(of_file("x")).error().message,
            "configuration: the child that read it ended with code 6");
}

TEST(ConfigDigest, CutsFindingsAtAWholeLine) {
  const test::ScratchDir dir;
  std::string text = kPairs;
  for (int i = 0; i < 190; ++i) text += std::string(60, 'k') + std::to_string(i) + ": 1\n";
  const auto read = read_config_here(of_file(dir.write("a.yaml", text)), judge);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->digest.errors, 190U);
  EXPECT_LE(read->digest.findings.size(), kFindingsTextMax);
  EXPECT_TRUE(read->digest.findings.ends_with("\n(and more)\n"));
}

TEST(ConfigDigest, IsTheSameForTheSameConfigurationOnly) {
  const test::ScratchDir dir;
  const auto digest = [&dir](const std::string& more) {
    const auto read = read_config_here(of_file(dir.write("a.yaml", kPairs + more)), judge);
    return read->digest;
  };
  const ConfigDigest plain = digest("");
  EXPECT_EQ(digest("# a comment\nmode: enforce\n").digest, plain.digest);
  EXPECT_NE(digest("mode: monitor\n").digest, plain.digest);
  EXPECT_EQ(digest("mode: monitor\n").lists_digest, plain.lists_digest);
  dir.write("deny.txt", "10.0.0.0/8\n");
  const std::string by_file = "lists: {deny: {source_files: [deny.txt]}}\n";
  const ConfigDigest one = digest(by_file);
  EXPECT_NE(one.lists_digest, plain.lists_digest);
  dir.write("deny.txt", "10.0.0.0/9\n");
  EXPECT_NE(digest(by_file).digest, one.digest);
}

TEST(ConfigDigest, ComesBackFromItsBytesAndFromNoPartOfThem) {
  const test::ScratchDir dir;
  const auto read = read_config_here(of_file(dir.write("a.yaml", kPairs)), judge);
  const auto bytes = encode_digest(read->digest);
  EXPECT_EQ(encode_digest(decode_digest(bytes).value()), bytes);
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    EXPECT_FALSE(decode_digest(std::span(bytes).first(size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace sluice
