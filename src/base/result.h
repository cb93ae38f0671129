// The way a function that may fail answers at start-up and in the control plane. Worker code has
// verdicts instead and never uses this header.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace sluice {

enum class ErrorKind : unsigned char { invalid, not_found, unavailable, limit, io, internal };

/// `message` reads "where: what is wrong, with the value: what would be right"; `hint`, where not
/// empty, is the exact fix and is printed on a line of its own.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  std::string hint = {};
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string message,
                                                std::string hint = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(hint)});
}

/// Puts `where` in front of an error that a lower layer reported; each layer adds its own once.
[[nodiscard]] inline tl::unexpected<Error> with_context(std::string_view where, Error error) {
  error.message.insert(0, std::string(where) + ": ");
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace sluice
