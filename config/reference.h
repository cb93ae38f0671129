// The reference page of the options, written from the option table. The page in docs is this text;
// a test holds the two together. For whoever builds the docs, and for `sluiced`.
#pragma once

#include <string>

namespace sluice {

[[nodiscard]] std::string options_reference();

}  // namespace sluice
