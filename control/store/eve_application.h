// What events tell of messages of applications, under Suricata's keys: the objects http, dns, tls,
// ssh, smtp, ftp and quic. Each thread that writes events calls it with a writer of its own.
#pragma once

#include "control/store/json_writer.h"
#include "control/store/record_excerpts.h"

namespace sluice {

/// The object of the record's service, from its excerpts; nothing where there are none of it.
void application_object(JsonWriter& json, const InspectRecord& record,
                        const RecordExcerpts& excerpts) noexcept;

}  // namespace sluice
