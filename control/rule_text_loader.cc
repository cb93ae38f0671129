#include "control/rule_text_loader.h"

#include <chrono>
#include <utility>

#include <sched.h>

#include "base/log.h"
#include "base/result.h"
#include "rules/ruleset_codec.h"

namespace sluice {
namespace {

Result<LoadedTexts> read_texts(const OwnedFd& ruleset, const OwnedFd& texts) {
  auto ruleset_view = SealedView::map(ruleset.fd(), kRulesetBytesMax);
  if (!ruleset_view) return tl::unexpected<Error>(ruleset_view.error());
  auto texts_view = SealedView::map(texts.fd(), kRulesetBytesMax);
  if (!texts_view) return tl::unexpected<Error>(texts_view.error());
  const auto parts = decode_ruleset(ruleset_view->bytes());
  if (!parts) return tl::unexpected<Error>(parts.error());
  const auto decoded = decode_rule_texts(texts_view->bytes());
  if (!decoded) return tl::unexpected<Error>(decoded.error());
  return LoadedTexts{std::make_shared<const RuleTextIndex>(parts->ruleset, *decoded),
                     std::make_shared<const RuleCatalog>(parts->ruleset, *decoded)};
}

}  // namespace

// A future that is let go waits for its thread: none is, before it is ready.
void RuleTextLoader::load(OwnedFd ruleset, OwnedFd texts) {
  Work work{std::move(ruleset), std::move(texts)};
  if (loading_.valid()) {
    next_ = std::move(work);
  } else {
    start(std::move(work));
  }
}

void RuleTextLoader::start(Work work) {
  loading_ = std::async(std::launch::async, [files = std::move(work)] {
    const sched_param ordinary{};
    sched_setscheduler(0, SCHED_BATCH, &ordinary);  // the control thread goes before
    auto loaded = read_texts(files.ruleset, files.texts);
    if (loaded) return std::move(*loaded);
    log(LogLevel::error, "rules: texts: " + loaded.error().message);
    return LoadedTexts{std::make_shared<const RuleTextIndex>(),
                       std::make_shared<const RuleCatalog>()};
  });
}

LoadedTexts RuleTextLoader::take() {
  using namespace std::chrono_literals;
  if (!loading_.valid() || loading_.wait_for(0s) != std::future_status::ready) return {};
  LoadedTexts loaded = loading_.get();
  if (!next_) return loaded;
  start(*std::exchange(next_, std::nullopt));
  return {};
}

}  // namespace sluice
