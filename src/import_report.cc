#include "import_report.h"

#include <vector>

#include <nlohmann/json.hpp>

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

}  // namespace

std::string render_import_report(const ImportReport& report) {
  ordered_json answer = counts_of(report.counts);
  answer["refused"] = notes_of(report.refused);
  answer["downgraded"] = notes_of(report.downgraded);
  answer["by_keyword"] = ordered_json::object();
  for (const auto& [keyword, count] : report.by_keyword) answer["by_keyword"][keyword] = count;
  answer["files"] = ordered_json::object();
  for (const auto& [name, counts] : report.files) answer["files"][name] = counts_of(counts);
  return answer.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sluice
