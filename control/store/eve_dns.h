// The object dns of events, in the form of version 2 of Suricata's: a query, or an answer with what
// it answers. Each thread that writes events calls it with a writer of its own.
#pragma once

#include <cstdint>
#include <string_view>

#include "control/store/json_writer.h"

namespace sluice {

/// `message` is a DNS message from its header on, or the first bytes of one; of what cannot be read
/// the header is told.
void dns_object(JsonWriter& json, std::string_view message, std::uint32_t number) noexcept;

}  // namespace sluice
