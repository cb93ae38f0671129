#include "rules/service.h"

#include <array>

namespace sluice {
namespace {

constexpr std::array<std::string_view, kServiceCount> kNames{"any",      "unknown", "http", "http2",
                                                             "dns",      "tls",     "smtp", "ftp",
                                                             "ftp-data", "ssh",     "quic", "smb"};

}  // namespace

std::string_view name_of(Service service) noexcept {
  return kNames[static_cast<std::size_t>(service)];
}

std::optional<Service> service_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Service>(i);
  }
  return std::nullopt;
}

}  // namespace sluice
