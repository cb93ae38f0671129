// StreamReassembly against the byte-array model, on random sequences of operations.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/fuzz_seeds.h"
#include "tests/support/stream_model.h"

namespace sluice {
namespace {

// The model ends the program where it is not obeyed.
TEST(StreamReassemblyModel, AgreesWithTheByteArrayModelOnRandomSequences) {
  std::mt19937 random(20);
  for (unsigned round = 0; round < 400; ++round) {
    std::vector<std::uint8_t> bytes(200 + random() % 800);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    test::run_stream_operations(bytes);
    if (round < 32) test::keep_seed("reassembly_fuzz", bytes);
  }
}

}  // namespace
}  // namespace sluice
