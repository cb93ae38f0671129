// Malformed packets in any number, the same ones for the same seed: well-formed frames of every
// kind that the decoder knows, and what becomes of them when they are cut, flipped, lengthened,
// chained at random or given nonsense lengths. For tests of the decoder and of the whole pipeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/support/packet_builder.h"

namespace sluice::test {

/// One well-formed frame of each kind: links, families, extensions, transports, tunnels, fragments.
[[nodiscard]] std::vector<Bytes> well_formed_frames();

class MalformedFrames {
 public:
  explicit MalformedFrames(std::uint32_t seed);

  /// The next frame; about one in eight is well-formed after all. 0 to 9,018 bytes.
  [[nodiscard]] Bytes next();

 private:
  enum class Kind : std::uint8_t { cut, flip, chain, lengths, splice, random, jumbo, whole, count };

  [[nodiscard]] std::size_t below(std::size_t bound);
  [[nodiscard]] Bytes any_frame();
  [[nodiscard]] Bytes chain_of_headers();
  void flip_bits(Bytes& frame);
  void nonsense_lengths(Bytes& frame);
  void append_random_header(PacketBuilder& builder);
  void append_random_tunnel(PacketBuilder& builder, std::size_t which);
  void append_random_transport(PacketBuilder& builder, std::size_t which);
  void append_random_extension(PacketBuilder& builder, std::size_t which);

  std::mt19937 random_;
  std::vector<Bytes> seeds_;
  std::size_t cut_seed_ = 0;  ///< truncation walks over every length of every seed
  std::size_t cut_bytes_ = 0;
};

}  // namespace sluice::test
