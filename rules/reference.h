// The reference page of rule files, written from the keyword table and the table of buffers. The
// page in docs is this text; a test holds the two together. For whoever builds the docs.
#pragma once

#include <string>

namespace sluice {

[[nodiscard]] std::string rules_reference();

}  // namespace sluice
