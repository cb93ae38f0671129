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

/// Overwrites with `*` what holds a secret in bytes of a connection: the values of the header lines
/// Authorization, Proxy-Authorization, Cookie and Set-Cookie, with the lines that continue them;
/// what follows PASS, and AUTH with its mechanism, of FTP and of mail, and lines of nothing but
/// base64 behind AUTH; values whose names are those of `redact_url`, wherever they stand.
void redact_payload(std::span<char> text) noexcept;

}  // namespace sluice
