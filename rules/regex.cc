// PCRE2's interpreter keeps the frames of its backtracking in a vector that it takes from the
// allocator of the match data, and doubles when it is full. The allocator here has a block of fixed
// size: a vector lies at one end of it, the next larger one at the other, so that there is always
// room for the copy and never a call to malloc. When both do not fit the match ends as `limit`.
//
// Its match limit holds for each place where a match may begin. a.{0,900}!.x on 2 KiB of "a" stays
// below it at every place and takes 70 ms. So every pattern is compiled with callouts, which are
// called where an item is tried, and what they see is added up over all places.
//
// The bytes at hand may end where a segment does. PCRE2_NOTEOL keeps `$` from holding there, and
// nothing else; a partial match would end with every `.*` that reaches the end. So the callouts
// also fail what asks for the end: `\Z` and `\b` when they are tried there, and a negative
// lookahead that came to the end while it looked. An item of it that takes several bytes at once
// and breaks off in between is not seen to.
#include "rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::uint32_t kOvectorPairs = kRegexGroups + 1;
constexpr std::size_t kAlignment = 16;
constexpr std::size_t kBytesPerWork = 32;

pcre2_code* code_of(void* code) noexcept { return static_cast<pcre2_code*>(code); }

std::uint32_t options_of(const PcreTerm& term) noexcept {
  // With a callout before every item, RegexMatcher can count the work.
  std::uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_AUTO_CALLOUT;
  if (term.nocase) options |= PCRE2_CASELESS;
  if (term.multiline) options |= PCRE2_MULTILINE;
  if (term.dotall) options |= PCRE2_DOTALL;
  if (term.extended) options |= PCRE2_EXTENDED;
  if (term.anchored) options |= PCRE2_ANCHORED;
  if (term.dollar_end_only) options |= PCRE2_DOLLAR_ENDONLY;
  if (term.ungreedy) options |= PCRE2_UNGREEDY;
  return options;
}

constexpr std::size_t kEdgesMax = 4'096;  ///< of one pattern
/// Lookaheads that can be told apart; those beyond share the last of these.
constexpr std::size_t kLookaheads = 64;

/// The items of a pattern in their order, and which of them are edges. An item comes with what
/// stands behind it up to the next: how often, a comment, where a quote begins or ends.
struct EdgeReader {
  std::string_view pattern;
  std::vector<RegexEdge>& edges;
  std::vector<std::size_t> open;    ///< groups: the edge that each is, or kNoEdge
  std::vector<std::size_t> closed;  ///< edges whose next item is not known yet
  std::size_t last = 0;             ///< item: where it begins, and ends
  std::size_t last_end = 0;
  bool is_quoted = false;
  static constexpr std::size_t kNoEdge = std::numeric_limits<std::size_t>::max();

  static int read(pcre2_callout_enumerate_block* block, void* self) {
    static_cast<EdgeReader*>(self)->note(block->pattern_position, block->next_item_length);
    return 0;
  }
  void note(std::size_t place, std::size_t size) {
    // What is in a group is told once for every time that the group stands for.
    if (place < last_end) return;
    const std::string_view passed = pattern.substr(last, place - last);
    is_quoted = passed.ends_with("\\Q") || (is_quoted && !passed.substr(1).starts_with("\\E"));
    last = place;
    last_end = place + size;
    for (const std::size_t edge : closed) edges[edge].next = static_cast<std::uint16_t>(place);
    closed.clear();
    const std::string_view item = pattern.substr(std::min(place, pattern.size()), size);
    if (is_quoted) return;
    if (item.starts_with(')') && !open.empty()) return close(place);
    const auto kind = kind_of(item);
    if (opens_group(item)) open.push_back(kind ? edges.size() : kNoEdge);
    if (kind) edges.push_back({*kind, static_cast<std::uint16_t>(place), 0, 0});
  }
  void close(std::size_t place) {
    const std::size_t edge = open.back();
    open.pop_back();
    if (edge == kNoEdge) return;
    edges[edge].close = static_cast<std::uint16_t>(place);
    closed.push_back(edge);
  }
  /// Options, verbs and calls of groups begin as one does, and are whole.
  static bool opens_group(std::string_view item) {
    if (item.starts_with("(*")) return item.size() > 2 && item[2] >= 'a' && item[2] <= 'z';
    if (!item.starts_with("(?")) return item.starts_with('(');
    const std::size_t sign = item.find_first_of("()<>='!:|*", 2);
    const bool is_by_name = item.starts_with("(?P>") || item.starts_with("(?P=");
    return sign == std::string_view::npos || (item[sign] != ')' && !is_by_name);
  }
  static std::optional<RegexEdge::Kind> kind_of(std::string_view item) {
    const auto begins = [item](auto... with) { return (item.starts_with(with) || ...); };
    if (begins("\\A")) return RegexEdge::Kind::begin;
    if (begins("\\Z", "\\z")) return RegexEdge::Kind::end;
    if (begins("\\b", "\\B")) return RegexEdge::Kind::word;
    if (begins("(?!", "(*nla:", "(*negative_lookahead:")) return RegexEdge::Kind::not_ahead;
    return std::nullopt;
  }
};

