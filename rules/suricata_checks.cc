// What is wrong with a rule only once it is whole.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_rule.h"

namespace sluice {
namespace {

using Checked = tl::expected<void, SuricataFault>;

// What the loader of rule files takes of one rule.
constexpr std::size_t kTermsMax = 64;
constexpr std::size_t kStepsMax = 64;
constexpr std::size_t kTransformsMax = 16;
constexpr std::size_t kMetadataEntriesMax = 256;
constexpr std::size_t kContentMax = 8192;
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kMetadataNameMax = 256;
constexpr std::size_t kLoneBytesMin = 4;
constexpr std::size_t kShownBytesMax = 40;

tl::unexpected<SuricataFault> fault(std::string_view keyword, std::string reason) {
  return tl::unexpected<SuricataFault>(SuricataFault{0, std::string(keyword), std::move(reason)});
}

std::string shown(std::string_view bytes) {
  const bool is_cut = bytes.size() > kShownBytesMax;
  return fmt::format("'{}{}'", escape_control(bytes.substr(0, kShownBytesMax)),
                     is_cut ? "..." : "");
}

Checked check_room(const ContentTerm& content, std::string_view keyword,
                   const std::optional<TermNumber>& room) {
  const auto* bytes = room ? std::get_if<std::int64_t>(&*room) : nullptr;
  if (bytes == nullptr || *bytes >= static_cast<std::int64_t>(content.bytes.size())) return {};
  return fault(keyword, fmt::format("it is {}, less than the {} bytes of {}: it never matches",
                                    *bytes, content.bytes.size(), shown(content.bytes)));
}

Checked check_content(const ContentTerm& content) {
  if (content.bytes.size() > kContentMax) {
    return fault("content", fmt::format("it has more than {} bytes", kContentMax));
  }
  const bool is_absolute = content.offset || content.depth;
  const bool is_relative = content.distance || content.within;
  if (is_absolute && is_relative) {
    return fault("content",
                 fmt::format("{} has a place from the buffer's start and one from the term before "
                             "it: one of them belongs there",
                             shown(content.bytes)));
  }
  if (content.starts_with && (is_absolute || is_relative)) {
    return fault("startswith", fmt::format("{} has another place too", shown(content.bytes)));
  }
  if (auto checked = check_room(content, "depth", content.depth); !checked) return checked;
  return check_room(content, "within", content.within);
}

Checked check_sizes(const BufferTerms& part) {
  std::uint64_t largest = ~std::uint64_t{0};
  for (const Term& term : part.terms) {
    const auto* size = std::get_if<SizeTerm>(&term);
    if (std::holds_alternative<Base64Term>(term)) return {};
    if (size != nullptr && !size->bytes.is_negated) largest = std::min(largest, size->bytes.high);
  }
  for (const Term& term : part.terms) {
    const auto* content = std::get_if<ContentTerm>(&term);
    if (content == nullptr || content->is_negated || content->bytes.size() <= largest) continue;
    return fault("content", fmt::format("{} has more bytes than {}, whose size is at most {}",
                                        shown(content->bytes), name_of(part.buffer), largest));
  }
  return {};
}

Checked check_terms(const Rule& rule) {
  std::size_t fast_patterns = 0;
  for (const BufferTerms& part : rule.match) {
    if (part.terms.size() > kTermsMax) {
      return fault("rule",
                   fmt::format("more than {} terms look into {}", kTermsMax, name_of(part.buffer)));
    }
    if (part.transforms.size() > kTransformsMax) {
      return fault("rule", fmt::format("more than {} transforms", kTransformsMax));
    }
    for (const Term& term : part.terms) {
      const auto* content = std::get_if<ContentTerm>(&term);
      if (content == nullptr) continue;
      fast_patterns += content->is_fast_pattern ? 1 : 0;
      if (auto checked = check_content(*content); !checked) return checked;
    }
    if (auto checked = check_sizes(part); !checked) return checked;
  }
  if (fast_patterns <= 1) return {};
  return fault("fast_pattern", "the rule has several: one belongs there");
}

/// A rule that nothing but a short content narrows would be looked at for every packet.
Checked check_lone_content(const Rule& rule) {
  const RuleHeader& when = rule.when;
  const bool is_narrowed = when.service != Service::any || when.source_port != "any" ||
                           when.destination_port != "any" || !rule.headers.empty();
  if (is_narrowed || rule.match.size() != 1 || rule.match.front().terms.size() != 1) return {};
  const BufferTerms& part = rule.match.front();
  const auto* content = std::get_if<ContentTerm>(&part.terms.front());
  const bool is_raw =
      row_of(part.buffer).service == Service::any && part.buffer != Buffer::file_data;
  if (content == nullptr || content->is_negated || !is_raw) return {};
  if (content->bytes.size() >= kLoneBytesMin) return {};
  return fault("content",
               fmt::format("{} is shorter than {} bytes and stands alone, without a port "
                           "or a service",
                           shown(content->bytes), kLoneBytesMin));
}

/// QUIC fills the buffers of its TLS.
bool can_fill(Service written, Service buffers) noexcept {
  if (written == Service::any || buffers == Service::any || written == buffers) return true;
  return buffers == Service::tls && written == Service::quic;
}

/// Flows of it are recognised, but nothing of what they say is a buffer.
bool is_unparsed(Service service) noexcept {
  return service == Service::http2 || service == Service::smb;
}

Checked check_buffer(const RuleHeader& when, const BufferRow& row) {
  const bool is_of_application = row.service != Service::any || row.buffer == Buffer::file_data;
  if (is_of_application && !when.service_negated && is_unparsed(when.service)) {
    return fault(row.name, fmt::format("{} is not parsed", name_of(when.service)));
  }
  if (row.service == Service::any) return {};
  const bool is_excluded = when.service_negated && when.service == row.service;
  if (is_excluded || (!when.service_negated && !can_fill(when.service, row.service))) {
    return fault(row.name, fmt::format("it is of {}, and the rule is not", name_of(row.service)));
  }
  const bool is_udp_only = row.service == Service::quic;
  const bool fits_udp = is_udp_only || row.service == Service::dns || row.service == Service::tls;
  const bool is_tcp = when.protocol == RuleProtocol::tcp;
  const bool is_udp = when.protocol == RuleProtocol::udp;
  const bool fits =
      when.protocol == RuleProtocol::ip || (is_tcp && !is_udp_only) || (is_udp && fits_udp);
  if (!fits) return fault(row.name, "it never comes over the rule's protocol");
  if (row.side == BufferSide::request && when.direction == RuleDirection::to_client) {
    return fault(row.name, "the client fills it, and the rule looks at what comes to the client");
  }
  if (row.side == BufferSide::response && when.direction == RuleDirection::to_server) {
    return fault(row.name, "the server fills it, and the rule looks at what comes to the server");
  }
  return {};
}

Checked check_buffers(const Rule& rule) {
  const BufferRow* request = nullptr;
  const BufferRow* response = nullptr;
  const BufferRow* served = nullptr;
  for (const BufferTerms& part : rule.match) {
    const BufferRow& row = row_of(part.buffer);
    if (auto checked = check_buffer(rule.when, row); !checked) return checked;
    if (row.side == BufferSide::request) request = &row;
    if (row.side == BufferSide::response) response = &row;
    if (row.service == Service::any) continue;
    if (served != nullptr && served->service != row.service) {
      return fault(row.name, fmt::format("no flow has both {} and {}", served->name, row.name));
    }
    served = &row;
  }
  if (request == nullptr || response == nullptr) return {};
  return fault("rule", fmt::format("{} is of a request and {} of a response: no message has both",
                                   request->name, response->name));
}

Checked check_header(const Rule& rule) {
  const RuleProtocol protocol = rule.when.protocol;
  const bool can_be_tcp = protocol == RuleProtocol::tcp || protocol == RuleProtocol::ip;
  if (rule.when.scope == PayloadScope::only_stream && !can_be_tcp) {
    return fault("flow", "only TCP has a stream");
  }
  for (const HeaderTest& test : rule.headers) {
    const bool is_icmp =
        test.field >= HeaderField::icmp_type && test.field <= HeaderField::icmp_sequence;
    const bool is_tcp = test.field >= HeaderField::tcp_flags && !is_icmp;
    const bool fits_icmp = protocol == RuleProtocol::ip || protocol == RuleProtocol::icmp ||
                           protocol == RuleProtocol::icmpv6;
    if ((is_icmp && !fits_icmp) || (is_tcp && !can_be_tcp)) {
      return fault("header", fmt::format("a test is about {}, and the rule's protocol is another",
                                         is_icmp ? "ICMP" : "TCP"));
    }
  }
  return {};
}

Checked check_amounts(const Rule& rule) {
  const bool has_room = rule.match.size() <= kTermsMax && rule.headers.size() <= kStepsMax &&
                        rule.flags.size() <= kStepsMax && rule.counters.size() <= kStepsMax &&
                        rule.references.size() <= kStepsMax &&
                        rule.metadata.size() <= kMetadataEntriesMax;
  if (!has_room) return fault("rule", "it has more terms, tests or metadata than a rule may have");
  bool is_short = rule.name.size() <= kTextMax && rule.class_name.size() <= kTextMax;
  for (const auto& [name, value] : rule.metadata) {
    is_short = is_short && name.size() <= kMetadataNameMax && value.size() <= kTextMax;
  }
  for (const std::string& reference : rule.references) {
    is_short = is_short && reference.size() <= kTextMax;
  }
  if (is_short) return {};
  return fault("rule", fmt::format("a text is longer than {} bytes, or a name of metadata longer "
                                   "than {}",
                                   kTextMax, kMetadataNameMax));
}

/// Follows the names that terms set for those behind them.
class NameCheck {
 public:
  [[nodiscard]] Checked check(const Rule& rule) {
    for (const BufferTerms& part : rule.match) {
      for (const Term& term : part.terms) {
        std::visit([this](const auto& alternative) { visit(alternative); }, term);
      }
    }
    if (unknown_.empty()) return {};
    return fault("rule", fmt::format("'{}' is a name that no term before it sets", unknown_));
  }

