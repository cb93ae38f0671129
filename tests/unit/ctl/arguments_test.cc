#include "ctl/arguments.h"

#include <sstream>

#include <gtest/gtest.h>

#include "ctl/paper.h"

namespace sluice {
namespace {

using nlohmann::json;

std::vector<std::string> split(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

Asked asked(const std::string& line) {
  auto result = parse_arguments(split(line));
  EXPECT_TRUE(result) << line << ": " << result.error().message;
  return result ? *result : Asked{};
}

Error refused(const std::string& line) {
  const auto result = parse_arguments(split(line));
  EXPECT_FALSE(result) << line;
  return result ? Error{} : result.error();
}

TEST(Arguments, FindEveryVerbOfTheTable) {
  const std::string required[] = {
      "", "--for 1s --prefix ::/0", "--for 1s x", "monitor", "bash", "name entry"};
  for (const VerbRow& row : verb_table()) {
    bool is_found = false;
    for (const std::string& rest : required) {
      const auto result = parse_arguments(split(std::string(row.words) + " " + rest));
      is_found = is_found || (result && result->verb == &row);
    }
    EXPECT_TRUE(is_found) << row.words;
  }
}

TEST(Arguments, BecomeTheArgumentsOfTheRequest) {
  EXPECT_EQ(asked("flows list --touching 192.0.2.0/24 --refused").args,
            json({{"touching", "192.0.2.0/24"}, {"refused", true}}));
  EXPECT_EQ(
      asked("blocks add tcp 192.0.2.1:80 198.51.100.2:4242 --for 10m --reason x").args,
      json({{"what", "tcp 192.0.2.1:80 198.51.100.2:4242"}, {"for", "10m"}, {"reason", "x"}}));
  EXPECT_EQ(asked("bypass on --vlan 12 --for 1h30m").args, json({{"vlan", 12}, {"for", "1h30m"}}));
  EXPECT_EQ(asked("reload --confirm-within 60s").args, json({{"confirm_within", "60s"}}));
  EXPECT_EQ(asked("events follow --type drop,flow").args, json({{"types", {"drop", "flow"}}}));
  EXPECT_EQ(asked("revert").args, json::object());
  EXPECT_EQ(asked("bypass off 3").args, json({{"id", 3}}));
}

TEST(Arguments, OfTheClientStayWithTheClient) {
  const Asked list = asked("flows list --limit 7 --all");
  EXPECT_EQ(list.args, json::object());
  EXPECT_EQ(list.local, json({{"limit", 7}, {"all", true}}));
  EXPECT_EQ(asked("drops --all").args, json({{"all", true}}));
}

TEST(Arguments, TakeTheOptionsOfAllVerbsInFrontAndBehind) {
  const Asked before = asked("--json --socket /tmp/s status");
  const Asked behind = asked("status --json --socket /tmp/s");
  EXPECT_TRUE(before.as_json);
  EXPECT_TRUE(behind.as_json);
  EXPECT_EQ(before.socket, "/tmp/s");
  EXPECT_EQ(behind.socket, "/tmp/s");
  EXPECT_EQ(asked("status").socket, kSocketUnlessAsked);
}

TEST(Arguments, SuggestWhatWasMeant) {
  EXPECT_EQ(refused("stauts").message, "sluicectl: unknown verb 'stauts'");
  EXPECT_EQ(refused("stauts").hint, "did you mean 'status'?");
  EXPECT_EQ(refused("blocks ad").hint, "did you mean 'add'?");
  EXPECT_EQ(refused("drops --al").hint, "did you mean '--all'?");
  EXPECT_EQ(refused("status --jsno").hint, "did you mean '--json'?");
  EXPECT_EQ(refused("quux").hint, "see `sluicectl --help`");
}

TEST(Arguments, SayWhatIsWrong) {
  EXPECT_EQ(refused("blocks").message, "sluicectl blocks: no verb: list, add, remove");
  EXPECT_EQ(refused("drops extra").message, "sluicectl drops: 'extra' has no place here");
  EXPECT_EQ(refused("flows list --limit x").message,
            "sluicectl flows list: --limit: 'x' is not a whole number");
  EXPECT_EQ(refused("flows list --limit -1").message,
            "sluicectl flows list: --limit: '-1' is not a whole number");
  EXPECT_EQ(refused("mode enfroce").message,
            "sluicectl mode: MODE: is 'enfroce': monitor or enforce would do");
  EXPECT_EQ(refused("blocks add 192.0.2.1").message, "sluicectl blocks add: --for is required");
  EXPECT_EQ(refused("events follow --type alerts").kind, ErrorKind::invalid);
  EXPECT_FALSE(parse_arguments({}));
}

TEST(Arguments, EscapeWhatTheyRepeat) {
  const std::string words[] = {"st\x1b[2J"};
  const auto result = parse_arguments(words);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "sluicectl: unknown verb 'st\\x1b[2J'");
}

TEST(Arguments, HelpOfEachVerbHasAnExampleAndFitsATerminal) {
  for (const VerbRow& row : verb_table()) {
    const Asked help = asked(std::string(row.words) + " --help");
    EXPECT_EQ(help.verb, nullptr);
    EXPECT_NE(help.help.find("example: sluicectl"), std::string::npos) << row.words;
    EXPECT_NE(help.help.find("Usage: sluicectl " + std::string(row.words)), std::string::npos);
    std::istringstream lines(help.help);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), 80U) << line;
  }
}

TEST(Arguments, HelpListsTheVerbsIn80Columns) {
  std::istringstream lines(asked("--help").help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), 80U) << line;
}

}  // namespace
}  // namespace sluice
