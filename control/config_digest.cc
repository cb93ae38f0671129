#include "control/config_digest.h"

#include <string_view>

#include "dataplane/address_codec.h"
#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

constexpr std::uint32_t kDigestVersion = 4;
constexpr std::size_t kOptionsMax = 1024;
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kDigestDigits = 64;

template <class Archive>
void code_option(Archive& io, OptionText& option) {
  io.text(option.path, kTextMax);
  io.text(option.value, kTextMax);
  io.boolean(option.needs_restart);
}

template <class Archive>
void code_difference(Archive& io, ListDifference& lists) {
  io.number(lists.added);
  io.number(lists.removed);
  for (auto* examples : {&lists.added_examples, &lists.removed_examples}) {
    io.sequence(*examples, kListExamplesMax, [&io](std::string& text) { io.text(text, kTextMax); });
  }
}

template <class Archive>
void code_set(Archive& io, SetSummary& summary) {
  io.text(summary.set.name, kSetNameMax);
  io.enumeration(summary.set.kind, SetKind::address);
  io.boolean(summary.set.nocase);
  io.number(summary.capacity, 0, kSetCapacityMax);
  io.number(summary.file_entries, 0, kSetCapacityMax);
  io.text(summary.file, kTextMax);
}

template <class Archive>
void code_all(Archive& io, ConfigDigest& digest) {
  std::uint32_t version = kDigestVersion;
  io.number(version, kDigestVersion, kDigestVersion);
  io.number(digest.errors);
  io.number(digest.warnings);
  io.text(digest.findings, kFindingsTextMax);
  PolicyParts parts{.settings = digest.settings, .lists = {}, .keeps_lists = true, .overrides = {}};
  code(io, parts);
  digest.settings = parts.settings;
  code(io, digest.exceptions);
  io.check(parts.keeps_lists && parts.lists.empty() && parts.live_sets.empty());
  io.sequence(digest.sets, kSetsMax, [&io](SetSummary& summary) { code_set(io, summary); });
  io.number(digest.live.stats_interval);
  io.number(digest.live.block_duration_max);
  io.sequence(digest.live.allow_sources, kAllowSourcesKept,
              [&io](IpPrefix& prefix) { code_prefix(io, prefix); });
  io.sequence(digest.options, kOptionsMax, [&io](OptionText& option) { code_option(io, option); });
  io.number(digest.list_entries);
  io.text(digest.lists_digest, kDigestDigits);
  io.text(digest.rules_digest, kDigestDigits);
  io.text(digest.digest, kDigestDigits);
  io.boolean(digest.has_list_difference);
  code_difference(io, digest.lists);
  io.boolean(digest.is_staged);
  io.text(digest.staging_error, kTextMax);
}

}  // namespace

void code(PlainWriter& writer, ConfigDigest& digest) { code_all(writer, digest); }
void code(PlainReader& reader, ConfigDigest& digest) { code_all(reader, digest); }

std::string cut_findings(std::string text) {
  if (text.size() <= kFindingsTextMax) return text;
  constexpr std::string_view kMore = "(and more)\n";
  text.resize(kFindingsTextMax - kMore.size());
  text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
  return text.append(kMore);
}

std::vector<std::byte> encode_digest(const ConfigDigest& digest) {
  ConfigDigest copy = digest;
  PlainWriter writer;
  code(writer, copy);
  return writer.bytes();
}

Result<ConfigDigest> decode_digest(std::span<const std::byte> bytes) {
  ConfigDigest digest;
  PlainReader reader(bytes);
  if (bytes.size() <= kDigestBytesMax) code(reader, digest);
  if (bytes.size() > kDigestBytesMax || !reader.is_complete()) {
    return fail(ErrorKind::invalid,
                "configuration digest: a length, version or value is out of "
                "range");
  }
  return digest;
}

}  // namespace sluice