 private:
  void visit(const ContentTerm& term) {
    for (const auto& number : {term.offset, term.depth, term.distance, term.within}) {
      if (number) use(*number);
    }
  }
  void visit(const ByteTestTerm& term) {
    use(term.read.offset);
    use(term.operand);
  }
  void visit(const ByteJumpTerm& term) { use(term.read.offset); }
  void visit(const ByteExtractTerm& term) {
    use(term.read.offset);
    names_.insert(term.name);
  }
  void visit(const ByteMathTerm& term) {
    use(term.read.offset);
    use(term.operand);
    names_.insert(term.result);
  }
  void visit(const IsDataAtTerm& term) { use(term.offset); }
  template <class Other>
  void visit(const Other&) {}

  void use(const TermNumber& number) {
    const auto* name = std::get_if<std::string>(&number);
    if (name != nullptr && unknown_.empty() && !names_.contains(*name)) unknown_ = *name;
  }

  std::set<std::string> names_;
  std::string unknown_;
};

}  // namespace

tl::expected<void, SuricataFault> check_imported(const Rule& rule) {
  if (auto checked = check_amounts(rule); !checked) return checked;
  if (auto checked = check_header(rule); !checked) return checked;
  if (auto checked = check_buffers(rule); !checked) return checked;
  if (auto checked = check_terms(rule); !checked) return checked;
  if (auto checked = check_lone_content(rule); !checked) return checked;
  return NameCheck().check(rule);
}

}  // namespace sluice
