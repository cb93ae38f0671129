#include "control/control_plane.h"

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "control/mapped_window.h"
#include "dataplane/window_memory.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using test::read_text;
using test::ScratchDir;

std::vector<Json> events_in(const std::string& path) {
  std::istringstream text(read_text(path));
  std::vector<Json> events;
  for (std::string line; std::getline(text, line);) events.push_back(Json::parse(line));
  return events;
}

/// As the wire process makes it.
std::unique_ptr<WindowMemory> make_window(std::size_t workers) {
  auto window = std::move(WindowMemory::create(workers, 0).value());
  window->header()->ports = 1;
  std::snprintf(window->header()->port_names[0].data(), 32, "outside0");
  return window;
}

class ControlPlaneTest : public ::testing::Test {
 protected:
  ControlPlaneTest() {
    config_.events.eve = dir_.file("eve.json");
    auto pair = Channel::make_socket_pair();
    EXPECT_TRUE(pair.has_value());
    keeper_.emplace(std::move(pair->first));
    setup_.channel_fd = pair->second.release_fd();
    setup_.window_fd = window_->fds().window;
    setup_.tails_fd = window_->fds().tails;
  }

  /// Runs `while_running` beside the control plane and returns the exit code.
  template <class During>
  int run(During&& during) {
    int exit_code = -1;
    std::thread control([&] { exit_code = run_control(setup_, config_); });
    during();
    control.join();
    return exit_code;
  }
  Message await(MessageKind kind) {
    while (true) {
      auto message = keeper_->try_receive();
      if (!message) return {};
      if (message->has_value() && (*message)->kind == kind) return std::move(**message);
      std::this_thread::yield();
    }
  }
  void send(MessageKind kind, std::uint64_t generation = 0) {
    EXPECT_TRUE(keeper_->try_send({.kind = kind, .generation = generation}).value_or(false));
  }

  ScratchDir dir_;
  Config config_;
  std::unique_ptr<WindowMemory> window_ = make_window(2);
  std::optional<Channel> keeper_;
  ControlSetup setup_;
};

TEST_F(ControlPlaneTest, SaysHelloAndAnswersPings) {
  const int exit_code = run([&] {
    EXPECT_EQ(await(MessageKind::hello).kind, MessageKind::hello);
    send(MessageKind::ping, 42);
    EXPECT_EQ(await(MessageKind::pong).generation, 42U);
    send(MessageKind::stop);
  });
  EXPECT_EQ(exit_code, 0);
}

TEST_F(ControlPlaneTest, WritesWhatWorkersReportedBeforeItStops) {
  for (std::uint32_t worker = 0; worker < 2; ++worker) {
    for (int i = 0; i < 5000; ++i) {
      ASSERT_TRUE(window_->windows()[worker]->flows.try_push(
          test::flow_record({"10.0.0.1", "10.0.0.2", 1000, 80})));
    }
  }
  const int exit_code = run([&] { send(MessageKind::stop); });
  EXPECT_EQ(exit_code, 0);
  const std::vector<Json> events = events_in(dir_.file("eve.json"));
  ASSERT_EQ(events.size(), 10'001U);
  EXPECT_EQ(events[0]["in_iface"], "outside0");
  EXPECT_EQ(std::count_if(events.begin(), events.end(),
                          [](const Json& event) { return event["event_type"] == "stats"; }),
            1);
}

TEST_F(ControlPlaneTest, EndsWithTheKeeper) {
  const int exit_code = run([&] {
    await(MessageKind::hello);
    keeper_.reset();
  });
  EXPECT_EQ(exit_code, 0);
}

TEST_F(ControlPlaneTest, GoesOnWhereTheLastOneEnded) {
  run([&] { send(MessageKind::stop); });
  ASSERT_TRUE(window_->windows()[1]->drops.try_push(test::drop_record({"10.0.0.1", "10.0.0.2"})));
  auto pair = Channel::make_socket_pair();
  ASSERT_TRUE(pair.has_value());
  keeper_.emplace(std::move(pair->first));
  setup_.channel_fd = pair->second.release_fd();
  run([&] { send(MessageKind::stop); });
  const std::vector<Json> events = events_in(dir_.file("eve.json"));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[1]["event_type"], "drop");
}

TEST_F(ControlPlaneTest, RefusesAWindowOfAnotherBuild) {
  window_->header()->version = kWindowVersion + 1;
  EXPECT_EQ(run([] {}), 1);
}

TEST_F(ControlPlaneTest, RefusesAChannelThatIsNone) {
  close(setup_.channel_fd);
  setup_.channel_fd = dup(window_->fds().window);
  EXPECT_EQ(run([] {}), 1);
}

TEST(MappedWindow, RefusesAnEmptyOrShortSegment) {
  const auto window = make_window(1);
  const int tails = window->fds().tails;
  const int fd = memfd_create("window", MFD_CLOEXEC);
  EXPECT_FALSE(MappedWindow::map(fd, tails).has_value());
  ASSERT_EQ(ftruncate(fd, sizeof(WindowHeader) / 2), 0);
  EXPECT_FALSE(MappedWindow::map(fd, tails).has_value());
  EXPECT_FALSE(MappedWindow::map(-1, tails).has_value());
  EXPECT_FALSE(MappedWindow::map(window->fds().window, fd).has_value());
  EXPECT_FALSE(MappedWindow::map(window->fds().window, -1).has_value());
  close(fd);
}

TEST(MappedWindow, ReadsPortNamesWithoutTrustingThem) {
  const auto window = make_window(1);
  window->header()->ports = 1000;
  window->header()->port_names[1].fill('x');
  const auto mapped = MappedWindow::map(window->fds().window, window->fds().tails);
  ASSERT_TRUE(mapped.has_value());
  const std::vector<std::string> names = mapped->port_names();
  ASSERT_EQ(names.size(), kPortsMax);
  EXPECT_EQ(names[0], "outside0");
  EXPECT_EQ(names[1], std::string(32, 'x'));
}

}  // namespace
}  // namespace sluice
