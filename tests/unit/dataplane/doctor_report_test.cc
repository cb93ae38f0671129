#include "src/doctor_report.h"

#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const HostFinding kOk{
    .area = "kernel", .subject = {}, .state = FindingState::ok, .what = {}, .fix = {}};
const HostFinding kSwap{.area = "swap",
                        .subject = "/dev/sda2",
                        .state = FindingState::warning,
                        .what =
                            "swapping is on: a table that is paged out stops a worker for "
                            "milliseconds, and then for some more of them",
                        .fix = "swapoff /dev/sda2\n/etc/fstab: remove the line"};
const HostFinding kDriver{.area = "driver",
                          .subject = "uplink.outside",
                          .state = FindingState::failure,
                          .what = "0000:3b:00.0 is bound to ixgbe, not to a DPDK driver",
                          .fix = "driverctl set-override 0000:3b:00.0 vfio-pci"};

TEST(DoctorReport, ShowsFailuresFirstAndOnlyCountsWhatIsInOrder) {
  EXPECT_EQ(render_findings_table({kOk, kSwap, kDriver}),
            "STATE    AREA           SUBJECT\n"
            "failure  driver         uplink.outside\n"
            "  0000:3b:00.0 is bound to ixgbe, not to a DPDK driver\n"
            "  fix: driverctl set-override 0000:3b:00.0 vfio-pci\n"
            "warning  swap           /dev/sda2\n"
            "  swapping is on: a table that is paged out stops a worker for milliseconds, and\n"
            "  then for some more of them\n"
            "  fix: swapoff /dev/sda2\n"
            "       /etc/fstab: remove the line\n"
            "\n"
            "1 ok, 1 warnings, 1 failures\n");
}

TEST(DoctorReport, SaysOnlyThatAllIsWell) {
  EXPECT_EQ(render_findings_table({kOk, kOk}), "2 ok, 0 warnings, 0 failures\n");
}

TEST(DoctorReport, FitsEightyColumnsWhateverIsFound) {
  HostFinding finding = kSwap;
  for (std::size_t words = 1; words < 60; ++words) {
    finding.what += fmt::format(" {:w<{}}", "", words % 13 + 1);
    std::istringstream table(render_findings_table({finding}));
    for (std::string line; std::getline(table, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(DoctorReport, LetsNoByteOfAFileSpeakToTheTerminal) {
  HostFinding finding = kSwap;
  finding.subject = "\x1b[2J";
  finding.what = "a\x07 b\xff";
  finding.fix = "echo \x1b]0;x\x07";
  const std::string table = render_findings_table({finding});
  for (const char* byte : {"\x1b", "\x07", "\xff"}) EXPECT_THAT(table, Not(HasSubstr(byte)));
  EXPECT_TRUE(nlohmann::json::accept(render_findings_json({finding})));
}

TEST(DoctorReport, GivesScriptsEveryFindingAndTheCounts) {
  const auto answer = nlohmann::json::parse(render_findings_json({kOk, kSwap, kDriver}));
  ASSERT_EQ(answer["findings"].size(), 3u);
  EXPECT_EQ(answer["findings"][1]["area"], "swap");
  EXPECT_EQ(answer["findings"][1]["subject"], "/dev/sda2");
  EXPECT_EQ(answer["findings"][1]["state"], "warning");
  EXPECT_EQ(answer["findings"][2]["what"], kDriver.what);
  EXPECT_EQ(answer["findings"][2]["fix"], kDriver.fix);
  EXPECT_EQ(answer["ok"], 1);
  EXPECT_EQ(answer["warnings"], 1);
  EXPECT_EQ(answer["failures"], 1);
}

TEST(DoctorReport, ExitsWithTheWorst) {
  EXPECT_EQ(exit_code_of({kOk}), 0);
  EXPECT_EQ(exit_code_of({kOk, kSwap}), 1);
  EXPECT_EQ(exit_code_of({kDriver, kSwap}), 2);
}

}  // namespace
}  // namespace sluice