std::vector<RegexEdge> edges_of(void* code, std::string_view pattern) {
  std::vector<RegexEdge> edges;
  EdgeReader reader{.pattern = pattern, .edges = edges, .open = {}, .closed = {}};
  static_cast<void>(pcre2_callout_enumerate(code_of(code), EdgeReader::read, &reader));
  return edges;
}

std::string words_of(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  static_cast<void>(pcre2_get_error_message(error, text.data(), text.size()));
  return reinterpret_cast<const char*>(text.data());
}

/// Two blocks at most, one from each end.
class TwoEnded {
 public:
  explicit TwoEnded(std::size_t size) : room_(size / kAlignment) {}

  void* take(std::size_t bytes) noexcept {
    const std::size_t units = (bytes + kAlignment - 1) / kAlignment;
    if (units == 0 || units > room_.size() - low_ - high_) return nullptr;
    if (low_ == 0) {
      low_ = units;
      return room_.data();
    }
    if (high_ != 0) return nullptr;
    high_ = units;
    return room_.data() + (room_.size() - units);
  }
  [[nodiscard]] bool holds(const void* block) const noexcept {
    return block >= room_.data() && block < room_.data() + room_.size();
  }
  void give(void* block) noexcept { (block == room_.data() ? low_ : high_) = 0; }

 private:
  struct alignas(kAlignment) Unit {
    std::array<std::byte, kAlignment> bytes;
  };
  std::vector<Unit> room_;
  std::size_t low_ = 0;
  std::size_t high_ = 0;
};

}  // namespace

Regex::Regex(Regex&& other) noexcept
    : code_(std::exchange(other.code_, nullptr)), edges_(std::move(other.edges_)) {}

Regex& Regex::operator=(Regex&& other) noexcept {
  std::swap(code_, other.code_);
  std::swap(edges_, other.edges_);
  return *this;
}

Regex::~Regex() { pcre2_code_free(code_of(code_)); }

Result<Regex> Regex::compile(const PcreTerm& term) {
  const std::string& pattern = term.pattern;
  if (pattern.size() > kRegexBytesMax) {
    return fail(ErrorKind::limit, fmt::format("pcre: has {} bytes: at most {} are allowed",
                                              pattern.size(), kRegexBytesMax));
  }
  int error = 0;
  PCRE2_SIZE place = 0;
  Regex regex;
  regex.code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                              options_of(term), &error, &place, nullptr);
  if (regex.is_empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("pcre: '{}': {}, at byte {}", pattern, words_of(error), place));
  }
  std::size_t size = 0;
  static_cast<void>(pcre2_pattern_info(code_of(regex.code_), PCRE2_INFO_SIZE, &size));
  if (size > kRegexCodeBytesMax / 2) {
    return fail(ErrorKind::limit, fmt::format("pcre: '{}': compiles to {} bytes: at most {} are "
                                              "allowed",
                                              pattern, size, kRegexCodeBytesMax / 2));
  }
  regex.edges_ = edges_of(regex.code_, pattern);
  if (regex.edges_.size() > kEdgesMax) {
    return fail(ErrorKind::limit, fmt::format("pcre: '{}': asks {} times for what is around the "
                                              "bytes: at most {} are allowed",
                                              pattern, regex.edges_.size(), kEdgesMax));
  }
  return regex;
}

std::uint32_t Regex::groups() const noexcept {
  std::uint32_t count = 0;
  if (!is_empty()) {
    static_cast<void>(pcre2_pattern_info(code_of(code_), PCRE2_INFO_CAPTURECOUNT, &count));
  }
  return count;
}

