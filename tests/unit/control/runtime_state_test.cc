#include "control/store/runtime_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "control/store/checked_file.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

RuntimeState example() {
  RuntimeState state;
  state.wire_started = 5;
  state.started = 3;
  state.in_force = 4;
  state.previous = 2;
  state.is_changing = true;
  state.mode = ModeOverride{Mode::monitor, "ada"};
  state.confirm = PendingConfirm{77, 3, 2, "eve", ModeOverride{Mode::enforce, "bob"}};
  Bypass bypass;
  bypass.entry.until = 99;
  bypass.entry.kind = BypassEntry::Kind::prefix;
  bypass.entry.prefix = parse_ip_prefix("192.0.2.0/24").value();
  bypass.owner = "ada";
  bypass.reason = "maintenance";
  EXPECT_TRUE(state.bypasses.add(bypass).has_value());
  EXPECT_TRUE(state.stages.set({{{1, 20031}, RuleStage::shadow}, 7, "bob", "noise"}).has_value());
  EXPECT_TRUE(state.stages.set({{{1, 20032}, RuleStage::alert}, 8, "bob", ""}).has_value());
  state.sets = LiveSets({{"bad", "evil.test", 9, 1, "ada"}, {"bad", "10.0.0.0/8", 0, 2, "bob"}});
  return state;
}

TEST(RuntimeState, ComesBackAsItWas) {
  const auto state = decode_state(encode_state(example()));
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(encode_state(*state), encode_state(example()));
  EXPECT_EQ(state->confirm->mode_before->by, "bob");
  EXPECT_EQ(state->bypasses.entries()[0].reason, "maintenance");
  EXPECT_EQ(state->bypasses.next_id(), 2U);
  ASSERT_NE(state->stages.find({1, 20031}), nullptr);
  EXPECT_EQ(state->stages.find({1, 20031})->reason, "noise");
  ASSERT_EQ(state->sets.entries().size(), 2U);
  EXPECT_EQ(state->sets.entries()[1].entry, "evil.test");
  EXPECT_EQ(state->sets.entries()[1].until, 9U);
  EXPECT_TRUE(decode_state(encode_state({})).has_value());
}

TEST(RuntimeState, RefusesEveryTruncation) {
  const auto bytes = encode_state(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_state(std::span(bytes).first(size)).has_value()) << size;
  }
}

TEST(RuntimeState, ReadsWhatWasSaved) {
  const test::ScratchDir dir;
  const RuntimeStore store(dir.file(""));
  EXPECT_EQ(store.load().error().kind, ErrorKind::not_found);
  ASSERT_TRUE(store.save(example()).has_value());
  EXPECT_EQ(encode_state(store.load().value()), encode_state(example()));
  EXPECT_FALSE(std::filesystem::exists(dir.file("runtime.state.new")));
}

TEST(RuntimeState, RefusesAFileWithAnyByteChanged) {
  const test::ScratchDir dir;
  const RuntimeStore store(dir.file(""));
  ASSERT_TRUE(store.save(example()).has_value());
  const std::string good = test::read_text(dir.file("runtime.state"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    dir.write("runtime.state", bad);
    EXPECT_EQ(store.load().error().kind, ErrorKind::invalid) << i;
  }
}

TEST(CheckedFile, LeavesTheOldOneWhereTheNewOneFindsNoPlace) {
  const test::ScratchDir dir;
  const std::vector<std::byte> old(10, std::byte{1});
  ASSERT_TRUE(write_checked_file(dir.file("a"), old).has_value());
  std::filesystem::create_directory(dir.file("a.new"));
  EXPECT_FALSE(write_checked_file(dir.file("a"), std::vector<std::byte>(3)).has_value());
  EXPECT_EQ(read_checked_file(dir.file("a")).value(), old);
}

TEST(CheckedFile, RefusesWhatIsNoFileOrTooLarge) {
  const test::ScratchDir dir;
  EXPECT_EQ(read_checked_file(dir.file("")).error().kind, ErrorKind::invalid);
  dir.write("large", std::string(kCheckedFileBytesMax + 1, 'x'));
  EXPECT_EQ(read_checked_file(dir.file("large")).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace sluice
