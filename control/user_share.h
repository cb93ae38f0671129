// How much of what all share one user has in use: so many places and no more, each given back when
// its holder goes. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

namespace sluice {

class UserShare {
 public:
  using Place = std::shared_ptr<void>;

  explicit UserShare(unsigned most) noexcept : most_(most) {}

  /// Null where the user has all that he can have. The place may outlive the share.
  [[nodiscard]] Place try_take(std::uint32_t uid) {
    unsigned& used = (*used_)[uid];
    if (used >= most_) return nullptr;
    ++used;
    return {&used, [kept = used_, uid](void*) {
              const auto found = kept->find(uid);
              if (--found->second == 0) kept->erase(found);
            }};
  }

  [[nodiscard]] unsigned most() const noexcept { return most_; }

 private:
  unsigned most_;
  std::shared_ptr<std::map<std::uint32_t, unsigned>> used_ =
      std::make_shared<std::map<std::uint32_t, unsigned>>();
};

}  // namespace sluice
