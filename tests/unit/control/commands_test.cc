#include "control/commands.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/store/audit_log.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using test::ScratchDir;

Reply g_waiting;

void answer_at_once(Services&, const Caller&, const Json&, Reply reply) {
  reply(Json{{"generation", 12}});
}
void fail_at_once(Services&, const Caller&, const Json&, Reply reply) {
  reply(fail(ErrorKind::limit, "blocks: full"));
}
void answer_later(Services&, const Caller&, const Json&, Reply reply) {
  g_waiting = std::move(reply);
}

constexpr ArgumentRow kArguments[] = {{"what", "text", true, "what to change"},
                                      {"count", "number", false, "how many", 10},
                                      {"for", "duration", false, "how long"},
                                      {"all", "boolean", false, "everything"},
                                      {"touching", "prefix", false, "where"},
                                      {"cursor", "cursor", false, "place", ~std::uint64_t{0}},
                                      {"types", "texts", false, "words", 2},
                                      {"items", "objects", false, "several", 2}};
constexpr CommandRow kChange{"test.change", Role::operator_, true,
                             "Changes",     kArguments,      answer_at_once};

Status check(const char* args) { return check_arguments(kChange, Json::parse(args)); }
std::string refusal(const char* args) {
  const Status status = check(args);
  return status ? "" : status.error().message;
}

/// A caller, an audit log, and the answer to one command.
struct Desk {
  Result<Json> run(const CommandRow& row, const Json& args) {
    Result<Json> answer = fail(ErrorKind::internal, "no answer");
    run_command(row, services, caller, args, [&](Result<Json> got) { answer = std::move(got); });
    return answer;
  }
  std::vector<Json> audited() { return audit.list({}, 100)->items; }

  ScratchDir dir;
  AuditLog audit{dir.file("audit.json")};
  Services services{.audit = &audit};
  Caller caller{1000, 77, "alice", Role::operator_, "k-5", "7"};
};

TEST(CommandTable, NamesEveryVerbOnceWithHelpAndHandler) {
  std::set<std::string_view> verbs;
  for (const CommandRow& row : command_table()) {
    EXPECT_TRUE(verbs.insert(row.verb).second) << row.verb;
    EXPECT_NE(row.run, nullptr) << row.verb;
    EXPECT_FALSE(row.help.empty());
    EXPECT_FALSE(row.help.ends_with('.')) << row.verb;
    EXPECT_EQ(find_command(row.verb), &row);
  }
  EXPECT_EQ(find_command("blocks"), nullptr);
}

TEST(CommandTable, AuditsExactlyWhatNeedsMoreThanAViewer) {
  for (const CommandRow& row : command_table()) {
    EXPECT_EQ(row.is_change, row.role != Role::viewer) << row.verb;
  }
}

TEST(CommandTable, KnowsTheTypeOfEveryArgument) {
  const std::set<std::string_view> types{"text",   "number", "duration", "boolean",
                                         "prefix", "cursor", "texts",    "objects"};
  for (const CommandRow& row : command_table()) {
    std::set<std::string_view> names;
    for (const ArgumentRow& argument : row.arguments) {
      EXPECT_TRUE(types.contains(argument.type)) << row.verb << " " << argument.name;
      EXPECT_TRUE(names.insert(argument.name).second) << row.verb << " " << argument.name;
    }
  }
}

TEST(CommandTable, StandsInTheReferenceInWhole) {
  const std::string page = render_command_reference();
  for (const CommandRow& row : command_table()) {
    EXPECT_NE(page.find("\n## " + std::string(row.verb) + "\n"), std::string::npos);
    for (const ArgumentRow& argument : row.arguments) {
      EXPECT_NE(page.find("| `" + std::string(argument.name) + "` |"), std::string::npos);
    }
  }
}

TEST(Commands, TakeArgumentsOfTheirTypes) {
  EXPECT_EQ(refusal(R"({"what": "x", "count": 10, "for": "1h30min", "all": false,
                        "touching": "2001:db8::/32", "cursor": 18446744073709551615,
                        "types": ["a", "b"], "items": [{}, {}]})"),
            "");
}

TEST(Commands, RefuseArgumentsOfOtherTypes) {
  EXPECT_EQ(refusal(R"({"what": 1})"), "test.change: what: number: a text");
  EXPECT_EQ(refusal(R"({"what": "x", "count": "1"})"),
            "test.change: count: string: a whole number, not negative");
  EXPECT_EQ(refusal(R"({"what": "x", "count": -1})"),
            "test.change: count: number: a whole number, not negative");
  EXPECT_EQ(refusal(R"({"what": "x", "count": 1.5})"),
            "test.change: count: number: a whole number, not negative");
  EXPECT_EQ(refusal(R"({"what": "x", "all": 1})"), "test.change: all: number: true or false");
  EXPECT_EQ(refusal(R"({"what": "x", "types": "a"})"), "test.change: types: string: an array");
  EXPECT_EQ(refusal(R"({"what": "x", "types": ["a", 1]})"),
            "test.change: types[1]: number: string");
  EXPECT_EQ(refusal(R"({"what": "x", "items": [[]]})"), "test.change: items[0]: array: object");
}

