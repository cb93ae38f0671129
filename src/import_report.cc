#include "import_report.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/set_entry.h"

namespace sluice {
namespace {

using nlohmann::ordered_json;

ordered_json notes_of(const std::vector<ImportNote>& notes) {
  ordered_json list = ordered_json::array();
  for (const ImportNote& note : notes) {
    list.push_back({{"file", note.file},
                    {"line", note.position.line},
                    {"column", note.position.column},
                    {"sid", note.sid},
                    {"keyword", note.keyword},
                    {"reason", note.reason}});
  }
  return list;
}

ordered_json counts_of(const ImportCounts& counts) {
  return {{"rules_total", counts.rules_total},
          {"rules_enabled", counts.rules_enabled},
          {"imported", counts.imported}};
}

ordered_json set_of(const WrittenSet& one) {
  ordered_json refused = ordered_json::array();
  for (const DatasetLineFault& fault : one.list.refused) {
    refused.push_back({{"line", fault.line}, {"reason", fault.reason}});
  }
  return {{"name", one.set.name},
          {"kind", name_of(kind_of(one.set.type))},
          {"dataset", one.set.dataset},
          {"type", name_of(one.set.type)},
          {"rules", one.set.rules},
          {"list", one.set.list},
          {"file", one.file},
          {"entries", one.list.entries},
          {"capacity", one.capacity},
          {"missing", one.missing},
          {"refused_lines", one.list.refused_lines},
          {"refused", std::move(refused)}};
}

}  // namespace

std::string render_import_report(const ImportReport& report, const std::vector<WrittenSet>& sets) {
  ordered_json answer = counts_of(report.counts);
  answer["refused"] = notes_of(report.refused);
  answer["downgraded"] = notes_of(report.downgraded);
  answer["by_keyword"] = ordered_json::object();
  for (const auto& [keyword, count] : report.by_keyword) answer["by_keyword"][keyword] = count;
  answer["files"] = ordered_json::object();
  for (const auto& [name, counts] : report.files) answer["files"][name] = counts_of(counts);
  answer["sets"] = ordered_json::array();
  for (const WrittenSet& one : sets) answer["sets"].push_back(set_of(one));
  return answer.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sluice
