// Ordinary text to measure databases on: web pages, scripts, requests and heads of responses, made
// from word lists with a fixed seed, as in what a gateway scans most. Compiler only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice {

/// `count` texts of about `bytes` each; the same every time.
[[nodiscard]] std::vector<std::string> ordinary_texts(std::size_t count, std::size_t bytes);

}  // namespace sluice