TEST(Commands, RefuseArgumentsOutOfBounds) {
  EXPECT_EQ(refusal(R"({"what": "x", "count": 11})"), "test.change: count: 11: at most 10");
  EXPECT_EQ(refusal(R"({"what": "x", "items": [{}, {}, {}]})"),
            "test.change: items: 3 elements: at most 2");
  const std::string long_text(1025, 'x');
  EXPECT_EQ(refusal(fmt::format(R"({{"what": "{}"}})", long_text).c_str()),
            "test.change: what: a text of 1025 bytes: at most 1024");
  EXPECT_EQ(refusal("{\"what\": \"a\\u0000b\"}"), "test.change: what: has a NUL: a text without");
}

TEST(Commands, RefuseTextsThatSayNothing) {
  EXPECT_TRUE(refusal(R"({"what": "x", "for": "10"})").starts_with("test.change: for: "));
  EXPECT_TRUE(
      refusal(R"({"what": "x", "touching": "10.0.0.1/8"})").starts_with("test.change: touching: "));
}

TEST(Commands, SuggestTheArgumentThatWasMeant) {
  const Status status = check(R"({"what": "x", "touchin": "::/0"})");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "test.change: unknown argument 'touchin'");
  EXPECT_EQ(status.error().hint, "did you mean 'touching'?");
  EXPECT_EQ(check_arguments(*find_command("status"), Json{{"zzz", 1}}).error().hint,
            "it takes no arguments");
}

TEST(Commands, NameAnArgumentThatIsMissing) {
  EXPECT_EQ(refusal("{}"), "test.change: no what: what to change");
}

TEST(Commands, SuggestTheVerbThatWasMeant) {
  Desk desk;
  Result<Json> answer = Json();
  run_command(desk.services, desk.caller, "block.add", Json::object(),
              [&](Result<Json> got) { answer = std::move(got); });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "verb: unknown verb 'block.add'");
  EXPECT_EQ(answer.error().hint, "did you mean 'blocks.add'?");
}

TEST(Commands, AuditAChangeWithItsOutcome) {
  Desk desk;
  EXPECT_TRUE(desk.run(kChange, Json{{"what", "x"}}));
  const auto records = desk.audited();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0], (Json{{"at", "1970-01-01T00:00:00.000000Z"},
                              {"user", "alice"},
                              {"uid", 1000},
                              {"pid", 77},
                              {"role", "operator"},
                              {"request_id", "k-5"},
                              {"id", 7},
                              {"verb", "test.change"},
                              {"args", {{"what", "x"}}},
                              {"generation", 12},
                              {"ok", true},
                              {"error", nullptr}}));
}

TEST(Commands, AuditAChangeThatFailed) {
  Desk desk;
  CommandRow row = kChange;
  row.run = fail_at_once;
  EXPECT_FALSE(desk.run(row, Json{{"what", "x"}}));
  EXPECT_EQ(desk.audited().at(0)["error"], "blocks: full");
  EXPECT_EQ(desk.audited().at(0)["ok"], false);
}

TEST(Commands, AuditAnAnswerThatComesLaterWhenItComes) {
  Desk desk;
  CommandRow row = kChange;
  row.run = answer_later;
  int answers = 0;
  run_command(row, desk.services, desk.caller, Json{{"what", "x"}},
              [&](const Result<Json>&) { ++answers; });
  EXPECT_TRUE(desk.audited().empty());
  g_waiting(Json::object());
  g_waiting = {};
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(desk.audited().size(), 1U);
}

TEST(Commands, AuditAndDenyWhatTheRoleDoesNotAllow) {
  Desk desk;
  desk.caller.role = Role::viewer;
  const auto answer = desk.run(kChange, Json{{"what", "x"}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "test.change: alice has the role viewer: operator is needed");
  EXPECT_EQ(desk.audited().at(0)["ok"], false);
}

TEST(Commands, DoNotAuditWhatOnlyLooks) {
  Desk desk;
  CommandRow row = kChange;
  row.is_change = false;
  EXPECT_TRUE(desk.run(row, Json{{"what", "x"}}));
  EXPECT_TRUE(desk.audited().empty());
}

TEST(Commands, ListTheAuditLogInPages) {
  Desk desk;
  for (int i = 0; i < 5; ++i) (void)desk.run(kChange, Json{{"what", std::to_string(i)}});
  const CommandRow& list = *find_command("audit.list");
  const auto first = desk.run(list, Json{{"limit", 3U}});
  ASSERT_TRUE(first);
  ASSERT_EQ((*first)["items"].size(), 3U);
  EXPECT_EQ((*first)["items"][0]["args"]["what"], "4");
  const auto second = desk.run(list, Json{{"limit", 3U}, {"cursor", (*first)["next"]}});
  ASSERT_TRUE(second);
  ASSERT_EQ((*second)["items"].size(), 2U);
  EXPECT_EQ((*second)["items"][1]["args"]["what"], "0");
  EXPECT_TRUE((*second)["next"].is_null());
}

TEST(Commands, SayWhereAServiceIsNotRunning) {
  Desk desk;
  desk.services.audit = nullptr;
  EXPECT_EQ(desk.run(*find_command("audit.list"), Json::object()).error().kind,
            ErrorKind::unavailable);
  EXPECT_EQ(desk.run(*find_command("events.follow"), Json::object()).error().kind,
            ErrorKind::unavailable);
}

TEST(CommandReference, PageSaysWhatTheTableSays) {
  EXPECT_EQ(test::golden_page("docs/reference/commands.md", render_command_reference()),
            render_command_reference());
}

}  // namespace
}  // namespace sluice
