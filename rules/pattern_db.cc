#include "rules/pattern_db.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>

#include <fmt/format.h>
#include <hs/hs.h>

#include "base/clock.h"

namespace sluice {
namespace {

struct Freed {
  void operator()(hs_database_t* database) const noexcept { hs_free_database(database); }
  void operator()(hs_compile_error_t* error) const noexcept { hs_free_compile_error(error); }
  void operator()(hs_scratch_t* scratch) const noexcept { hs_free_scratch(scratch); }
  void operator()(hs_expr_info_t* info) const noexcept { std::free(info); }
  void operator()(char* bytes) const noexcept { std::free(bytes); }
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

constexpr SipKey kDigestKey{0x7061747465726e73ULL, 0x736c75696365ULL};
constexpr unsigned kFormat = 1;

[[nodiscard]] hs_platform_info_t this_platform() {
  hs_platform_info_t platform{};
  hs_populate_platform(&platform);
  return platform;
}

/// Literals go in byte by byte in hexadecimal: the engine's own literal interface takes no offsets,
/// and no literal that begins with a zero byte.
[[nodiscard]] std::string expression_of(const ScanPattern& pattern) {
  if (pattern.kind != PatternKind::literal) return pattern.text;
  std::string out;
  for (const char c : pattern.text) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
  }
  if (pattern.at_end) out += "\\z";
  return out;
}

/// A first match must not hide later ones, as each is only a candidate: SINGLEMATCH only where
/// nobody asks for them, as it saves most of the time where there are many.
[[nodiscard]] unsigned flags_of(const ScanPattern& pattern, ScanMode mode) {
  unsigned flags = mode == ScanMode::once ? HS_FLAG_SINGLEMATCH : 0U;
  if (pattern.nocase) flags |= HS_FLAG_CASELESS;
  if (pattern.multiline) flags |= HS_FLAG_MULTILINE;
  if (pattern.dotall) flags |= HS_FLAG_DOTALL;
  if (pattern.kind == PatternKind::loose_regex) flags |= HS_FLAG_PREFILTER;
  return flags;
}

[[nodiscard]] hs_expr_ext_t bounds_of(const ScanPattern& pattern) {
  hs_expr_ext_t ext{};
  if (pattern.end_min != 0) ext.flags |= HS_EXT_FLAG_MIN_OFFSET;
  if (pattern.end_max != 0) ext.flags |= HS_EXT_FLAG_MAX_OFFSET;
  ext.min_offset = pattern.end_min;
  ext.max_offset = pattern.end_max;
  return ext;
}

[[nodiscard]] PatternFault fault_of(hs_compile_error_t* raw) {
  const Owned<hs_compile_error_t> error(raw);
  PatternFault fault;
  fault.message = error && error->message ? error->message : "the engine has no memory";
  while (!fault.message.empty() && fault.message.back() == '.') fault.message.pop_back();
  if (error && error->expression >= 0) fault.pattern = static_cast<std::size_t>(error->expression);
  return fault;
}

/// The arrays that the engine wants, each with the padding behind the patterns.
struct Expressions {
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  std::vector<hs_expr_ext_t> bounds;
  std::vector<const hs_expr_ext_t*> bound_pointers;

  Expressions(std::span<const ScanPattern> patterns, ScanMode mode, std::uint32_t padding) {
    for (const ScanPattern& pattern : patterns) {
      texts.push_back(expression_of(pattern));
      flags.push_back(flags_of(pattern, mode));
      bounds.push_back(bounds_of(pattern));
    }
    for (std::uint32_t i = 0; i < padding; ++i) {
      texts.push_back(padding_literal(i));
      flags.push_back(0);
      bounds.push_back({});
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      pointers.push_back(texts[i].c_str());
      bound_pointers.push_back(&bounds[i]);
      ids.push_back(static_cast<unsigned>(i));
    }
  }

 private:
  /// Ten bytes that are no text in any coding and stand in no instruction stream by accident.
  [[nodiscard]] static std::string padding_literal(std::uint32_t number) {
    const std::uint64_t mixed = siphash13<1>(kDigestKey, {number});
    std::string out = "\\xfe\\xc1";
    for (unsigned i = 0; i < 8; ++i) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", 0x80U | ((mixed >> (8 * i)) & 0x7fU));
    }
    return out;
  }
};

[[nodiscard]] tl::expected<Owned<hs_database_t>, PatternFault> compile(
    const Expressions& expressions, ScanMode mode) {
  const hs_platform_info_t platform = this_platform();
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t outcome = hs_compile_ext_multi(
      expressions.pointers.data(), expressions.flags.data(), expressions.ids.data(),
      expressions.bound_pointers.data(), static_cast<unsigned>(expressions.pointers.size()),
      mode == ScanMode::stream ? HS_MODE_STREAM : HS_MODE_BLOCK, &platform, &database, &error);
  if (outcome != HS_SUCCESS) return tl::unexpected(fault_of(error));
  return Owned<hs_database_t>(database);
}

[[nodiscard]] Result<Owned<hs_scratch_t>> scratch_for(const hs_database_t* database) {
  hs_scratch_t* scratch = nullptr;
  if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) {
    return fail(ErrorKind::limit, "scratch of a pattern database: no memory for it");
  }
  return Owned<hs_scratch_t>(scratch);
}

[[nodiscard]] Result<Owned<hs_database_t>> deserialised(const PatternDatabase& database) {
  hs_database_t* out = nullptr;
  const auto outcome = hs_deserialize_database(reinterpret_cast<const char*>(database.bytes.data()),
                                               database.bytes.size(), &out);
  if (outcome != HS_SUCCESS) {
    return fail(ErrorKind::invalid,
                fmt::format("pattern database: cannot be read on this host, error {}", outcome));
  }
  return Owned<hs_database_t>(out);
}

