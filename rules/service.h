// Applications that sluice tells apart by content. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// Fits `Flow::application`.
enum class Service : std::uint8_t {
  any,      ///< not known yet, or none that a rule asks for
  unknown,  ///< looked at, none of the others
  http,
  http2,
  dns,
  tls,
  smtp,
  ftp,
  ftp_data,
  ssh,
  quic,
  smb,
  count_,
};
inline constexpr std::size_t kServiceCount = static_cast<std::size_t>(Service::count_);

[[nodiscard]] std::string_view name_of(Service service) noexcept;
[[nodiscard]] std::optional<Service> service_named(std::string_view name) noexcept;

}  // namespace sluice
