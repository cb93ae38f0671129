// Replies of FTP: Suricata has a buffer for the code of a reply and one for its text, sluice one
// for the whole line. Control side only.
#pragma once

#include "rules/suricata_draft.h"

namespace sluice {

/// Terms from here on look into the code of a reply.
[[nodiscard]] Status select_reply_code(RuleDraft& draft);

/// After the last option: terms about a code or a text get their place in the line. Errors:
/// invalid, for terms that would see the other one, too.
[[nodiscard]] Status place_reply_terms(RuleDraft& draft);

}  // namespace sluice
