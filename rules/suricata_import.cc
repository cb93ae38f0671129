#include "rules/suricata_import.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_parser.h"
#include "rules/suricata_rule.h"

namespace sluice {
namespace {

class Importer {
 public:
  explicit Importer(const ImportOptions& options) noexcept : options_(options) {}

  void take(const ImportFile& file);
  ImportResult finish() &&;

 private:
  using RuleKey = std::pair<std::uint32_t, std::uint32_t>;

  void take_rule(const ImportFile& file, const SuricataLine& line);
  [[nodiscard]] Status reserve(const MappedRule& mapped, const std::string& rule_file);
  void release(std::span<const DatasetUse> datasets);
  void keep(MappedRule mapped);
  void refuse(ImportNote note);

  const ImportOptions& options_;
  ImportResult result_;
  std::vector<std::vector<SuricataDowngrade>> downgrades_;  ///< of each rule so far
  std::vector<std::vector<DatasetUse>> datasets_;           ///< the same
  std::map<RuleKey, std::size_t> places_;                   ///< of gid and sid among them
  DatasetTable sets_;
};

void Importer::refuse(ImportNote note) {
  ++result_.report.by_keyword[note.keyword];
  result_.report.refused.push_back(std::move(note));
}

ImportNote note_about(const Rule& rule, std::string keyword, std::string reason) {
  return {rule.pack, rule.position, rule.id, std::move(keyword), std::move(reason)};
}

/// All of them or none.
Status Importer::reserve(const MappedRule& mapped, const std::string& rule_file) {
  for (std::size_t i = 0; i < mapped.datasets.size(); ++i) {
    auto added = sets_.add(mapped.datasets[i], rule_file);
    if (added) continue;
    release(std::span(mapped.datasets).first(i));
    return added;
  }
  return {};
}

void Importer::release(std::span<const DatasetUse> datasets) {
  for (const DatasetUse& use : datasets) {
    if (ImportedSet* set = sets_.find(use.set); set != nullptr) --set->rules;
  }
}

/// Of two with one number the newer stays, and takes the place of the other.
void Importer::keep(MappedRule mapped) {
  const auto [place, is_new] =
      places_.try_emplace({mapped.rule.gid, mapped.rule.id}, result_.rules.size());
  if (is_new) {
    result_.rules.push_back(std::move(mapped.rule));
    downgrades_.push_back(std::move(mapped.downgrades));
    datasets_.push_back(std::move(mapped.datasets));
    return;
  }
  Rule& taken = result_.rules[place->second];
  if (mapped.rule.rev > taken.rev) {
    std::swap(mapped.rule, taken);
    downgrades_[place->second] = std::move(mapped.downgrades);
    std::swap(mapped.datasets, datasets_[place->second]);
  }
  release(mapped.datasets);
  refuse(note_about(mapped.rule, "sid",
                    fmt::format("revision {} of this rule stands at {}:{}", taken.rev, taken.pack,
                                taken.position.line)));
}

void Importer::take_rule(const ImportFile& file, const SuricataLine& line) {
  const auto written = parse_suricata_rule(line.text);
  auto mapped = written ? map_suricata_rule(*written, options_)
                        : tl::unexpected<SuricataFault>(written.error());
  if (mapped) {
    if (auto reserved = reserve(*mapped, file.name); !reserved) {
      mapped = tl::unexpected(SuricataFault{0, "dataset", reserved.error().message});
    }
  }
  if (!mapped) {
    const SuricataFault& fault = mapped.error();
    return refuse({file.name,
                   {line.line, fault.column},
                   sid_in(line.text),
                   escape_control(fault.keyword),
                   fault.reason});
  }
  mapped->rule.pack = file.name;
  mapped->rule.position = {line.line, 1};
  keep(std::move(*mapped));
}

void Importer::take(const ImportFile& file) {
  ImportCounts& counts = result_.report.files[file.name];
  if (file.text.size() > kImportFileBytesMax) {
    return refuse({file.name,
                   {},
                   0,
                   "file",
                   fmt::format("it has {} bytes: at most {} belong there", file.text.size(),
                               kImportFileBytesMax)});
  }
  for (const SuricataLine& line : split_suricata_rules(file.text)) {
    ++counts.rules_total;
    if (!line.is_enabled) continue;
    ++counts.rules_enabled;
    if (result_.rules.size() == kImportRulesMax) {
      refuse({file.name,
              {line.line, 0},
              sid_in(line.text),
              "rule",
              fmt::format("more than {} rules", kImportRulesMax)});
      continue;
    }
    take_rule(file, line);
  }
}

ImportResult Importer::finish() && {
  ImportReport& report = result_.report;
  for (std::size_t i = 0; i < result_.rules.size(); ++i) {
    const Rule& rule = result_.rules[i];
    ++report.files[rule.pack].imported;
    for (SuricataDowngrade& downgrade : downgrades_[i]) {
      report.downgraded.push_back(
          note_about(rule, std::move(downgrade.keyword), std::move(downgrade.reason)));
    }
  }
  for (const auto& [name, counts] : report.files) {
    report.counts.rules_total += counts.rules_total;
    report.counts.rules_enabled += counts.rules_enabled;
    report.counts.imported += counts.imported;
  }
  result_.sets = sets_.in_use();
  return std::move(result_);
}

}  // namespace

ImportResult import_suricata(std::span<const ImportFile> files, const ImportOptions& options) {
  Importer importer(options);
  for (const ImportFile& file : files) importer.take(file);
  return std::move(importer).finish();
}

}  // namespace sluice
