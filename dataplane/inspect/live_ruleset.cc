#include "dataplane/inspect/live_ruleset.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace sluice {
namespace {

using Database = std::shared_ptr<const ScanDatabase>;

[[nodiscard]] Result<Database> find_or_read(const PatternDatabase& database,
                                            const LiveRuleset* previous) {
  if (previous != nullptr) {
    const auto known =
        std::find_if(previous->databases.begin(), previous->databases.end(),
                     [&](const Database& one) { return one->digest() == database.digest; });
    if (known != previous->databases.end()) return *known;
  }
  return ScanDatabase::create(database);
}

// What alerts show of a message is wanted with it.
constexpr Buffer kShown[] = {Buffer::http_method, Buffer::http_uri_raw, Buffer::http_host,
                             Buffer::http_user_agent, Buffer::tls_sni};

[[nodiscard]] std::uint64_t buffers_of(const Ruleset& rules) noexcept {
  std::uint64_t wanted = 0;
  for (const CompiledRule& rule : rules.rules) {
    for (const RulePart& part : rule.parts) {
      const bool is_message =
          row_of(part.buffer).service != Service::any || part.buffer == Buffer::file_data;
      if (is_message) wanted |= bit_of(part.buffer);
    }
  }
  return wanted;
}

[[nodiscard]] std::uint64_t shown_of(std::uint32_t services) noexcept {
  std::uint64_t shown = 0;
  for (const Buffer buffer : kShown) {
    if ((services & bit_of(row_of(buffer).service)) != 0) shown |= bit_of(buffer);
  }
  return shown;
}

void note_wanted(LiveRuleset& live) noexcept {
  live.wanted_buffers = buffers_of(live.rules);
  live.wanted_buffers |= shown_of(services_of(live.wanted_buffers));
  for (const CompiledRule& rule : live.rules.rules) live.asked_services |= bit_of(rule.service);
}

// Numbers of groups and flags that a flow remembers are those of one ruleset: no other may pass for
// it, whichever came between.
[[nodiscard]] std::uint32_t next_epoch() noexcept {
  static std::atomic<std::uint32_t> last{0};
  const std::uint32_t epoch = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return epoch != 0 ? epoch : next_epoch();
}

}  // namespace

// QUIC carries the handshake of TLS and is told in its buffers.
std::uint32_t services_of(std::uint64_t buffers) noexcept {
  std::uint32_t services = 0;
  for (const BufferRow& row : buffer_table()) {
    if ((buffers & bit_of(row.buffer)) == 0) continue;
    if (row.buffer == Buffer::file_data) {
      services |= bit_of(Service::http) | bit_of(Service::smtp);
    } else {
      services |= bit_of(row.service);
    }
  }
  if ((services & bit_of(Service::tls)) != 0) services |= bit_of(Service::quic);
  return services;
}

Result<std::shared_ptr<const LiveRuleset>> make_live(Ruleset rules,
                                                     std::vector<PatternDatabase> databases,
                                                     std::uint32_t workers,
                                                     const LiveRuleset* previous,
                                                     std::vector<std::uint32_t> count_slots) {
  auto live = std::make_shared<LiveRuleset>();
  live->rules = std::move(rules);
  live->count_slots = std::move(count_slots);
  live->count_slots.resize(live->rules.rules.size());  // slot 0 is everybody's
  note_wanted(*live);
  live->epoch = next_epoch();
  for (const PatternDatabase& database : databases) {
    auto read = find_or_read(database, previous);
    if (!read) return tl::unexpected<Error>(read.error());
    live->databases.push_back(std::move(*read));
  }
  for (std::uint32_t i = 0; i < workers; ++i) {
    auto scratch = ScanScratch::create(live->databases);
    if (!scratch) return tl::unexpected<Error>(scratch.error());
    live->scratches.push_back(std::move(*scratch));
  }
  return live;
}

}  // namespace sluice
