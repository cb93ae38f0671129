// Changes of blocks, as the control process asks for them: each carried out as a whole or not at
// all, in bounded steps, so that a million blocks do not keep the keeper from its other work. A
// block that stays is in force all the while. Keeper thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/channel.h"
#include "dataplane/limit/block_table.h"

namespace sluice {

class KeeperBlocks {
 public:
  struct Answer {
    std::uint64_t number = 0;  ///< of the request
    Result<BlockReceipt> receipt;
  };

  explicit KeeperBlocks(BlockTable& table) : table_(table), is_kept_(table.capacity()) {}

  /// A request of kind `change_blocks`; it is read when its turn comes. Errors: limit, where too
  /// many wait.
  [[nodiscard]] Status take(Message request);
  /// Looks at no more than about `steps` blocks: goes on with the change at hand, or removes what
  /// has run out. An answer once a change is carried out or refused.
  [[nodiscard]] std::optional<Answer> turn(TimeNs now, std::uint32_t steps);
  /// Who asked is gone: what is begun is finished, nothing is answered.
  void forget();

  [[nodiscard]] bool is_busy() const noexcept { return step_ != Step::none || !waiting_.empty(); }
  /// The control process has once said which blocks there are.
  [[nodiscard]] bool is_told() const noexcept { return is_told_; }
  [[nodiscard]] std::uint64_t active() const noexcept { return table_.active(); }
  [[nodiscard]] std::uint64_t expired() const noexcept { return expired_; }

 private:
  /// In the order in which they are taken.
  enum class Step : std::uint8_t { none, expire, count, renew, remove, insert, done };

  [[nodiscard]] Status begin();
  [[nodiscard]] std::size_t length_of(Step step) const noexcept;
  void look_at(std::size_t place, TimeNs now);
  [[nodiscard]] Status enter_next();
  void count(std::size_t place);
  void renew(std::size_t place);
  void remove(std::size_t place);
  void insert(std::size_t place);
  [[nodiscard]] std::optional<Answer> end(Result<BlockReceipt> receipt);

  BlockTable& table_;
  std::deque<Message> waiting_;

  bool is_told_ = false;

  // The change at hand.
  Step step_ = Step::none;
  std::size_t place_ = 0;
  bool is_answered_ = true;  ///< false: who asked is gone
  std::uint64_t number_ = 0;
  BlockChanges changes_;
  std::vector<std::uint32_t> slots_;  ///< of `changes_.added`
  std::vector<bool> is_kept_;         ///< by slot
  std::uint64_t missing_ = 0;         ///< added ones that need a slot
  std::uint64_t leaving_ = 0;         ///< slots that `changes_.removed` frees
  std::uint64_t expired_ = 0;
};

}  // namespace sluice
