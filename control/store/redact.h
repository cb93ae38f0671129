// Secrets are taken out of text before it is stored. What is left is as long as it was or shorter.
// Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace sluice {

/// A request target with `***` for the values of parameters that are named for a secret (token,
/// password, session id), and for a user and password in front of the host. The answer stands in
/// `into`, or is `url` where there is nothing to hide; what does not fit is left out.
[[nodiscard]] std::string_view redact_url(std::string_view url, std::span<char> into) noexcept;

/// Overwrites with `*` the values of header lines that hold a secret: Authorization,
/// Proxy-Authorization, Cookie and Set-Cookie.
void redact_headers(std::span<char> text) noexcept;

}  // namespace sluice
