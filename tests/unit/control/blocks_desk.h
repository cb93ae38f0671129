// Blocks as the control process holds them, with a wire process that obeys: for tests of what is
// asked, of hits, and of restarts on either side.
#pragma once

#include "control/respond/blocks.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/command_handlers.h"
#include "tests/support/scratch_dir.h"

namespace sluice::test {

using Json = nlohmann::json;

inline constexpr TimeNs kStart = 1'767'323'045 * kNsPerSecond;
inline constexpr DurationNs kTurn = 50 * kNsPerMs;

/// The wire process: obeys, and outlives control processes.
struct Wire {
  std::map<std::uint64_t, BlockEntry> blocks;
  std::vector<std::uint32_t> hits = std::vector<std::uint32_t>(1U << 20);
  std::vector<BlockNote> notes = std::vector<BlockNote>(64);
  std::vector<BlockChanges> changes;
  std::size_t room = 1U << 20;
  std::uint64_t slot_count = 64;
  bool is_silent = false;

  static bool is_same(const BlockEntry& a, const BlockEntry& b) {
    return a.kind == b.kind && a.prefix == b.prefix && a.low == b.low && a.high == b.high &&
           a.low_port == b.low_port && a.high_port == b.high_port && a.protocol == b.protocol;
  }
  Result<BlockReceipt> carry_out(const BlockChanges& change) {
    if (change.added.size() > room) return fail(ErrorKind::limit, "blocks: they do not fit");
    if (change.replaces_all) blocks.clear();
    for (const std::uint64_t id : change.removed) blocks.erase(id);
    BlockReceipt receipt;
    for (const BlockEntry& entry : change.added) {
      if (blocks.size() < 1'000) {
        std::erase_if(blocks, [&](const auto& other) { return is_same(other.second, entry); });
      }
      blocks[entry.id] = entry;
      receipt.slots.push_back(static_cast<std::uint32_t>(entry.id % slot_count));
    }
    receipt.active = blocks.size();
    return receipt;
  }
  std::string ids() const {
    std::string text;
    for (const auto& [id, entry] : blocks) text += std::to_string(id) + " ";
    return text;
  }
};

/// What outlives a control process.
struct World : Clock {
  ScratchDir dir;
  Wire wire;
  TimeNs time = kStart;
  std::uint64_t capacity = 64;
  bool is_allowed = false;
  [[nodiscard]] TimeNs now() const noexcept override { return time; }
};

/// One life of the control process.
class Desk {
 public:
  explicit Desk(World& world, bool is_greeted = true,
                std::pair<Channel, Channel> ends = Channel::make_memory_pair())
      : world_(world),
        keeper_(std::move(ends.first)),
        link_(std::move(ends.second)),
        blocks_(
            {.state_dir = world.dir.file(""),
             .capacity = world.capacity,
             .duration_max = 24 * 3'600 * kNsPerSecond,
             .hits = [this](std::uint32_t slot) -> std::uint64_t { return world_.wire.hits[slot]; },
             .notes = world.wire.notes,
             .is_allowed = [this](const IpPrefix&) { return world_.is_allowed; },
             .clock = world},
            link_) {
    services_.clock = &world;
    services_.blocks = &blocks_;
    caller_.user = "ada";
    caller_.role = Role::admin;
    blocks_.start();
    while (!blocks_.is_ready()) {
      blocks_.turn(world.time);
      std::this_thread::yield();
    }
    if (is_greeted) greet();
  }
  void keeper_says_hello() {
    link_.obey({.kind = MessageKind::hello, .generation = 1}, world_.time);
  }
  void greet() {
    keeper_says_hello();
    settle();
  }
  void turn() {
    blocks_.turn(world_.time);
    exchange();
  }
  void settle() {
    for (int i = 0; i < 4; ++i) turn();
    work();
  }
  /// As the loop does it: piece after piece, without waiting for the next turn; how many.
  std::size_t work() {
    std::size_t pieces = 0;
    for (; blocks_.has_work(); ++pieces) {
      blocks_.work(world_.time);
      exchange();
    }
    return pieces;
  }
  void pass(DurationNs time) {
    world_.time += time;
    settle();
  }
  /// The answer of a verb; without one an error of kind internal.
  Result<Json> ask(const char* verb, const Json& args) {
    auto answer = start(verb, args);
    for (int i = 0; i < 8 && !*answer; ++i) exchange();
    return answer->value_or(fail(ErrorKind::internal, "no answer"));
  }
  std::shared_ptr<std::optional<Result<Json>>> start(const char* verb, const Json& args) {
    auto answer = std::make_shared<std::optional<Result<Json>>>();
    const std::string name = verb;
    auto* run = name == "blocks.add"    ? add_blocks
                : name == "blocks.list" ? list_blocks
                                        : remove_blocks;
    run(services_, caller_, args, [answer](Result<Json> got) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(got);
    });
    return answer;
  }
  Result<Json> add(const std::string& what, const char* time = "1h") {
    return ask("blocks.add", {{"what", what}, {"for", time}, {"reason", "scan"}});
  }
  std::string refusal(const char* verb, const Json& args) {
    const auto answer = ask(verb, args);
    return answer ? "none: " + answer->dump() : answer.error().message;
  }
  /// "id what hits" of what is listed.
  std::string listed(Json args = Json::object()) {
    std::string text;
    const auto page = ask("blocks.list", args);
    for (const Json& item : page.value().at("items")) {
      text += item.at("id").dump() + " " + item.at("what").get<std::string>() + " " +
              item.at("hits").dump() + "; ";
    }
    return text;
  }
  Blocks& operator*() { return blocks_; }
  Blocks* operator->() { return &blocks_; }

  void exchange() {
    link_.turn(world_.time);
    while (auto message = keeper_.try_receive().value_or(std::nullopt)) answer(*message);
    while (auto message = link_.channel().try_receive().value_or(std::nullopt)) {
      link_.obey(*message, world_.time);
    }
  }

 private:
  void answer(const Message& message) {
    if (message.kind != MessageKind::request) return;
    auto body = body_of(message);
    ASSERT_TRUE(body.has_value());
    auto change = decode_as<BlockChanges>(body->bytes());
    ASSERT_TRUE(change.has_value());
    if (world_.wire.is_silent) return;
    const auto receipt = world_.wire.carry_out(*change);
    if (change->added.size() <= 100) world_.wire.changes.push_back(std::move(*change));
    if (receipt) {
      ASSERT_TRUE(keeper_.try_send_body(MessageKind::reply, message.request, message.generation,
                                        encode(*receipt)));
      return;
    }
    Message denied{.kind = MessageKind::denied, .generation = message.generation};
    denied.text = receipt.error().message;
    ASSERT_TRUE(keeper_.try_send(denied).value_or(false));
  }

  World& world_;
  Channel keeper_;
  KeeperLink link_;
  Blocks blocks_;
  Services services_;
  Caller caller_;
};

}  // namespace sluice::test
