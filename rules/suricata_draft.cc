#include "rules/suricata_draft.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::size_t kAddressesShownMax = 80;

/// Buffers of which a message may have several.
bool comes_several_times(Buffer buffer) noexcept {
  switch (buffer) {
    case Buffer::dns_query:
    case Buffer::dns_answer:
    case Buffer::tls_certs:
    case Buffer::file_data:
    case Buffer::smtp_rcpt_to:
    case Buffer::ftp_reply:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::size_t RuleDraft::part_of(Buffer buffer, const std::vector<TransformStep>& transforms) {
  for (std::size_t i = rule.match.size(); i-- > 0;) {
    const BufferTerms& part = rule.match[i];
    if (part.buffer == buffer && part.transforms == transforms && !states_[i].has_base64) return i;
  }
  rule.match.push_back({buffer, transforms, {}});
  states_.emplace_back();
  return rule.match.size() - 1;
}

std::size_t RuleDraft::selected_part() {
  if (part_ != kNone) return part_;
  if (begins_part_) {
    rule.match.push_back({selected_, transforms_, {}});
    states_.emplace_back();
    part_ = rule.match.size() - 1;
  } else {
    part_ = part_of(selected_, transforms_);
  }
  return part_;
}

Status RuleDraft::leave_selected() const {
  if (end_ && !is_end_asked_) {
    return fail(ErrorKind::invalid, "an address is named, but nothing looks into it");
  }
  if (!is_selected_ || part_ != kNone) return {};
  return fail(ErrorKind::invalid,
              fmt::format("{} is named, but nothing looks into it", name_of(selected_)));
}

void RuleDraft::begin_selection(Buffer buffer) {
  selected_ = buffer;
  is_selected_ = true;
  end_.reset();
  is_end_asked_ = false;
  begins_part_ = comes_several_times(buffer);
  sees_decoded_ = false;
  transforms_.clear();
  part_ = kNone;
}

Status RuleDraft::select(Buffer buffer) {
  if (auto left = leave_selected(); !left) return left;
  begin_selection(buffer);
  return {};
}

Status RuleDraft::select_payload() {
  if (auto left = leave_selected(); !left) return left;
  begin_selection(Buffer::payload);
  is_selected_ = false;
  return {};
}

Status RuleDraft::select_address(PacketEnd end) {
  if (auto selected = select_payload(); !selected) return selected;
  end_ = end;
  return {};
}

/// "Both of two sets" cannot be said of an address, nor "in a set and in these".
Status RuleDraft::add_addresses(const DatasetUse& use, bool is_negated) {
  if (use.type != DatasetType::address) {
    return fail(ErrorKind::invalid, "its type is not ip, and addresses are");
  }
  if (rule.when.is_bidirectional) {
    return fail(ErrorKind::invalid, "the rule has no one direction: its addresses change places");
  }
  std::string& addresses = *end_ == PacketEnd::source ? rule.when.source : rule.when.destination;
  is_end_asked_ = true;
  if (is_negated) {
    addresses = addresses == "any" ? fmt::format("!@{}", use.set)
                                   : fmt::format("[{}, !@{}]", addresses, use.set);
    return {};
  }
  if (addresses != "any") {
    return fail(ErrorKind::invalid,
                fmt::format("the rule asks for other addresses besides, '{}': a set that holds "
                            "what is in both would do",
                            addresses.substr(0, kAddressesShownMax)));
  }
  addresses = fmt::format("@{}", use.set);
  return {};
}

Status RuleDraft::add_dataset(DatasetUse use, bool is_negated) {
  if (end_) {
    use.type = use.type.value_or(DatasetType::address);
    if (auto added = add_addresses(use, is_negated); !added) return added;
    datasets.push_back(std::move(use));
    return {};
  }
  if (!is_selected_) return fail(ErrorKind::invalid, "the name of a buffer belongs before it");
  if (use.type == DatasetType::address) {
    return fail(ErrorKind::invalid,
                "its type is ip: ip.src or ip.dst belongs before it, and no buffer");
  }
  if (row_of(selected_).is_streamed || row_of(selected_).service == Service::any) {
    return fail(ErrorKind::invalid, fmt::format("{} has no whole to compare", name_of(selected_)));
  }
  SetTerm term;
  term.match = SetMatch::named;
  term.is_negated = is_negated;
  term.name = use.set;
  datasets.push_back(std::move(use));
  return add(std::move(term));
}

Status RuleDraft::select_decoded() {
  if (auto left = leave_selected(); !left) return left;
  for (std::size_t i = states_.size(); i-- > 0;) {
    if (!states_[i].has_base64) continue;
    begin_selection(rule.match[i].buffer);
    transforms_ = rule.match[i].transforms;
    part_ = i;
    sees_decoded_ = true;
    return {};
  }
  return fail(ErrorKind::invalid, "there is no base64_decode before it");
}

Status RuleDraft::add_transform(TransformStep step) {
  if (!is_selected_) return fail(ErrorKind::invalid, "the name of a buffer belongs before it");
  if (part_ != kNone) {
    return fail(ErrorKind::invalid, "it stands behind terms: it belongs behind the buffer's name");
  }
  transforms_.push_back(std::move(step));
  return {};
}

Status RuleDraft::append(std::size_t part, Term term) {
  if (end_) return fail(ErrorKind::invalid, "datasets alone are asked for an address");
  PartState& state = states_[part];
  if (state.has_base64 && !sees_decoded_) {
    return fail(ErrorKind::invalid, "a term stands between base64_decode and base64_data");
  }
  state.has_base64 = state.has_base64 || std::holds_alternative<Base64Term>(term);
  is_content_last_ = std::holds_alternative<ContentTerm>(term);
  std::vector<Term>& terms = rule.match[part].terms;
  terms.push_back(std::move(term));
  if (is_content_last_) last_content_ = {part, terms.size() - 1};
  last_part_ = part;
  return {};
}

Status RuleDraft::add(Term term) { return append(selected_part(), std::move(term)); }

Status RuleDraft::add_to(Buffer buffer, Term term) {
  if (is_selected_ && selected_ == buffer) return add(std::move(term));
  if (is_selected_) {
    return fail(ErrorKind::invalid,
                fmt::format("it is about {} while {} is selected: pkt_data belongs before it",
                            name_of(buffer), name_of(selected_)));
  }
  return append(part_of(buffer, {}), std::move(term));
}

Status RuleDraft::add_behind_last(Term term) {
  if (is_selected_ || last_part_ == kNone) return add(std::move(term));
  return append(last_part_, std::move(term));
}

void RuleDraft::add_size(Buffer buffer, NumberRange bytes) {
  states_[part_of(buffer, {})].sizes.push_back({bytes});
}

Status RuleDraft::add_selected_size(NumberRange bytes) {
  if (!is_selected_) return fail(ErrorKind::invalid, "the name of a buffer belongs before it");
  if (sees_decoded_) return fail(ErrorKind::invalid, "the size of decoded bytes is not looked at");
  states_[selected_part()].sizes.push_back({bytes});
  return {};
}

ContentTerm* RuleDraft::last_content() noexcept {
  if (last_content_.part == kNone) return nullptr;
  return std::get_if<ContentTerm>(&rule.match[last_content_.part].terms[last_content_.term]);
}

Status RuleDraft::move_last_content(Buffer buffer) {
  const ContentTerm* content = last_content();
  if (content == nullptr) return fail(ErrorKind::invalid, "there is no content before it");
  const Place from = last_content_;
  if (rule.match[from.part].buffer == buffer) return {};
  if (rule.match[from.part].buffer != Buffer::payload || is_selected_) {
    return fail(ErrorKind::invalid,
                fmt::format("the content before it is about {} already: pkt_data belongs before "
                            "the content",
                            name_of(rule.match[from.part].buffer)));
  }
  const std::size_t last_part = is_content_last_ ? kNone : last_part_;
  ContentTerm moved = *content;
  std::vector<Term>& terms = rule.match[from.part].terms;
  terms.erase(std::next(terms.begin(), static_cast<std::ptrdiff_t>(from.term)));
  if (auto added = append(part_of(buffer, {}), std::move(moved)); !added) return added;
  if (last_part != kNone) last_part_ = last_part;
  return {};
}

Status RuleDraft::finish() {
  if (auto left = leave_selected(); !left) return left;
  std::vector<BufferTerms> parts;
  for (std::size_t i = 0; i < rule.match.size(); ++i) {
    BufferTerms& part = rule.match[i];
    part.terms.insert(part.terms.begin(), states_[i].sizes.begin(), states_[i].sizes.end());
    if (!part.terms.empty()) parts.push_back(std::move(part));
  }
  rule.match = std::move(parts);
  return {};
}

}  // namespace sluice
