// Captures of ordinary traffic: connections of HTTP and TLS and exchanges of DNS, some hundreds of
// them at once, with texts planted that rules look for.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "tests/bench/capture.h"

namespace sluice::bench {

/// Where a text stands that a rule looks for.
enum class Place : std::uint8_t {
  request_target,
  request_agent,
  request_body,
  response_1k,  ///< from that byte of a body on
  response_16k,
  response_64k,
  response_gzip,
  last_segment,  ///< it ends with the last byte of the connection
  count_,
};

struct Plant {
  Place place = Place::request_target;
  std::uint32_t rule = 0;
  std::string text;
};

struct Mix {
  std::uint32_t http = 20'000;  ///< connections
  std::uint32_t tls = 8'000;
  std::uint32_t dns = 12'000;        ///< exchanges
  std::uint32_t requests_max = 3;    ///< of a connection
  std::uint32_t page_percent = 100;  ///< of the usual size
  std::uint32_t planted = 203;
  std::uint64_t seed = 1;
};

struct MixedCapture {
  Capture capture;
  std::map<std::uint32_t, std::uint64_t> planted;  ///< how often, by rule
  std::uint32_t flows = 0;
};

[[nodiscard]] MixedCapture make_mix(const Mix& mix, std::span<const Plant> plants);

}  // namespace sluice::bench