namespace {

template <class Io>
void code_edges(Io& io, std::vector<RegexEdge>& edges) {
  io.sequence(edges, kEdgesMax, [&](RegexEdge& edge) {
    io.enumeration(edge.kind, RegexEdge::Kind::not_ahead);
    io.number(edge.place);
    io.number(edge.close);
    io.number(edge.next);
  });
}

}  // namespace

void code(PlainWriter& writer, Regex& regex) {
  std::vector<std::uint8_t> bytes;
  std::uint8_t* written = nullptr;
  PCRE2_SIZE size = 0;
  const pcre2_code* list[] = {code_of(regex.code_)};
  if (!regex.is_empty() && pcre2_serialize_encode(list, 1, &written, &size, nullptr) == 1) {
    bytes.assign(written, written + size);
    pcre2_serialize_free(written);
  }
  writer.sequence(bytes, kRegexCodeBytesMax, [](std::uint8_t) {});
  writer.raw(bytes.data(), bytes.size());
  code_edges(writer, regex.edges_);
}

void code(PlainReader& reader, Regex& regex) {
  std::vector<std::uint8_t> bytes;
  reader.sequence(bytes, kRegexCodeBytesMax, [](std::uint8_t) {});
  reader.raw(bytes.data(), bytes.size());
  // Less than a header and the character tables is nothing that PCRE2 wrote, and it does not look.
  constexpr std::size_t kLeastBytes = 16 + 1'088;
  if (!reader.check(reader.is_good() && bytes.size() > kLeastBytes)) return;
  pcre2_code* read[] = {nullptr};
  if (!reader.check(pcre2_serialize_get_number_of_codes(bytes.data()) == 1)) return;
  if (!reader.check(pcre2_serialize_decode(read, 1, bytes.data(), nullptr) == 1)) return;
  Regex fresh;
  fresh.code_ = read[0];
  code_edges(reader, fresh.edges_);
  if (reader.is_good()) regex = std::move(fresh);
}

struct RegexMatcher::State {
  explicit State(std::size_t memory_bytes) : frames(memory_bytes) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_general_context_free(general);
  }

  static void* take(PCRE2_SIZE bytes, void* self) noexcept {
    auto& state = *static_cast<State*>(self);
    return state.is_made ? state.frames.take(bytes) : ::operator new(bytes, std::nothrow);
  }
  static void give(void* block, void* self) noexcept {
    auto& state = *static_cast<State*>(self);
    state.frames.holds(block) ? state.frames.give(block) : ::operator delete(block);
  }

  static int count(pcre2_callout_block* block, void* self) noexcept {
    auto& state = *static_cast<State*>(self);
    const std::size_t now = block->current_position;
    const std::size_t passed = now > state.place ? now - state.place : state.place - now;
    state.place = now;
    state.work += 1 + static_cast<std::uint32_t>(passed / kBytesPerWork);
    if (state.work > state.work_max) return PCRE2_ERROR_CALLOUT;
    if (state.edges.empty()) [[likely]]
      return 0;
    return state.is_undecided(block->pattern_position, now, block->subject_length) ? kFail : 0;
  }
  static constexpr int kFail = 1;  ///< as if the item did not match

  [[nodiscard]] bool is_undecided(std::size_t item, std::size_t now, std::size_t size) noexcept {
    const bool is_at_cut = is_cut && now == size;
    if (is_at_cut || looked_too_far != 0) {
      if (follow_lookaheads(item, is_at_cut)) return true;
    }
    if (now != 0 && now + 1 < size) [[likely]]
      return false;
    const auto edge = std::ranges::lower_bound(edges, item, {}, &RegexEdge::place);
    if (edge == edges.end() || edge->place != item) return false;
    switch (edge->kind) {
      case RegexEdge::Kind::begin:
        return !is_begin && now == 0;
      case RegexEdge::Kind::end:
        return !is_end;
      case RegexEdge::Kind::word:
        return is_at_cut || (!is_begin && now == 0);
      case RegexEdge::Kind::not_ahead:
        return false;
    }
    return false;
  }

  /// True where a lookahead found nothing, and might with bytes that follow.
  [[nodiscard]] bool follow_lookaheads(std::size_t item, bool is_at_cut) noexcept {
    std::size_t index = 0;
    for (const RegexEdge& edge : edges) {
      if (edge.kind != RegexEdge::Kind::not_ahead) continue;
      const std::uint64_t bit = std::uint64_t{1} << std::min(index++, kLookaheads - 1);
      if (item == edge.next && (looked_too_far & bit) != 0) {
        looked_too_far &= ~bit;
        return true;
      }
      if (item == edge.place) looked_too_far &= ~bit;
      if (is_at_cut && item > edge.place && item < edge.close) looked_too_far |= bit;
    }
    return false;
  }

  TwoEnded frames;
  bool is_made = false;  ///< from then on all memory is that of `frames`
  pcre2_general_context* general = nullptr;
  pcre2_match_context* context = nullptr;
  pcre2_match_data* data = nullptr;
  std::size_t place = 0;  ///< that the last callout saw
  std::uint32_t work = 0;
  std::uint32_t work_max = 0;
  std::span<const RegexEdge> edges;  ///< none where all bytes are there
  bool is_begin = true;
  bool is_end = true;
  bool is_cut = false;
  std::uint64_t looked_too_far = 0;  ///< lookaheads that came to the cut
  std::size_t found_groups = 0;      ///< of the last match, with the whole of it; 0 = none
};

