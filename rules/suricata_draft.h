// A rule while the importer reads its options one by one: which buffer the next term belongs to,
// which content a modifier is about, and what an import leaves out. Control side only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "rules/rule.h"
#include "rules/suricata_datasets.h"

namespace sluice {

/// A keyword that was taken and means less here than it did.
struct SuricataDowngrade {
  std::string keyword;
  std::string reason;
};

enum class PacketEnd : std::uint8_t { source, destination };

class RuleDraft {
 public:
  Rule rule;
  std::optional<std::uint32_t> priority;
  std::optional<std::string> confidence;          ///< of the metadata
  std::optional<std::string> signature_severity;  ///< of the metadata
  std::vector<SuricataDowngrade> downgrades;
  std::vector<DatasetUse> datasets;

  /// Terms from here on look into `buffer`. A buffer that comes several times in a message begins
  /// a part of its own every time it is named; others go on where they were left.
  [[nodiscard]] Status select(Buffer buffer);
  /// Terms from here on look into the payload.
  [[nodiscard]] Status select_payload();
  /// Terms from here on see what base64_decode has decoded.
  [[nodiscard]] Status select_decoded();
  /// What comes next is asked of an address of the packet, which datasets alone can be.
  [[nodiscard]] Status select_address(PacketEnd end);
  /// Of what is selected: a buffer that comes whole, or an address.
  [[nodiscard]] Status add_dataset(DatasetUse use, bool is_negated);
  /// Of the buffer that was selected, which has no terms yet.
  [[nodiscard]] Status add_transform(TransformStep step);

  /// Into the selected buffer.
  [[nodiscard]] Status add(Term term);
  /// Into `buffer`, which a flag or the keyword itself names while none is selected.
  [[nodiscard]] Status add_to(Buffer buffer, Term term);
  /// Into the selected buffer; where none is, behind the last term.
  [[nodiscard]] Status add_behind_last(Term term);
  /// In front of the terms of its part: it moves no place.
  void add_size(Buffer buffer, NumberRange bytes);
  [[nodiscard]] Status add_selected_size(NumberRange bytes);

  /// The content that modifiers are about; null before the first one.
  [[nodiscard]] ContentTerm* last_content() noexcept;
  /// Out of the payload into `buffer`, as the modifiers of old do it.
  [[nodiscard]] Status move_last_content(Buffer buffer);
  [[nodiscard]] bool has_selected() const noexcept { return is_selected_; }

  /// After the last option: parts without terms go, sizes stand in front.
  [[nodiscard]] Status finish();

 private:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  /// Beside a part of `rule.match`.
  struct PartState {
    std::vector<SizeTerm> sizes;
    bool has_base64 = false;
  };
  struct Place {
    std::size_t part = kNone;
    std::size_t term = 0;
  };

  [[nodiscard]] std::size_t part_of(Buffer buffer, const std::vector<TransformStep>& transforms);
  [[nodiscard]] std::size_t selected_part();
  [[nodiscard]] Status append(std::size_t part, Term term);
  [[nodiscard]] Status leave_selected() const;
  void begin_selection(Buffer buffer);
  [[nodiscard]] Status add_addresses(const DatasetUse& use, bool is_negated);

  std::vector<PartState> states_;
  Buffer selected_ = Buffer::payload;
  bool is_selected_ = false;  ///< by a keyword, so that modifiers may not name another
  bool begins_part_ = false;
  std::optional<PacketEnd> end_;  ///< is selected in place of a buffer
  bool is_end_asked_ = false;
  bool sees_decoded_ = false;
  std::vector<TransformStep> transforms_;
  std::size_t part_ = kNone;  ///< of the selected buffer, once it has a term
  Place last_content_;
  std::size_t last_part_ = kNone;  ///< where the last term went
  bool is_content_last_ = false;   ///< the last term is the last content
};

}  // namespace sluice
