// From headers to a frame: from the last header to the first, each gets its lengths and checksums
// over what is already behind it.
#include "tests/support/frame_bytes.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/packet_builder.h"

namespace sluice::test {

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

std::uint32_t crc32c_bitwise(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

void PacketBuilder::write_length(std::size_t index, Bytes& header, std::size_t behind_bytes) const {
  const Header& spec = headers_[index];
  const auto behind = static_cast<std::uint32_t>(behind_bytes);
  const auto whole = static_cast<std::uint32_t>(header.size()) + behind;
  switch (spec.kind) {
    case Kind::eth:
    case Kind::vlan:  // 802.3: the type field is the length of what follows
      if (index + 1 < headers_.size() && headers_[index + 1].kind == Kind::llc && !spec.next) {
        put16(header, header.size() - 2, spec.length.value_or(behind));
      }
      break;
    case Kind::mpls: {
      const bool bottom = index + 1 >= headers_.size() || headers_[index + 1].kind != Kind::mpls;
      if (bottom) header.at(2) = static_cast<std::uint8_t>(header.at(2) | 1);
      break;
    }
    case Kind::pppoe:
      put16(header, 4, spec.length.value_or(behind + 2));
      break;
    case Kind::ipv4:
      put16(header, 2, spec.length.value_or(whole));
      break;
    case Kind::ipv6:
      put16(header, 4, spec.length.value_or(behind));
      break;
    case Kind::udp:
      put16(header, 4, spec.length.value_or(whole));
      break;
    case Kind::gtpu:
      put16(header, 2, spec.length.value_or(whole - 8));
      break;
    default:
      break;
  }
}

Bytes PacketBuilder::pseudo_header(std::size_t index, std::uint8_t protocol,
                                   std::size_t size) const {
  Bytes pseudo;
  for (std::size_t i = index; i-- > 0;) {
    const Header& ip = headers_[i];
    if (ip.kind == Kind::ipv4) {
      append(pseudo, std::span(ip.bytes).subspan(12, 8));
      append16(pseudo, protocol);
      append16(pseudo, static_cast<std::uint32_t>(size));
      return pseudo;
    }
    if (ip.kind == Kind::ipv6) {
      append(pseudo, std::span(ip.bytes).subspan(8, 32));
      append32(pseudo, static_cast<std::uint32_t>(size));
      append32(pseudo, protocol);
      return pseudo;
    }
  }
  return pseudo;
}

void PacketBuilder::write_checksum(std::size_t index, Bytes& header, const Bytes& behind) const {
  const Header& spec = headers_[index];
  Bytes covered = header;
  append(covered, behind);
  const auto with_pseudo = [&](std::uint8_t protocol) {
    Bytes all = pseudo_header(index, protocol, covered.size());
    append(all, covered);
    return internet_checksum(all);
  };
  switch (spec.kind) {
    case Kind::ipv4:
      put16(header, 10, spec.checksum.value_or(internet_checksum(header)));
      break;
    case Kind::tcp:
      put16(header, 16, spec.checksum.value_or(with_pseudo(6)));
      break;
    case Kind::udp: {
      const std::uint16_t sum = with_pseudo(17);
      put16(header, 6, spec.checksum.value_or(sum == 0 ? 0xffff : sum));
      break;
    }
    case Kind::icmp:
      put16(header, 2, spec.checksum.value_or(internet_checksum(covered)));
      break;
    case Kind::icmpv6:
      put16(header, 2, spec.checksum.value_or(with_pseudo(58)));
      break;
    case Kind::gre:
      if ((header.at(0) & 0x80) != 0 && header.size() >= 8) {
        put16(header, 4, spec.checksum.value_or(internet_checksum(covered)));
      }
      break;
    case Kind::sctp: {
      const std::uint32_t crc = spec.checksum.value_or(crc32c_bitwise(covered));
      for (unsigned i = 0; i < 4; ++i) header.at(8 + i) = static_cast<std::uint8_t>(crc >> (8 * i));
      break;
    }
    default:
      break;
  }
}

void PacketBuilder::complete(std::size_t index, Bytes& header, const Bytes& behind) const {
  write_next(index, header);
  write_length(index, header, behind.size());
  // Checksums of IP cover patched fields too, unless the patch is the checksum itself.
  const auto apply_patches = [&] {
    for (const auto& [offset, bytes] : headers_[index].patches) {
      for (std::size_t i = 0; i < bytes.size(); ++i) header.at(offset + i) = bytes[i];
    }
  };
  apply_patches();
  write_checksum(index, header, behind);
  apply_patches();
}

Bytes PacketBuilder::build() const {
  Bytes frame;
  for (std::size_t i = headers_.size(); i-- > 0;) {
    Bytes header = headers_[i].bytes;
    complete(i, header, frame);
    frame.insert(frame.begin(), header.begin(), header.end());
  }
  if (frame.size() < pad_to_) frame.resize(pad_to_, pad_fill_);
  if (cut_to_ && *cut_to_ < frame.size()) frame.resize(*cut_to_);
  if (keeps_seeds()) {
    std::string shape;
    for (const Header& header : headers_) shape += static_cast<char>(header.kind);
    keep_frame_seed(frame, shape);
  }
  return frame;
}

}  // namespace sluice::test
