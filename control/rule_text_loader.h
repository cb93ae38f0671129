// Texts of a ruleset, read and indexed beside the control thread: tens of thousands of them take
// longer than it may be away. Control thread only.
#pragma once

#include <future>
#include <memory>
#include <optional>

#include "control/store/rule_text_index.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

class RuleTextLoader {
 public:
  /// Starts reading what the compiler's child answered; what was begun before comes to nothing.
  void load(OwnedFd ruleset, OwnedFd texts);
  /// Null until what was begun last is there, then once the index. Texts that cannot be read are
  /// told in the log and make an empty index.
  [[nodiscard]] std::shared_ptr<const RuleTextIndex> take();

 private:
  struct Work {
    OwnedFd ruleset;
    OwnedFd texts;
  };
  void start(Work work);

  std::future<std::shared_ptr<const RuleTextIndex>> loading_;
  std::optional<Work> next_;  ///< came while another one was being read
};

}  // namespace sluice
