// One frame through the decoder, for tests: builds the mbuf, fills a burst, decodes.
#pragma once

#include <memory>

#include "base/siphash.h"
#include "config/config.h"
#include "dataplane/burst.h"
#include "dataplane/decode/decoder.h"
#include "tests/support/mbuf_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice::test {

inline constexpr SipKey kTestFlowKey{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

/// A decoder whose port 0 has domain 7 and peer 1; options may be changed before `decode`.
class DecodeBench {
 public:
  DecodeBench() : decoder_(std::make_unique<Decoder>(kTestFlowKey)) {
    port.domain = 7;
    port.out_port = 1;
    port.checksums = ChecksumMode::verify;
  }

  /// The packet is valid until the next call.
  Packet& decode(const Bytes& frame, const ReceiveOptions& options = {}) {
    decoder_->configure_port(0, port);
    burst_->count = 0;
    Packet& packet = heap_.receive(*burst_, frame, options);
    decoder_->decode(*burst_, config);
    return packet;
  }
  Packet& decode_by_general_path(const Bytes& frame, const ReceiveOptions& options = {}) {
    decoder_->configure_port(0, port);
    burst_->count = 0;
    Packet& packet = heap_.receive(*burst_, frame, options);
    decoder_->decode_general(packet, config);
    return packet;
  }
  /// none where the packet travels on.
  DropReason reason_for(const Bytes& frame, const ReceiveOptions& options = {}) {
    return decode(frame, options).verdict.reason;
  }

  Decoder& decoder() { return *decoder_; }
  MbufHeap& heap() { return heap_; }

  DecodeConfig config;
  PortDecode port;

 private:
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Burst> burst_ = std::make_unique<Burst>();
  MbufHeap heap_;
};

}  // namespace sluice::test