RegexMatcher::RegexMatcher(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
RegexMatcher::RegexMatcher(RegexMatcher&&) noexcept = default;
RegexMatcher& RegexMatcher::operator=(RegexMatcher&&) noexcept = default;
RegexMatcher::~RegexMatcher() = default;

Result<RegexMatcher> RegexMatcher::create(const RegexLimits& limits) {
  auto state = std::make_unique<State>(limits.memory_bytes);
  state->general = pcre2_general_context_create(State::take, State::give, state.get());
  if (state->general != nullptr) {
    state->context = pcre2_match_context_create(state->general);
    state->data = pcre2_match_data_create(kOvectorPairs, state->general);
  }
  if (state->context == nullptr || state->data == nullptr) {
    return fail(ErrorKind::limit, "pcre: no memory for what a worker matches with");
  }
  static_cast<void>(pcre2_set_match_limit(state->context, limits.match));
  static_cast<void>(pcre2_set_depth_limit(state->context, limits.depth));
  static_cast<void>(pcre2_set_heap_limit(state->context, limits.memory_bytes / 1'024));
  static_cast<void>(pcre2_set_callout(state->context, State::count, state.get()));
  state->is_made = true;
  return RegexMatcher(std::move(state));
}

RegexOutcome RegexMatcher::match(const Regex& regex, const Subject& subject) noexcept {
  State& state = *state_;
  state.found_groups = 0;
  state.work = 0;
  state.work_max = subject.work_max;
  state.place = subject.start;
  const bool is_whole = subject.is_begin && subject.is_end && !subject.is_cut;
  state.edges = is_whole ? std::span<const RegexEdge>() : std::span(regex.edges_);
  state.is_begin = subject.is_begin;
  state.is_end = subject.is_end;
  state.is_cut = subject.is_cut;
  state.looked_too_far = 0;
  if (regex.is_empty() || subject.start > subject.bytes.size()) return RegexOutcome::no;
  const std::uint32_t options =
      (subject.is_begin ? 0 : PCRE2_NOTBOL) | (subject.is_end ? 0 : PCRE2_NOTEOL);
  static constexpr std::uint8_t kNothing = 0;
  const std::uint8_t* bytes = subject.bytes.empty() ? &kNothing : subject.bytes.data();
  const int found = pcre2_match(code_of(regex.code_), bytes, subject.bytes.size(), subject.start,
                                options, state.data, state.context);
  if (found == PCRE2_ERROR_NOMATCH) return RegexOutcome::no;
  if (found < 0) return RegexOutcome::limit;
  // 0 says that the expression has more groups than there is room for.
  state.found_groups = found == 0 ? kOvectorPairs : static_cast<std::size_t>(found);
  return RegexOutcome::yes;
}

std::uint32_t RegexMatcher::work() const noexcept { return state_->work; }

std::optional<RegexMatcher::Piece> RegexMatcher::group(std::size_t index) const noexcept {
  if (index >= state_->found_groups) return std::nullopt;
  const PCRE2_SIZE* places = pcre2_get_ovector_pointer(state_->data);
  if (places[2 * index] == PCRE2_UNSET) return std::nullopt;
  return Piece{places[2 * index], places[2 * index + 1]};
}

}  // namespace sluice
