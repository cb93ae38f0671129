#include "dataplane/requests.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

#include <fmt/format.h>

#include "base/plain_codec.h"
#include "dataplane/address_codec.h"

namespace sluice {
namespace {

template <class Archive>
void code_block(Archive& io, BlockEntry& block) {
  io.number(block.id, 1);
  io.number(block.until);
  io.enumeration(block.kind, BlockKind::flow);
  code_prefix(io, block.prefix);
  code_address(io, block.low);
  code_address(io, block.high);
  io.check(block.low.version == block.high.version);
  io.number(block.low_port);
  io.number(block.high_port);
  io.number(block.protocol);
}

template <class Archive>
void code(Archive& io, BlockChanges& changes) {
  io.boolean(changes.replaces_all);
  io.sequence(changes.added, kBlocksMax, [&io](BlockEntry& block) { code_block(io, block); });
  io.sequence(changes.removed, kBlocksMax, [&io](std::uint64_t& id) { io.number(id, 1); });
}

template <class Archive>
void code(Archive& io, BlockReceipt& receipt) {
  io.number(receipt.active, 0, kBlocksMax);
  io.sequence(receipt.slots, kBlocksMax,
              [&io](std::uint32_t& slot) { io.number(slot, 0, kBlocksMax - 1); });
}

template <class Archive>
void code(Archive& io, RowQuery& query) {
  io.number(query.cursor);
  io.number(query.most, 1, kRowsPerReplyMax);
  code_prefix(io, query.touching);
  io.boolean(query.refused_only);
  io.boolean(query.largest);
  io.check(!query.largest || (query.cursor == 0 && query.most <= kLargestRowsMax));
}

// Records come from the wire process and are read field by field where they are shown; only what
// indexes a table is looked at there.
template <class Archive>
void code(Archive& io, FlowRows& rows) {
  io.number(rows.next);
  io.sequence(rows.rows, kRowsPerReplyMax,
              [&io](FlowRecord& record) { io.raw(&record, sizeof record); });
}

template <class Archive>
void code(Archive& io, SourceRows& rows) {
  io.number(rows.next);
  io.sequence(rows.rows, kRowsPerReplyMax, [&io](SourceRow& row) {
    code_prefix(io, row.source);
    io.number(row.last_seen);
    io.number(row.packets_refused);
    io.number(row.packets_left);
    io.number(row.bytes_left);
    io.number(row.worker);
  });
}

/// Of changes without any block: the flag, the count of those that are added, and that of others.
constexpr std::size_t kAddedCountAt = sizeof(std::uint8_t);
constexpr std::size_t kAddedAt = kAddedCountAt + sizeof(std::uint32_t);
constexpr std::size_t kSlotsAt = sizeof(std::uint64_t) + sizeof(std::uint32_t);

tl::unexpected<Error> cannot_write() {
  return fail(ErrorKind::io, fmt::format("cannot write shared memory: {}", std::strerror(errno)));
}

template <class T>
std::vector<std::byte> encode_plain(const T& value) {
  return write_plain(value, [](auto& io, T& all) { code(io, all); });
}

template <class T>
Result<T> decode_plain(std::span<const std::byte> bytes) {
  return read_plain<T>(bytes, "request", [](auto& io, T& all) { code(io, all); });
}

}  // namespace

Result<WholeBlocksBody> WholeBlocksBody::begin() {
  auto memfd = make_memfd("sluice-blocks");
  if (!memfd) return tl::unexpected<Error>(memfd.error());
  BlockChanges none;
  none.replaces_all = true;
  const auto head = encode(none);
  if (write(memfd->fd(), head.data(), kAddedAt) != static_cast<ssize_t>(kAddedAt)) {
    return cannot_write();
  }
  return WholeBlocksBody(std::move(*memfd));
}

Status WholeBlocksBody::append(std::span<const BlockEntry> added) {
  PlainWriter writer;
  for (BlockEntry block : added) code_block(writer, block);
  const auto& bytes = writer.bytes();
  if (write(memfd_.fd(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return cannot_write();
  }
  count_ += static_cast<std::uint32_t>(added.size());
  return {};
}

Result<OwnedFd> WholeBlocksBody::seal() {
  if (pwrite(memfd_.fd(), &count_, sizeof count_, kAddedCountAt) != sizeof count_) {
    return cannot_write();
  }
  const std::uint32_t removed = 0;
  if (auto sealed = write_and_seal(memfd_.fd(), std::as_bytes(std::span(&removed, 1))); !sealed) {
    return tl::unexpected<Error>(sealed.error());
  }
  return std::move(memfd_);
}

Result<ReceiptSlots> ReceiptSlots::of(std::span<const std::byte> bytes) {
  std::uint32_t count = 0;
  if (bytes.size() >= kSlotsAt) {
    std::memcpy(&count, bytes.data() + kSlotsAt - sizeof count, sizeof count);
  }
  const std::span<const std::byte> slots = bytes.subspan(std::min(bytes.size(), kSlotsAt));
  if (bytes.size() >= kSlotsAt && slots.size() == std::size_t{count} * sizeof count) {
    return ReceiptSlots(slots);
  }
  return fail(ErrorKind::invalid, "receipt: its length is not that of its slots");
}

std::uint32_t ReceiptSlots::at(std::size_t i) const noexcept {
  std::uint32_t slot = 0;
  std::memcpy(&slot, bytes_.data() + i * sizeof slot, sizeof slot);
  return slot;
}

std::vector<std::byte> encode(const BlockChanges& changes) { return encode_plain(changes); }
std::vector<std::byte> encode(const BlockReceipt& receipt) { return encode_plain(receipt); }
std::vector<std::byte> encode(const RowQuery& query) { return encode_plain(query); }
std::vector<std::byte> encode(const FlowRows& rows) { return encode_plain(rows); }
std::vector<std::byte> encode(const SourceRows& rows) { return encode_plain(rows); }

template <>
Result<BlockChanges> decode_as(std::span<const std::byte> bytes) {
  return decode_plain<BlockChanges>(bytes);
}
template <>
Result<BlockReceipt> decode_as(std::span<const std::byte> bytes) {
  return decode_plain<BlockReceipt>(bytes);
}
template <>
Result<RowQuery> decode_as(std::span<const std::byte> bytes) {
  return decode_plain<RowQuery>(bytes);
}
template <>
Result<FlowRows> decode_as(std::span<const std::byte> bytes) {
  return decode_plain<FlowRows>(bytes);
}
template <>
Result<SourceRows> decode_as(std::span<const std::byte> bytes) {
  return decode_plain<SourceRows>(bytes);
}

}  // namespace sluice
