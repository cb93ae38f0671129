#include "control/respond/whole_set.h"

#include <utility>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t kCopiedPerPiece = 512;
constexpr std::size_t kTakenPerPiece = 256;

tl::unexpected<Error> for_others() {
  return fail(ErrorKind::internal, "blocks: the wire process answered for other blocks");
}

}  // namespace

Result<std::optional<OwnedFd>> WholeSet::copy(const BlockSet& set) {
  if (!body_) {
    auto begun = WholeBlocksBody::begin();
    if (!begun) return tl::unexpected<Error>(begun.error());
    body_.emplace(std::move(*begun));
  }
  std::vector<BlockEntry> piece;
  piece.reserve(kCopiedPerPiece);
  set.walk(last_id_, [&](const BlockSet::Entry& entry) {
    piece.push_back(block_entry(entry.target, entry.id, entry.until));
    ids_.push_back(last_id_ = entry.id);
    return piece.size() < kCopiedPerPiece;
  });
  if (!piece.empty()) {
    if (auto appended = body_->append(piece); !appended) {
      return tl::unexpected<Error>(appended.error());
    }
    return std::nullopt;
  }
  // Of 70 MB this takes a millisecond by itself.
  auto sealed = body_->seal();
  if (!sealed) return tl::unexpected<Error>(sealed.error());
  body_.reset();
  step_ = Step::waiting;
  return std::optional<OwnedFd>(std::move(*sealed));
}

Status WholeSet::take(Result<SealedView> reply) {
  if (!reply) return tl::unexpected<Error>(reply.error());
  const auto slots = ReceiptSlots::of(reply->bytes());
  if (!slots) return tl::unexpected<Error>(slots.error());
  if (slots->size() != ids_.size()) return for_others();
  slots_.emplace(*slots);
  reply_.emplace(std::move(*reply));
  step_ = Step::taking;
  return {};
}

Result<bool> WholeSet::pass_on(BlockSet& set, const EachSlot& each) {
  if (ids_.empty()) return true;
  for (std::size_t i = 0; i < kTakenPerPiece && !ids_.empty(); ++i, ids_.pop_front()) {
    const std::uint32_t slot = slots_->at(next_++);
    if (slot >= set.capacity()) return for_others();
    if (BlockSet::Entry* entry = set.find(ids_.front())) each(*entry, slot);
  }
  return false;
}

}  // namespace sluice
