// Station 3: holds the fragments of a datagram until all are there, lets the datagram be judged
// once as if it had come whole, and leaves its originals, unchanged and in order of arrival, to the
// forwarder. One per worker; every method but `create` belongs to the worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "base/verdict.h"
#include "config/config.h"
#include "dataplane/burst.h"
#include "dataplane/decode/defrag_assembly.h"
#include "dataplane/decode/defrag_fragment.h"
#include "dataplane/decode/defrag_table.h"
#include "dataplane/memory_arena.h"
#include "dataplane/window.h"

namespace sluice {

struct DefragSizes {
  std::uint32_t datagrams = 1024;        ///< a policy may use fewer, never more
  std::uint32_t frames_held_max = 4096;  ///< 5 % of the mbufs that this worker may count on
  std::uint32_t assembly_bytes = 8 * kAssemblyBytesMax;  ///< datagrams completed within one burst
};

/// How an assembled datagram is decoded; see Decoder::decode_datagram.
struct DatagramDecoder {
  void* context;
  void (*decode)(void* context, Packet& datagram) noexcept;
};

/// RFC 5722: how long the id of a datagram with overlapping fragments stays refused.
inline constexpr DurationNs kRefusedIdTime = 30 * kNsPerSecond;
/// Sets that were killed and wait to leave, at most: more than one burst can kill.
inline constexpr std::uint32_t kDeadSetsMax = 2 * kBurstMax;

class Defragmenter {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Defragmenter>> create(const DefragSizes& sizes,
                                                                    const SipKey& key,
                                                                    MemoryArena& arena);

  /// The station. Undecided fragments are taken in: their verdict becomes `held` and their mbuf is
  /// the defragmenter's. The slot of the fragment that completes a datagram becomes the datagram:
  /// kIsDatagram, `frames` originals, `mbuf` the head of their train, `bytes` the assembled copy,
  /// decoded anew. Malformed and conflicting fragments are dropped with their reason. In monitor
  /// mode nothing is held: the same checks are made on what passes by, and a fragment that would be
  /// refused is dropped here for the decider to turn into a mark. A train that another worker
  /// handed over complete is assembled at once.
  void collect(Burst& burst, const FragmentConfig& config, Mode mode,
               const DatagramDecoder& decoder) noexcept;

  /// The same with any decoder that has decode_datagram(Packet&, const Settings&).
  template <class AnyDecoder, class Settings>
  void collect(Burst& burst, const FragmentConfig& config, Mode mode, AnyDecoder& decoder,
               const Settings& settings) noexcept {
    struct Context {
      AnyDecoder& decoder;
      const Settings& settings;
    } context{decoder, settings};
    collect(burst, config, mode, DatagramDecoder{&context, [](void* c, Packet& datagram) noexcept {
                                                   auto& with = *static_cast<Context*>(c);
                                                   with.decoder.decode_datagram(datagram,
                                                                                with.settings);
                                                 }});
  }

  /// Fills the free slots of `out` with killed and timed-out sets: one packet a set, `mbuf` the
  /// head of its train, `frames` its length, the verdict drop (or pass, by exception policy).
  /// Called with every poll, until nothing comes: what was killed counts as held until then. The
  /// packets' bytes are valid until the next call.
  void expire(TimeNs now, const FragmentConfig& config, Burst& out) noexcept;
  /// Stop: every set becomes a timed-out one, whatever its age, for `expire` to bring out.
  void abandon_all() noexcept;

  /// The burst was forwarded: the assembled copies are gone.
  void release_buffers() noexcept { area_.release(); }

  [[nodiscard]] std::uint64_t held() const noexcept { return held_; }
  /// Killed sets wait for `expire`. More than kDeadSetsMax are never waiting: from there on
  /// newcomers are refused instead of displacing, so a poll that sees this calls `expire` before
  /// its next burst.
  [[nodiscard]] bool has_leaving() const noexcept { return table_.dead() > 0; }
  /// Adds the limits hit and, in monitor mode, the frames whose refusal was only known after they
  /// had passed, since the last call; sets the gauge `held`.
  void add_to(WorkerCounters& counters) noexcept;

 private:
  struct Turn {
    const FragmentConfig& config;
    Mode mode;
    const DatagramDecoder& decoder;
  };
  enum class Fit : std::uint8_t { fits, duplicate, conflict };
  struct Place {
    Fit fit;
    std::uint32_t previous;  ///< the piece in front of it, or kNone
  };

  Defragmenter(const DefragSizes& sizes, const SipKey& key, FragmentTable table, DecidedIds decided,
               AssemblyArea area) noexcept;

  void take_in(Packet& packet, const Turn& turn) noexcept;
  [[nodiscard]] FragmentSet* open_set(const Hash128& key, Packet& packet,
                                      const Turn& turn) noexcept;
  [[nodiscard]] bool has_room_for_frame(const FragmentSet& set, const Turn& turn,
                                        TimeNs now) noexcept;
  void add(FragmentSet& set, Packet& packet, const Fragment& fragment, const Turn& turn) noexcept;
  [[nodiscard]] Place place_of(FragmentSet& set, const Packet& packet,
                               const Fragment& fragment) noexcept;
  [[nodiscard]] bool is_same(const FragmentPiece& piece, const FragmentSet& set,
                             const Packet& packet, const Fragment& fragment) noexcept;
  [[nodiscard]] std::uint64_t digest_of(const rte_mbuf* frame, const Fragment& fragment) noexcept;
  void hold(FragmentSet& set, Packet& packet) noexcept;
  void insert(FragmentSet& set, const Packet& packet, const Fragment& fragment,
              std::uint32_t previous) noexcept;

  void finish(FragmentSet& set, Packet& packet, const Turn& turn) noexcept;
  void assemble(Packet& packet, const Turn& turn) noexcept;
  void refuse_overlap(FragmentSet& set, Packet& packet) noexcept;
  void limit_set(FragmentSet& set, Packet& packet, const Turn& turn) noexcept;
  void limit_packet(Packet& packet, const Turn& turn) noexcept;
  void displace(FragmentSet& set, const Turn& turn, TimeNs now) noexcept;
  void time_out(FragmentSet& set, const FragmentConfig& config, TimeNs now) noexcept;
  void kill(FragmentSet& set, DropReason reason, TimeNs when) noexcept;
  void leave(FragmentSet& set, Burst& out) noexcept;
  void remember_limit(const Hash128& key, const FragmentConfig& config, TimeNs now) noexcept;

  using HeaderCopy = std::array<std::uint8_t, 512>;

  SipKey key_;
  FragmentTable table_;
  DecidedIds decided_;
  AssemblyArea area_;
  std::uint32_t datagrams_max_;
  std::uint32_t frames_held_max_;
  std::uint32_t waiting_ = 0;  ///< frames of living sets
  std::uint64_t held_ = 0;     ///< frames of living and dead sets
  std::uint64_t limits_hit_ = 0;
  std::array<std::uint64_t, kDropReasonCount> late_would_drop_{};
  std::array<HeaderCopy, kBurstMax> headers_;  ///< of leaving sets whose first segment is short
};

}  // namespace sluice
