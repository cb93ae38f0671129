#include "rules/suricata_rule.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_replies.h"
#include "rules/suricata_services.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Mapped = tl::expected<void, SuricataFault>;

constexpr std::size_t kExpressionBytesMax = 65'536;
/// Of a class that is not known, as Suricata takes it.
constexpr std::uint32_t kUnknownPriority = 3;

tl::unexpected<SuricataFault> fault(std::string_view keyword, std::string reason) {
  return tl::unexpected<SuricataFault>(SuricataFault{0, std::string(keyword), std::move(reason)});
}

bool is_variable_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_expression_byte(char c) noexcept {
  return is_variable_byte(c) || std::string_view(" ,![]$.:/-").find(c) != std::string_view::npos;
}

/// The expression with variables that have a value written out.
std::string expand(std::string_view text, const ImportOptions& options) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find('$'), text.size());
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    std::size_t end = 1;
    while (end < text.size() && is_variable_byte(text[end])) ++end;
    const auto variable = options.variables.find(std::string(text.substr(1, end - 1)));
    out +=
        variable == options.variables.end() ? std::string(text.substr(0, end)) : variable->second;
    text.remove_prefix(end);
  }
  return out;
}

bool has_balanced_brackets(std::string_view text) noexcept {
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '[') ++depth;
    if (c == ']' && depth-- == 0) return false;
  }
  return depth == 0;
}

Mapped map_expression(std::string_view what, std::string_view text, const ImportOptions& options,
                      std::string& out) {
  out = expand(text, options);
  if (out.size() > kExpressionBytesMax) {
    return fault("header", fmt::format("{} is longer than {} bytes", what, kExpressionBytesMax));
  }
  if (has_balanced_brackets(out) && std::ranges::all_of(out, is_expression_byte)) return {};
  return fault("header",
               fmt::format("{} is '{}': an address, a port, a variable or a list of them belongs "
                           "there",
                           what, escape_control(out.substr(0, 80))));
}

/// A list is what it names without what it names behind a '!'.
void keep_one_version(std::string_view addresses, std::string& source) {
  if (addresses.empty()) return;
  const std::string_view other = addresses == "::/0" ? "0.0.0.0/0" : "::/0";
  source = source == "any" ? std::string(addresses) : fmt::format("[{}, !{}]", source, other);
}

Mapped map_header(const SuricataRule& written, const ImportOptions& options, RuleHeader& when) {
  const auto protocol = suricata_protocol_named(written.protocol);
  if (!protocol) {
    return fault(written.protocol, fmt::format("'{}' is no protocol that sluice tells apart",
                                               escape_control(written.protocol)));
  }
  if (written.direction == "=>") {
    return fault("=>", "a rule is about one direction, or about each alone");
  }
  when.protocol = protocol->protocol;
  when.service = protocol->service;
  when.scope = protocol->scope;
  when.is_bidirectional = written.direction == "<>";
  Mapped mapped = map_expression("the source", written.source, options, when.source);
  if (mapped) {
    mapped = map_expression("the source port", written.source_port, options, when.source_port);
  }
  if (mapped) {
    mapped = map_expression("the destination", written.destination, options, when.destination);
  }
  if (mapped) {
    mapped = map_expression("the destination port", written.destination_port, options,
                            when.destination_port);
  }
  keep_one_version(protocol->addresses, when.source);
  return mapped;
}

Mapped map_options(const SuricataRule& written, RuleDraft& draft) {
  for (const SuricataOption& option : written.options) {
    const Status read = read_suricata_option(draft, option);
    if (read) continue;
    return tl::unexpected<SuricataFault>(
        SuricataFault{option.column, std::string(option.name), read.error().message});
  }
  if (auto finished = draft.finish(); !finished) return fault("rule", finished.error().message);
  if (auto placed = place_reply_terms(draft); !placed) {
    return fault("ftp.reply", placed.error().message);
  }
  return {};
}