[[nodiscard]] tl::expected<void, PatternFault> fill_sizes(const hs_database_t* compiled,
                                                          PatternDatabase& out) {
  const auto scratch = scratch_for(compiled);
  std::size_t bytes = 0;
  if (!scratch || hs_scratch_size(scratch->get(), &bytes) != HS_SUCCESS) {
    return tl::unexpected(PatternFault{kNoPattern, "no memory for the scratch of the database"});
  }
  out.scratch_bytes = static_cast<std::uint32_t>(bytes);
  bytes = 0;
  if (out.mode == ScanMode::stream) hs_stream_size(compiled, &bytes);
  out.stream_bytes = static_cast<std::uint32_t>(bytes);
  return {};
}

[[nodiscard]] int ignore_match(unsigned, unsigned long long, unsigned long long, unsigned,
                               void*) noexcept {
  return 0;
}

void scan_texts(const hs_database_t* database, ScanMode mode, std::span<const std::string> texts,
                hs_scratch_t* scratch) {
  hs_stream_t* stream = nullptr;
  if (mode == ScanMode::stream && hs_open_stream(database, 0, &stream) != HS_SUCCESS) return;
  for (const std::string& text : texts) {
    const auto size = static_cast<unsigned>(text.size());
    if (stream) {
      hs_scan_stream(stream, text.data(), size, 0, scratch, ignore_match, nullptr);
    } else {
      hs_scan(database, text.data(), size, 0, scratch, ignore_match, nullptr);
    }
  }
  if (stream) hs_close_stream(stream, scratch, nullptr, nullptr);
}

void append_number(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

tl::expected<PatternWidth, PatternFault> check_pattern(const ScanPattern& pattern) {
  const hs_expr_ext_t bounds = bounds_of(pattern);
  hs_expr_info_t* raw = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t outcome = hs_expression_ext_info(
      expression_of(pattern).c_str(), flags_of(pattern, ScanMode::block), &bounds, &raw, &error);
  const Owned<hs_expr_info_t> info(raw);
  if (outcome != HS_SUCCESS) {
    PatternFault fault = fault_of(error);
    fault.pattern = 0;
    return tl::unexpected(fault);
  }
  if (info->min_width == 0) {
    return tl::unexpected(PatternFault{0, "it matches where there are no bytes"});
  }
  return PatternWidth{info->min_width, info->matches_at_eod != 0};
}

tl::expected<PatternDatabase, PatternFault> compile_patterns(std::span<const ScanPattern> patterns,
                                                             ScanMode mode, std::uint32_t padding) {
  if (patterns.empty()) return tl::unexpected(PatternFault{kNoPattern, "no patterns"});
  const auto compiled = compile(Expressions(patterns, mode, padding), mode);
  if (!compiled) return tl::unexpected(compiled.error());
  PatternDatabase out;
  out.digest = pattern_digest(patterns, mode, padding);
  out.mode = mode;
  out.patterns = static_cast<std::uint32_t>(patterns.size());
  out.padding = padding;
  if (auto sizes = fill_sizes(compiled->get(), out); !sizes) return tl::unexpected(sizes.error());
  char* raw = nullptr;
  std::size_t size = 0;
  if (hs_serialize_database(compiled->get(), &raw, &size) != HS_SUCCESS) {
    return tl::unexpected(PatternFault{kNoPattern, "no memory for the bytes of the database"});
  }
  const Owned<char> bytes(raw);
  const auto* first = reinterpret_cast<const std::byte*>(raw);
  out.bytes.assign(first, first + size);
  return out;
}

Hash128 pattern_digest(std::span<const ScanPattern> patterns, ScanMode mode,
                       std::uint32_t padding) {
  std::string all = scan_engine_identity();
  append_number(all, kFormat);
  append_number(all, static_cast<std::uint64_t>(mode));
  append_number(all, padding);
  for (const ScanPattern& pattern : patterns) {
    append_number(all, pattern.text.size());
    all += pattern.text;
    append_number(all, static_cast<std::uint64_t>(pattern.kind));
    append_number(all, flags_of(pattern, mode));
    append_number(all, pattern.end_min);
    append_number(all, pattern.end_max);
    append_number(all, pattern.at_end ? 1 : 0);
  }
  return siphash128<2, 4>(kDigestKey, all.data(), all.size());
}

Result<std::uint64_t> scan_cost_ns(const PatternDatabase& database,
                                   std::span<const std::string> texts, unsigned rounds) {
  const auto compiled = deserialised(database);
  if (!compiled) return tl::unexpected(compiled.error());
  const auto scratch = scratch_for(compiled->get());
  if (!scratch) return tl::unexpected(scratch.error());
  std::uint64_t best = ~std::uint64_t{0};
  for (unsigned round = 0; round < rounds; ++round) {
    const std::uint64_t start = read_clock(CLOCK_THREAD_CPUTIME_ID);
    scan_texts(compiled->get(), database.mode, texts, scratch->get());
    best = std::min(best, read_clock(CLOCK_THREAD_CPUTIME_ID) - start);
  }
  return best;
}

const std::string& scan_engine_identity() {
  static const std::string identity = [] {
    const hs_platform_info_t platform = this_platform();
    return fmt::format("{} tune {} features {:x}", hs_version(), platform.tune,
                       platform.cpu_features);
  }();
  return identity;
}

}  // namespace sluice
