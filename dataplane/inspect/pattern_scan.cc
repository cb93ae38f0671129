#include "dataplane/inspect/pattern_scan.h"

#include <algorithm>

#include <fmt/format.h>
#include <hs/hs.h>

#include "base/check.h"

namespace sluice {

/// What the engine calls with every match. It must go on after it, whatever was found: a scan that
/// is ended early closes its stream for good.
struct MatchSink {
  static int take(unsigned pattern, unsigned long long, unsigned long long end, unsigned,
                  void* context) noexcept {
    auto& scratch = *static_cast<ScanScratch*>(context);
    if (pattern >= scratch.patterns_ || scratch.seen_in_[pattern] == scratch.scan_) return 0;
    scratch.seen_in_[pattern] = scratch.scan_;
    if (scratch.found_ == scratch.matches_.size()) {
      scratch.too_many_ = true;
      return 0;
    }
    scratch.matches_[scratch.found_++] = {pattern, end};
    return 0;
  }
};

namespace {

/// The engine asks for the memory of a stream without saying for whom.
thread_local const StreamMemory* t_memory = nullptr;

void* take_stream(std::size_t bytes) noexcept {
  return t_memory ? t_memory->take(t_memory->self, bytes) : nullptr;
}

void give_stream(void* chunk) noexcept {
  if (chunk && t_memory) t_memory->give(t_memory->self, chunk);
}

/// For the whole process; the engine keeps the two functions in plain variables.
void set_stream_allocator() {
  static const bool is_set = [] {
    return hs_set_stream_allocator(take_stream, give_stream) == HS_SUCCESS;
  }();
  SLUICE_CHECK(is_set, "the engine takes any allocator");
}

}  // namespace

Result<std::shared_ptr<const ScanDatabase>> ScanDatabase::create(const PatternDatabase& database) {
  set_stream_allocator();
  std::shared_ptr<ScanDatabase> out(new ScanDatabase);
  const hs_error_t outcome = hs_deserialize_database(
      reinterpret_cast<const char*>(database.bytes.data()), database.bytes.size(), &out->database_);
  if (outcome != HS_SUCCESS) {
    return fail(ErrorKind::invalid,
                fmt::format("pattern database: error {} of the engine: bytes that it has written "
                            "for this processor",
                            outcome));
  }
  out->digest_ = database.digest;
  out->mode_ = database.mode;
  out->patterns_ = database.patterns;
  out->filter_ = database.filter;
  const bool is_stream = hs_stream_size(out->database_, &out->stream_bytes_) == HS_SUCCESS;
  if (is_stream != (database.mode == ScanMode::stream)) {
    return fail(ErrorKind::invalid, "pattern database: made for another way of scanning");
  }
  if (!is_stream) out->stream_bytes_ = 0;
  return std::shared_ptr<const ScanDatabase>(std::move(out));
}

ScanDatabase::~ScanDatabase() { hs_free_database(database_); }

Result<std::unique_ptr<ScanScratch>> ScanScratch::create(
    std::span<const std::shared_ptr<const ScanDatabase>> databases, std::size_t matches_max) {
  std::unique_ptr<ScanScratch> out(new ScanScratch);
  std::uint32_t patterns_max = 0;
  for (const auto& database : databases) {
    if (hs_alloc_scratch(database->database_, &out->scratch_) != HS_SUCCESS) {
      return fail(ErrorKind::limit, "scratch of the pattern databases: no memory for it");
    }
    patterns_max = std::max(patterns_max, database->patterns_);
  }
  out->seen_in_.resize(patterns_max);
  out->matches_.resize(matches_max);
  return out;
}

ScanScratch::~ScanScratch() {
  if (scratch_) hs_free_scratch(scratch_);
}

std::size_t ScanScratch::bytes() const noexcept {
  std::size_t engine = 0;
  if (scratch_) hs_scratch_size(scratch_, &engine);
  return engine + seen_in_.size() * sizeof(std::uint32_t) + matches_.size() * sizeof(PatternMatch);
}

void ScanScratch::begin() noexcept {
  found_ = 0;
  too_many_ = false;
  if (++scan_ != 0) return;
  // Once in 2^32 scans the numbers begin anew.
  std::ranges::fill(seen_in_, 0U);
  scan_ = 1;
}

ScanMatches ScanScratch::end(bool has_failed) const noexcept {
  return {std::span(matches_.data(), found_), too_many_, has_failed};
}

ScanMatches ScanScratch::scan_block(const ScanDatabase& database,
                                    std::span<const std::uint8_t> bytes) noexcept {
  begin();
  if (bytes.empty()) return end(false);
  if (database.filter_.is_for(bytes.size()) && !database.filter_.may_match(bytes)) {
    return end(false);
  }
  patterns_ = database.patterns_;
  const hs_error_t outcome =
      hs_scan(database.database_, reinterpret_cast<const char*>(bytes.data()),
              static_cast<unsigned>(bytes.size()), 0, scratch_, MatchSink::take, this);
  return end(outcome != HS_SUCCESS);
}

bool ScanStream::open(const ScanDatabase& database, const StreamMemory& memory) noexcept {
  t_memory = &memory;
  const hs_error_t outcome = hs_open_stream(database.database_, 0, &stream_);
  t_memory = nullptr;
  if (outcome != HS_SUCCESS) stream_ = nullptr;
  return stream_ != nullptr;
}

ScanMatches ScanStream::scan(const ScanDatabase& database, std::span<const std::uint8_t> bytes,
                             ScanScratch& scratch) noexcept {
  scratch.begin();
  if (bytes.empty()) return scratch.end(false);
  scratch.patterns_ = database.patterns_;
  const hs_error_t outcome = hs_scan_stream(stream_, reinterpret_cast<const char*>(bytes.data()),
                                            static_cast<unsigned>(bytes.size()), 0,
                                            scratch.scratch_, MatchSink::take, &scratch);
  return scratch.end(outcome != HS_SUCCESS);
}

void ScanStream::close(const StreamMemory& memory) noexcept {
  if (!stream_) return;
  t_memory = &memory;
  // Without a function for matches the end of the stream finds nothing and needs no scratch.
  hs_close_stream(stream_, nullptr, nullptr, nullptr);
  t_memory = nullptr;
  stream_ = nullptr;
}

}  // namespace sluice
