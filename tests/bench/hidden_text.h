// Messages of TLS and DNS as clients and servers send them: right in form, random where only ends
// could read them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/bench/dice.h"

namespace sluice::bench {

/// One record: SNI, ALPN, groups, a key share, padded to 517 bytes; TLS 1.3 is offered or not.
[[nodiscard]] std::string client_hello(Dice& dice, std::string_view host, bool offers_13);
/// What the server answers: its hello and, up to TLS 1.2, a chain of certificates in the clear.
[[nodiscard]] std::string server_flight(Dice& dice, bool is_13);
/// What the client ends the handshake with.
[[nodiscard]] std::string client_finish(Dice& dice);
/// Records of application data, each at most 16 KiB.
[[nodiscard]] std::string application_data(Dice& dice, std::size_t bytes);

[[nodiscard]] std::string dns_query(Dice& dice, std::string_view name);
/// The answer to it: one address.
[[nodiscard]] std::string dns_answer(Dice& dice, std::string_view query);

}  // namespace sluice::bench
