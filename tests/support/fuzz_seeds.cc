#include "tests/support/fuzz_seeds.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace sluice::test {
namespace {

/// FNV-1a: names of files, nobody attacks them.
std::uint64_t hash_of(std::span<const std::uint8_t> bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

unsigned pauses = 0;

const std::string& directory() {
  static const std::string name = [] {
    const char* named = std::getenv("SLUICE_SEED_DIR");
    return std::string(named != nullptr ? named : "");
  }();
  return name;
}

/// True the first time, as long as there is room.
bool is_new(std::string_view target, std::uint64_t hash) {
  static std::map<std::string, std::set<std::uint64_t>, std::less<>> kept;
  auto found = kept.find(target);
  if (found == kept.end()) found = kept.try_emplace(std::string(target)).first;
  return found->second.size() < kSeedsOfATargetMax && found->second.insert(hash).second;
}

/// Says yes a few times to each shape.
bool has_room_for(std::string_view target, std::string_view shape) {
  static std::map<std::string, std::size_t> seeds;
  return shape.empty() || seeds[fmt::format("{}/{}", target, shape)]++ < kSeedsOfAShapeMax;
}

}  // namespace

bool keeps_seeds() noexcept { return pauses == 0 && !directory().empty(); }

SeedPause::SeedPause() noexcept { ++pauses; }
SeedPause::~SeedPause() { --pauses; }

void keep_seed(std::string_view target, std::span<const std::uint8_t> input,
               std::string_view shape) {
  if (!keeps_seeds() || input.size() > kSeedBytesMax || !has_room_for(target, shape)) return;
  const std::uint64_t hash = hash_of(input);
  if (!is_new(target, hash)) return;
  const std::filesystem::path place = std::filesystem::path(directory()) / target;
  std::filesystem::create_directories(place);
  std::ofstream(place / fmt::format("{:016x}", hash), std::ios::binary)
      .write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
}

void keep_seed(std::string_view target, std::string_view input) {
  keep_seed(target, std::span(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()));
}

void keep_frame_seed(std::span<const std::uint8_t> frame, std::string_view shape) {
  if (!keeps_seeds()) return;
  const std::uint64_t hash = hash_of(frame);
  std::vector<std::uint8_t> input{static_cast<std::uint8_t>(hash),
                                  static_cast<std::uint8_t>(hash >> 8)};
  input.insert(input.end(), frame.begin(), frame.end());
  keep_seed("decode_fuzz", input, shape);
}

}  // namespace sluice::test
