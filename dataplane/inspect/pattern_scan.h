// Finding the patterns of a group in bytes. The only file of this folder that knows the engine
// (Hyperscan). Databases are read at publication and shared by all workers; what a worker needs
// beside them is made ahead of time. `scan_*` and `ScanStream` run on workers: no call of theirs
// allocates but from the memory that the caller names, and none can fail for reasons of content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "rules/pattern_db.h"

struct hs_database;
struct hs_scratch;
struct hs_stream;

namespace sluice {

/// A database as it is scanned with. Const and shared once made.
class ScanDatabase {
 public:
  /// Errors: invalid, where the bytes are no database of this engine for this processor, or are not
  /// what they are said to be. The bytes must come from a source that is trusted or whose digest
  /// was verified: the engine checks only their sum.
  [[nodiscard]] static Result<std::shared_ptr<const ScanDatabase>> create(
      const PatternDatabase& database);
  ~ScanDatabase();
  ScanDatabase(const ScanDatabase&) = delete;
  ScanDatabase& operator=(const ScanDatabase&) = delete;

  [[nodiscard]] Hash128 digest() const noexcept { return digest_; }
  [[nodiscard]] ScanMode mode() const noexcept { return mode_; }
  [[nodiscard]] std::uint32_t patterns() const noexcept { return patterns_; }
  /// What a stream takes from `StreamMemory`; 0 in block mode.
  [[nodiscard]] std::size_t stream_bytes() const noexcept { return stream_bytes_; }

 private:
  friend class ScanScratch;
  friend class ScanStream;
  ScanDatabase() noexcept = default;
  hs_database* database_ = nullptr;
  Hash128 digest_;
  ScanMode mode_ = ScanMode::block;
  std::uint32_t patterns_ = 0;
  std::size_t stream_bytes_ = 0;
  GramFilter filter_;
};

/// A pattern that was found, and where it ends, counted from the start of the buffer or of the
/// stream. Every pattern is told once a scan, with its first end.
struct PatternMatch {
  std::uint32_t pattern = 0;
  std::uint64_t end = 0;
};

/// What one scan found; valid until the next with the same scratch.
struct ScanMatches {
  std::span<const PatternMatch> found;
  bool too_many = false;    ///< more patterns than the scratch has room for: some are not told
  bool has_failed = false;  ///< the engine refused the call: nothing can be said about the bytes
};

inline constexpr std::size_t kScanMatchesMax = 512;

/// What one worker scans with: room for the engine and for what it finds. Made for all databases
/// of a policy before the policy is published, and never grown after.
class ScanScratch {
 public:
  /// Errors: limit, where there is no memory. `matches_max` patterns are told of one scan.
  [[nodiscard]] static Result<std::unique_ptr<ScanScratch>> create(
      std::span<const std::shared_ptr<const ScanDatabase>> databases,
      std::size_t matches_max = kScanMatchesMax);
  ~ScanScratch();
  ScanScratch(const ScanScratch&) = delete;
  ScanScratch& operator=(const ScanScratch&) = delete;

  /// A whole buffer. The database is one of those the scratch was made for.
  [[nodiscard]] ScanMatches scan_block(const ScanDatabase& database,
                                       std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  friend class ScanStream;
  friend struct MatchSink;
  ScanScratch() noexcept = default;
  void begin() noexcept;
  [[nodiscard]] ScanMatches end(bool has_failed) const noexcept;

  hs_scratch* scratch_ = nullptr;
  std::vector<std::uint32_t> seen_in_;  ///< by pattern, the scan that found it last
  std::vector<PatternMatch> matches_;
  std::size_t found_ = 0;
  std::uint32_t patterns_ = 0;  ///< of the database that is scanned: what is above is padding
  std::uint32_t scan_ = 0;
  bool too_many_ = false;
};

/// Where the states of streams live: a worker's pool. `take` answers null when its budget is spent.
struct StreamMemory {
  void* self = nullptr;
  void* (*take)(void* self, std::size_t bytes) noexcept = nullptr;
  void (*give)(void* self, void* chunk) noexcept = nullptr;
};

/// The state of one direction of a stream: a pointer into the pool, kept in what the worker keeps
/// for the flow. Not owning: `close` ends it, with the database and the memory of `open`.
class ScanStream {
 public:
  [[nodiscard]] bool is_open() const noexcept { return stream_ != nullptr; }
  /// False, and not open, where the pool has nothing to give.
  [[nodiscard]] bool open(const ScanDatabase& database, const StreamMemory& memory) noexcept;
  /// The next bytes in order. Ends count from where the stream was opened.
  [[nodiscard]] ScanMatches scan(const ScanDatabase& database, std::span<const std::uint8_t> bytes,
                                 ScanScratch& scratch) noexcept;
  void close(const StreamMemory& memory) noexcept;

 private:
  hs_stream* stream_ = nullptr;
};

}  // namespace sluice
