// Texts of a ruleset, read and indexed beside the control thread: tens of thousands of them take
// longer than it may be away. Control thread only.
#pragma once

#include <future>
#include <memory>
#include <optional>

#include "control/rule_catalog.h"
#include "control/store/rule_text_index.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

/// Both null: nothing was read. Texts that cannot be read are told in the log and make empty ones.
struct LoadedTexts {
  std::shared_ptr<const RuleTextIndex> events;
  std::shared_ptr<const RuleCatalog> catalog;
};

class RuleTextLoader {
 public:
  /// Starts reading what the compiler's child answered; what was begun before comes to nothing.
  void load(OwnedFd ruleset, OwnedFd texts);
  /// Nothing until what was begun last is there, then once what was read.
  [[nodiscard]] LoadedTexts take();

 private:
  struct Work {
    OwnedFd ruleset;
    OwnedFd texts;
  };
  void start(Work work);

  std::future<LoadedTexts> loading_;
  std::optional<Work> next_;  ///< came while another one was being read
};

}  // namespace sluice
