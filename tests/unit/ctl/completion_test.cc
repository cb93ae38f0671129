#include "ctl/completion.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ctl/verbs.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using test::ScratchDir;

/// What bash offers behind `line`, whose last word is being written.
std::string offered(const std::string& line) {
  const ScratchDir dir;
  const std::string script =
      dir.write("try", bash_completion() + "COMP_WORDS=(" + line + ")\n" +
                           "COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))\n_sluicectl\n" +
                           "echo \"${COMPREPLY[*]}\"\n");
  std::FILE* pipe = popen(("bash " + script).c_str(), "re");
  std::string text;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0);
  return text;
}

TEST(Completion, OffersVerbsThenTheirSecondWordsThenOptions) {
  EXPECT_EQ(offered("sluicectl sta"), "status stats\n");
  EXPECT_EQ(offered("sluicectl blocks ''"), "list add remove --socket --json --help\n");
  EXPECT_EQ(offered("sluicectl --json flows list --to"), "--touching\n");
  EXPECT_EQ(offered("sluicectl --socket status dr"), "drops\n");
}

TEST(Completion, OffersTheWordsThatAValueMayBe) {
  EXPECT_EQ(offered("sluicectl mode e"), "enforce\n");
  EXPECT_EQ(offered("sluicectl events follow --type ''"),
            "alert anomaly drop flow stats http dns tls ssh smtp ftp quic\n");
  EXPECT_EQ(offered("sluicectl bypass on --for ''"), "\n");
}

TEST(Completion, KnowsEveryVerbInBothShells) {
  for (const VerbRow& row : verb_table()) {
    const std::string arm = fmt::format("'{}') ", row.words);
    EXPECT_NE(bash_completion().find(arm), std::string::npos) << arm;
    EXPECT_NE(zsh_completion().find(arm), std::string::npos) << arm;
  }
}

TEST(Completion, IsCleanToBash) {
  const ScratchDir dir;
  const std::string bash = dir.write("bash", bash_completion());
  EXPECT_EQ(std::system(("bash -n " + bash).c_str()), 0);
}

}  // namespace
}  // namespace sluice
