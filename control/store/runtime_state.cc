#include "control/store/runtime_state.h"

#include <utility>

#include "control/store/checked_file.h"
#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

constexpr std::uint32_t kStateVersion = 3;
constexpr std::size_t kNameMax = 256;

template <class Archive>
void code_mode(Archive& io, std::optional<ModeOverride>& mode) {
  bool is_given = mode.has_value();
  io.boolean(is_given);
  if (!is_given) return;
  if (!mode) mode.emplace();
  io.enumeration(mode->mode, Mode::enforce);
  io.text(mode->by, kNameMax);
}

template <class Archive>
void code_confirm(Archive& io, std::optional<PendingConfirm>& confirm) {
  bool is_given = confirm.has_value();
  io.boolean(is_given);
  if (!is_given) return;
  if (!confirm) confirm.emplace();
  io.number(confirm->deadline, 1);
  io.number(confirm->previous, 1);
  io.number(confirm->earlier);
  io.text(confirm->by, kNameMax);
  code_mode(io, confirm->mode_before);
}

/// Nothing but bypasses.
bool is_otherwise_empty(const PolicyParts& parts) {
  PolicyParts expected{.settings = {}, .lists = {}, .keeps_lists = true, .overrides = {}};
  expected.settings.bypasses = parts.settings.bypasses;
  expected.settings.bypass_count = parts.settings.bypass_count;
  return encode_parts(expected) == encode_parts(parts);
}

/// The entries in the form in which a policy carries them, which has every check; then the rest.
template <class Archive>
void code_bypasses(Archive& io, Bypasses& bypasses) {
  PolicyParts parts{.settings = {}, .lists = {}, .keeps_lists = true, .overrides = {}};
  bypasses.write_to(parts.settings);
  code(io, parts);
  io.check(is_otherwise_empty(parts));
  std::vector<Bypass> entries(bypasses.entries().begin(), bypasses.entries().end());
  io.sequence(entries, kBypassesMax, [&io](Bypass& bypass) {
    io.number(bypass.created);
    io.text(bypass.owner, kNameMax);
    io.text(bypass.reason, kReasonBytesMax);
  });
  std::uint64_t next_id = bypasses.next_id();
  io.number(next_id, 1);
  if (!io.check(entries.size() == parts.settings.bypass_count)) return;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].entry = parts.settings.bypasses[i];
    io.check(entries[i].entry.id < next_id);
  }
  bypasses = Bypasses(std::move(entries), next_id);
}

template <class Archive>
void code_stages(Archive& io, StageOverrides& stages) {
  std::vector<StageOverride> list = stages.list();
  code(io, list);
  std::vector<SetStage> entries(stages.entries().begin(), stages.entries().end());
  io.sequence(entries, kStageOverridesMax, [&io](SetStage& stage) {
    io.number(stage.at);
    io.text(stage.owner, kNameMax);
    io.text(stage.reason, kStageReasonBytesMax);
  });
  if (!io.check(entries.size() == list.size())) return;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].set = list[i];
    io.check(i == 0 || list[i - 1].rule < list[i].rule);
  }
  stages = StageOverrides(std::move(entries));
}

template <class Archive>
void code_sets(Archive& io, LiveSets& sets) {
  std::vector<LiveSetEntry> entries(sets.entries().begin(), sets.entries().end());
  io.sequence(entries, kLiveSetEntriesMax, [&io](LiveSetEntry& entry) {
    io.text(entry.set, kSetNameMax);
    io.text(entry.entry, kSetKeyBytesMax);
    io.number(entry.until);
    io.number(entry.added);
    io.text(entry.owner, kNameMax);
  });
  sets = LiveSets(std::move(entries));
}

template <class Archive>
void code_all(Archive& io, RuntimeState& state) {
  std::uint32_t version = kStateVersion;
  io.number(version, kStateVersion, kStateVersion);
  io.number(state.wire_started);
  io.number(state.started);
  io.number(state.in_force);
  io.number(state.previous);
  io.boolean(state.is_changing);
  code_mode(io, state.mode);
  code_confirm(io, state.confirm);
  code_bypasses(io, state.bypasses);
  code_stages(io, state.stages);
  code_sets(io, state.sets);
}

}  // namespace

std::vector<std::byte> encode_state(const RuntimeState& state) {
  return write_plain(state, [](auto& io, RuntimeState& all) { code_all(io, all); });
}

Result<RuntimeState> decode_state(std::span<const std::byte> bytes) {
  return read_plain<RuntimeState>(bytes, "runtime state",
                                  [](auto& io, RuntimeState& all) { code_all(io, all); });
}

Status RuntimeStore::save(const RuntimeState& state) const {
  return write_checked_file(path_, encode_state(state));
}

Result<RuntimeState> RuntimeStore::load() const {
  auto bytes = read_checked_file(path_);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  auto state = decode_state(*bytes);
  if (!state) return with_context(path_, state.error());
  return state;
}

}  // namespace sluice
