#include "dataplane/requests.h"

#include "dataplane/address_codec.h"
#include "base/plain_codec.h"

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

template <class T>
std::vector<std::byte> encode_plain(const T& value) {
  T copy = value;
  PlainWriter writer;
  code(writer, copy);
  return writer.bytes();
}

template <class T>
Result<T> decode_plain(std::span<const std::byte> bytes) {
  T value;
  PlainReader reader(bytes);
  code(reader, value);
  if (!reader.is_complete()) {
    return fail(ErrorKind::invalid, "request: a length or value is out of range");
  }
  return value;
}

}  // namespace

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
