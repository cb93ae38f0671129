// A list file of a dataset of any bytes, of each type: no crash, lines left out are told and
// counted, and what became of the others is read by a set as exactly these entries.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/set_file.h"
#include "rules/suricata_datasets.h"

namespace {

using namespace sluice;

void check_list(DatasetType type, std::string_view text) {
  const DatasetList list = convert_dataset_list(type, text);
  SLUICE_CHECK(list.refused.size() <= kDatasetFaultsMax, "what is told is bounded");
  SLUICE_CHECK(list.refused_lines >= list.refused.size(), "all of it is counted");
  for (const DatasetLineFault& fault : list.refused) {
    SLUICE_CHECK(fault.line > 0 && !fault.reason.empty(), "it says where and why");
  }
  Diagnostics findings;
  const NamedSet set{"set", kind_of(type), false};
  const SetFile file = parse_set_file(list.text, "set", set, findings);
  SLUICE_CHECK(findings.empty(), "the set understands every line");
  SLUICE_CHECK(file.entries.size() + file.duplicates == list.entries, "each is one entry");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto type :
       {DatasetType::text, DatasetType::md5, DatasetType::sha256, DatasetType::address}) {
    check_list(type, text);
  }
  return 0;
}
