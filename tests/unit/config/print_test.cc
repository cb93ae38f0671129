#include "config/print.h"

#include <gtest/gtest.h>

#include <random>
#include <span>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/options.h"

namespace sluice {
namespace {

std::string random_text(std::mt19937_64& random, const OptionRange& range) {
  constexpr std::string_view kAlphabet = "ab: #\"'\\-,[]{}&*!|>%@`?~=.\xc3\xa9";
  std::string text;
  const std::uint64_t bytes = range.min + random() % 12;
  while (text.size() < bytes && text.size() + 1 < range.max) {
    const char c = kAlphabet[random() % kAlphabet.size()];
    text += static_cast<unsigned char>(c) < 0x80 ? std::string(1, c) : "\xc3\xa9";
  }
  return text;
}

IpPrefix random_prefix(std::mt19937_64& random) {
  IpPrefix prefix;
  prefix.address.version = random() % 2 == 0 ? 4 : 6;
  prefix.length = static_cast<std::uint8_t>(random() % (prefix.address.bits() + 1));
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    if (random() % 2 == 0) continue;
    prefix.address.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  }
  return prefix;
}

OptionValue random_value(std::mt19937_64& random, const OptionShape& shape) {
  const std::size_t count = random() % 4;
  switch (shape.type) {
    case OptionType::boolean:
      return random() % 2;
    case OptionType::word:
      return random() % shape.words.size();
    case OptionType::text:
      return random_text(random, shape.range);
    case OptionType::prefixes: {
      std::vector<IpPrefix> prefixes;
      for (std::size_t i = 0; i < count; ++i) prefixes.push_back(random_prefix(random));
      return prefixes;
    }
    case OptionType::paths:
    case OptionType::texts: {
      std::vector<std::string> paths;
      for (std::size_t i = 0; i < count; ++i) paths.push_back(random_text(random, {1, 20}));
      return paths;
    }
    default:
      break;
  }
  if (!shape.zero_means.empty() && random() % 4 == 0) return std::uint64_t{0};
  const std::uint64_t width = shape.range.max - shape.range.min;
  return shape.range.min + (random() >> (random() % 64)) % (width + 1);
}

template <class Record>
Record random_record(std::mt19937_64& random, std::span<const Option<Record>> options) {
  Record record;
  for (const auto& option : options) option.write(record, random_value(random, option.shape));
  return record;
}

TEST(PrintConfig, ReadsBackAsTheSameConfiguration) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 400; ++i) {
    Config config = random_record(random, config_options());
    for (std::size_t pair = 0; pair < static_cast<std::size_t>(i) % (kPairsMax + 1); ++pair) {
      config.pairs.push_back(random_record(random, pair_options()));
    }
    for (int limit = 0; limit < i % 3; ++limit) {
      config.rule_limits.push_back(random_record(random, rule_limit_options()));
    }
    for (int set = 0; set < i % 4; ++set) {
      config.sets.push_back(random_record(random, set_options()));
    }
    const std::string text = print_config(config);
    const LoadedConfig loaded = load_config("printed", text);
    ASSERT_FALSE(loaded.findings.has_errors()) << loaded.findings.render();
    ASSERT_EQ(loaded.config, config) << text;
    ASSERT_EQ(print_config(loaded.config), text);
  }
}

TEST(PrintConfig, OfTheDefaultsIsAnEmptyFile) {
  const LoadedConfig empty = load_config("empty", "");
  EXPECT_EQ(empty.config, Config{});
  EXPECT_EQ(load_config("printed", print_config(Config{})).config, Config{});
}

}  // namespace
}  // namespace sluice
