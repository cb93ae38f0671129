// What tests turn on the header that was added last, or on the whole frame.
#include "tests/support/packet_builder.h"

namespace sluice::test {

PacketBuilder& PacketBuilder::length(std::uint32_t value) {
  headers_.back().length = value;
  return *this;
}
PacketBuilder& PacketBuilder::checksum(std::uint32_t value) {
  headers_.back().checksum = value;
  return *this;
}
PacketBuilder& PacketBuilder::next(std::uint16_t value) {
  headers_.back().next = value;
  return *this;
}

PacketBuilder& PacketBuilder::version(std::uint8_t value) {
  Header& header = headers_.back();
  if (header.kind == Kind::gre) {
    header.bytes.at(1) = static_cast<std::uint8_t>((header.bytes.at(1) & 0xf8) | value);
  } else {
    header.bytes.at(0) = static_cast<std::uint8_t>((header.bytes.at(0) & 0x0f) | value << 4);
  }
  return *this;
}

PacketBuilder& PacketBuilder::header_words(std::uint8_t value) {
  Header& header = headers_.back();
  if (header.kind == Kind::ipv4) {
    header.bytes.at(0) = static_cast<std::uint8_t>((header.bytes.at(0) & 0xf0) | value);
  } else if (header.kind == Kind::tcp) {
    header.bytes.at(12) = static_cast<std::uint8_t>(value << 4);
  } else if (header.kind == Kind::geneve) {
    header.bytes.at(0) = static_cast<std::uint8_t>((header.bytes.at(0) & 0xc0) | value);
  } else {
    header.bytes.at(1) = value;
  }
  return *this;
}

PacketBuilder& PacketBuilder::patch(std::size_t offset, std::initializer_list<std::uint8_t> bytes) {
  headers_.back().patches.emplace_back(offset, Bytes(bytes));
  return *this;
}

PacketBuilder& PacketBuilder::pad_to(std::size_t frame_bytes, std::uint8_t fill) {
  pad_to_ = frame_bytes;
  pad_fill_ = fill;
  return *this;
}
PacketBuilder& PacketBuilder::cut_to(std::size_t frame_bytes) {
  cut_to_ = frame_bytes;
  return *this;
}

}  // namespace sluice::test