Mapped map_action(std::string_view action, RuleDraft& draft) {
  RuleActionKind& kind = draft.rule.action.kind;
  if (action == "alert") {
    kind = RuleActionKind::alert;
  } else if (action == "drop") {
    kind = RuleActionKind::drop;
  } else if (action == "pass") {
    kind = RuleActionKind::pass;
  } else if (action == "config") {
    return fault("config", "rules do not change what is logged");
  } else {
    kind = RuleActionKind::reject;
    if (action == "rejectdst" || action == "rejectboth") {
      draft.downgrades.push_back({std::string(action), "it is reject: the sender is answered"});
    }
  }
  return {};
}

void settle_severity(RuleDraft& draft) {
  const std::string& class_name = draft.rule.class_name;
  std::uint32_t priority = draft.priority.value_or(priority_of_class(class_name));
  if (priority == 0) {
    priority = kUnknownPriority;
    if (!class_name.empty()) {
      draft.downgrades.push_back(
          {"classtype",
           fmt::format("'{}' is no usual class: its severity is taken for medium", class_name)});
    }
  }
  draft.rule.severity = static_cast<RuleSeverity>(std::min<std::uint32_t>(priority, 4));
}

bool sets_flags(const Rule& rule) noexcept {
  return std::ranges::any_of(rule.flags, [](const FlagStep& step) {
    return step.operation == FlagOperation::set || step.operation == FlagOperation::toggle;
  });
}

void settle_stage(RuleDraft& draft, const ImportOptions& options) {
  Rule& rule = draft.rule;
  const bool is_sure = draft.confidence == "High" && draft.signature_severity != "Informational";
  const bool enforces = options.is_as_is || is_sure;
  rule.stage = enforces ? RuleStage::enforce : RuleStage::shadow;
  const bool only_prepares = rule.is_silent && (sets_flags(rule) || !rule.counters.empty());
  if (only_prepares) {
    if (rule.action.kind != RuleActionKind::alert) {
      draft.downgrades.push_back({"noalert", "it only sets flags, and such a rule never drops"});
    }
    rule.action.kind = RuleActionKind::alert;
  } else if (!options.is_as_is && rule.action.kind == RuleActionKind::alert) {
    rule.action.kind = RuleActionKind::drop;
  }
  rule.reports_pass = rule.reports_pass && rule.action.kind == RuleActionKind::pass;
  if (rule.action.kind == RuleActionKind::pass && !enforces) {
    draft.downgrades.push_back({"pass", "it passes nothing before stage enforce"});
  }
}

/// Buffers whose bytes have one case: what is looked for gets the same.
void settle_case(Rule& rule) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (BufferTerms& part : rule.match) {
    const bool is_lower = part.buffer == Buffer::ja3_hash || part.buffer == Buffer::ja3s_hash ||
                          part.buffer == Buffer::tls_cert_fingerprint ||
                          part.buffer == Buffer::ssh_hassh ||
                          part.buffer == Buffer::ssh_hassh_server;
    const bool is_upper = part.buffer == Buffer::tls_cert_serial;
    if ((!is_lower && !is_upper) || !part.transforms.empty()) continue;
    for (Term& term : part.terms) {
      auto* content = std::get_if<ContentTerm>(&term);
      if (content == nullptr) continue;
      for (char& c : content->bytes) {
        const bool turns = is_upper && c >= 'a' && c <= 'z';
        c = is_lower ? lower(c) : turns ? static_cast<char>(c - 32) : c;
      }
    }
  }
}

}  // namespace

tl::expected<MappedRule, SuricataFault> map_suricata_rule(const SuricataRule& written,
                                                          const ImportOptions& options) {
  RuleDraft draft;
  Mapped mapped = map_header(written, options, draft.rule.when);
  if (mapped) mapped = map_action(written.action, draft);
  if (mapped) mapped = map_options(written, draft);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));
  if (draft.rule.id == 0) return tl::unexpected(SuricataFault{0, "sid", "the rule has none"});
  if (draft.rule.name.empty()) draft.rule.name = fmt::format("rule {}", draft.rule.id);
  settle_severity(draft);
  settle_stage(draft, options);
  settle_case(draft.rule);
  if (auto checked = check_imported(draft.rule); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  return MappedRule{std::move(draft.rule), std::move(draft.downgrades), std::move(draft.datasets)};
}

}  // namespace sluice
