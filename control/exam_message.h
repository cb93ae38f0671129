// What the client or the server of a rule's test says, as the bytes on the wire. Offline tools
// only.
#pragma once

#include <string>

#include "rules/rule.h"

namespace sluice {

/// The message that the test is about: a request with the lines that it lacks filled in, a response
/// head with its body, a question for a name (with its length in front where it goes `over_tcp`),
/// a ClientHello with a name, or the payload as it is.
[[nodiscard]] std::string exam_message(const RuleTest& test, bool over_tcp);

/// What a response is an answer to.
[[nodiscard]] std::string exam_request();

/// Who sends the message.
[[nodiscard]] bool is_sent_by_server(const RuleTest& test) noexcept;

}  // namespace sluice
