#include "control/rules_child.h"

#include <utility>

#include <sys/stat.h>

#include "base/plain_codec.h"
#include "control/config_digest.h"

namespace sluice {
namespace {

constexpr std::uint32_t kAnswerVersion = 1;
constexpr std::size_t kAnswerBytesMax = kFindingsTextMax + 256;

template <class Archive>
void code_answer(Archive& io, RulesAnswer& answer) {
  std::uint32_t version = kAnswerVersion;
  io.number(version, kAnswerVersion, kAnswerVersion);
  io.number(answer.errors);
  io.number(answer.warnings);
  io.text(answer.findings, kFindingsTextMax);
  io.number(answer.rules);
  io.boolean(answer.is_cached);
}

bool is_filled(const OwnedFd& answer) {
  struct stat status {};
  return fstat(answer.fd(), &status) == 0 && status.st_size > 0;
}

Result<RulesRead> take_answers(std::vector<OwnedFd> answers) {
  auto view = SealedView::map(answers[0].fd(), kAnswerBytesMax);
  if (!view) return with_context("rules", view.error());
  auto answer = decode_rules_answer(view->bytes());
  if (!answer) return tl::unexpected<Error>(answer.error());
  RulesRead read{std::move(*answer), {}, {}};
  if (!is_filled(answers[1]) || !is_filled(answers[2])) return read;
  read.ruleset = std::move(answers[1]);
  read.texts = std::move(answers[2]);
  return read;
}

}  // namespace

std::vector<std::byte> encode_rules_answer(const RulesAnswer& answer) {
  return write_plain(answer, [](auto& io, RulesAnswer& all) { code_answer(io, all); });
}

Result<RulesAnswer> decode_rules_answer(std::span<const std::byte> bytes) {
  return read_plain<RulesAnswer>(bytes, "answer about rules",
                                 [](auto& io, RulesAnswer& all) { code_answer(io, all); });
}

Result<RulesRead> read_rules_here(const RulesRequest& request) {
  auto answers = make_answers(kRulesChild);
  if (!answers) return tl::unexpected<Error>(answers.error());
  const int fds[] = {(*answers)[0].fd(), (*answers)[1].fd(), (*answers)[2].fd()};
  if (run_rules_child(request, fds) != 0) {
    return fail(ErrorKind::io, "rules: the child ended with code 1");
  }
  return take_answers(std::move(*answers));
}

void RulesChild::read(const RulesRequest& request, RulesReadDone done, TimeNs now) {
  const auto take = [done = std::move(done)](Result<std::vector<OwnedFd>> answers) {
    if (!answers) return done(tl::unexpected<Error>(answers.error()));
    done(take_answers(std::move(*answers)));
  };
  child_.start(
      {"--config", request.config_path, "--cache", request.cache, "--digest", request.digest}, take,
      now);
}

}  // namespace sluice
