// The excerpts of an InspectRecord as text. The record comes from the wire process: counts out of
// range show less, never more. Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "dataplane/events.h"

namespace sluice {

struct ExcerptView {
  Buffer buffer = Buffer::payload;
  bool is_to_client = false;
  std::string_view bytes;
};

class RecordExcerpts {
 public:
  /// The record outlives it.
  explicit RecordExcerpts(const InspectRecord& record) noexcept {
    std::size_t at = 0;
    const std::size_t count = std::min<std::size_t>(record.excerpt_count, kExcerptsMax);
    for (std::size_t i = 0; i < count; ++i) {
      const Excerpt& excerpt = record.excerpts[i];
      if (excerpt.bytes > record.bytes.size() - at || excerpt.buffer >= Buffer::count_) return;
      const char* first = reinterpret_cast<const char*>(record.bytes.data()) + at;
      views_[count_++] = {excerpt.buffer, excerpt.is_to_client != 0, {first, excerpt.bytes}};
      at += excerpt.bytes;
    }
  }

  [[nodiscard]] std::span<const ExcerptView> all() const noexcept {
    return {views_.data(), count_};
  }
  /// The first of that buffer, or null.
  [[nodiscard]] const ExcerptView* find(Buffer buffer) const noexcept {
    return first([buffer](const ExcerptView& one) { return one.buffer == buffer; });
  }
  /// The first that one side sent, or null.
  [[nodiscard]] const ExcerptView* find(Buffer buffer, bool is_to_client) const noexcept {
    return first([&](const ExcerptView& one) {
      return one.buffer == buffer && one.is_to_client == is_to_client;
    });
  }

 private:
  template <class Is>
  [[nodiscard]] const ExcerptView* first(Is&& is) const noexcept {
    const auto found = std::find_if(views_.begin(), views_.begin() + count_, is);
    return found == views_.begin() + count_ ? nullptr : &*found;
  }

  std::array<ExcerptView, kExcerptsMax> views_;
  std::size_t count_ = 0;
};

}  // namespace sluice
