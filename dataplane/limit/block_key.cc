#include "dataplane/limit/block_key.h"

#include <bit>

#include "base/endian.h"
#include "base/five_tuple.h"

namespace sluice {
namespace {

BlockKey source_key(const IpPrefix& prefix) noexcept {
  BlockKey key;
  key.length = prefix.length;
  if (prefix.address.version == 4) {
    key.kind = BlockKeyKind::source_v4;
    key.words = {prefix.address.v4(), source_tail(key.kind, prefix.length)};
    return key;
  }
  key.kind = BlockKeyKind::source_v6;
  const std::uint8_t* bytes = prefix.address.bytes.data();
  key.words = {load_be64(bytes), load_be64(bytes + 8), source_tail(key.kind, prefix.length)};
  return key;
}

BlockKey flow_key(const BlockEntry& entry) noexcept {
  const bool has_ports = has_block_ports(entry.protocol);
  FiveTuple tuple;
  tuple.source = entry.low;
  tuple.destination = entry.high;
  tuple.source_port = has_ports ? entry.low_port : std::uint16_t{0};
  tuple.destination_port = has_ports ? entry.high_port : std::uint16_t{0};
  tuple.protocol = entry.protocol;
  const FlowKey flow = canonical(tuple).key;
  BlockKey key;
  if (flow.version == 4) {
    key.kind = BlockKeyKind::flow_v4;
    const FlowId id = flow_id({}, flow);
    const auto words = flow_words_v4(id.lo, id.hi);
    key.words = {words[0], words[1]};
    return key;
  }
  key.kind = BlockKeyKind::flow_v6;
  key.words = std::bit_cast<std::array<std::uint64_t, 5>>(flow);
  return key;
}

template <std::size_t N>
std::uint64_t hash_words(const SipKey& key, const BlockKey& block) noexcept {
  std::array<std::uint64_t, N> words;
  for (std::size_t i = 0; i < N; ++i) words[i] = block.words[i];
  return siphash13(key, words);
}

}  // namespace

BlockKey block_key(const BlockEntry& entry) noexcept {
  return entry.kind == BlockKind::source ? source_key(entry.prefix) : flow_key(entry);
}

std::uint64_t hash_flow(const SipKey& key, const BlockKey& block) noexcept {
  return block.kind == BlockKeyKind::flow_v6 ? hash_words<5>(key, block)
                                             : hash_words<2>(key, block);
}

}  // namespace sluice
