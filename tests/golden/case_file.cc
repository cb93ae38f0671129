#include "tests/golden/case_file.h"

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "base/five_tuple.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

[[nodiscard]] std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// A '#' inside of quotes is text.
[[nodiscard]] std::string_view without_comment(std::string_view line) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') is_quoted = !is_quoted;
    if (line[i] == '#' && !is_quoted) return trimmed(line.substr(0, i));
  }
  return trimmed(line);
}

[[nodiscard]] std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

[[nodiscard]] DurationNs duration_from_text(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    DurationNs ns;
  };
  constexpr Unit kUnits[] = {
      {"ms", kNsPerMs}, {"us", kNsPerUs}, {"ns", 1}, {"s", kNsPerSecond}, {"", kNsPerSecond}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    return number_from_text(text.substr(0, text.size() - unit.suffix.size())) * unit.ns;
  }
  throw std::runtime_error("no duration: " + std::string(text));
}

/// Each {A+n} as A + n.
[[nodiscard]] std::string counted(std::string_view line, std::uint64_t n) {
  std::string text;
  for (std::size_t open; (open = line.find('{')) != std::string_view::npos;) {
    const std::size_t plus = line.find("+n}", open);
    if (plus == std::string_view::npos) throw std::runtime_error("'{' without '+n}'");
    text += line.substr(0, open);
    text += std::to_string(number_from_text(line.substr(open + 1, plus - open - 1)) + n);
    line.remove_prefix(plus + 3);
  }
  return text += line;
}

/// "10 forwarded, source_rate_exceeded": the outcome of the i-th frame of a line.
class Outcomes {
 public:
  explicit Outcomes(std::string_view text) {
    while (!text.empty()) {
      const std::size_t comma = std::min(text.find(','), text.size());
      std::string_view part = trimmed(text.substr(0, comma));
      text.remove_prefix(std::min(comma + 1, text.size()));
      const bool has_count = part.find(' ') != std::string_view::npos;
      const std::uint64_t count = has_count ? number_from_text(take_word(part)) : 1;
      rows_.push_back({count, std::string(part)});
    }
    if (rows_.empty()) rows_.push_back({1, "forwarded"});
  }
  [[nodiscard]] std::string next() {
    while (row_ + 1 < rows_.size() && used_ == rows_[row_].count) {
      ++row_;
      used_ = 0;
    }
    ++used_;
    return rows_[row_].name;
  }

 private:
  struct Row {
    std::uint64_t count;
    std::string name;
  };
  std::vector<Row> rows_;
  std::size_t row_ = 0;
  std::uint64_t used_ = 0;
};

/// Takes "... for TIME" apart: what stands before it stays, the end is returned.
[[nodiscard]] TimeNs take_until(std::string_view& text) {
  const std::size_t end = text.rfind(" for ");
  if (end == std::string_view::npos) throw std::runtime_error("no 'for TIME'");
  const TimeNs until = kCaseStart + duration_from_text(trimmed(text.substr(end + 5)));
  text = trimmed(text.substr(0, end));
  return until;
}

template <class T>
[[nodiscard]] T checked(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

/// "192.0.2.1:80", "[2001:db8::1]:80", or an address alone.
[[nodiscard]] Endpoint endpoint_from_text(std::string_view text) {
  const bool is_bracketed = text.starts_with('[');
  const std::size_t colon = text.rfind(':');
  const bool has_port =
      is_bracketed || (colon != std::string_view::npos && colon == text.find(':'));
  if (!has_port) return {checked(parse_ip_address(text)), 0};
  const std::string_view address =
      is_bracketed ? text.substr(1, text.find(']') - 1) : text.substr(0, colon);
  return {checked(parse_ip_address(address)),
          static_cast<std::uint16_t>(number_from_text(text.substr(colon + 1)))};
}

[[nodiscard]] BlockEntry block_from_text(std::string_view text) {
  BlockEntry block;
  block.until = take_until(text);
  if (text.find(' ') == std::string_view::npos) {
    block.prefix = checked(parse_ip_prefix(text));
    return block;
  }
  block.kind = BlockKind::flow;
  const std::string_view protocol = take_word(text);
  for (unsigned number = 0; number < 256; ++number) {
    if (protocol == protocol_name(static_cast<std::uint8_t>(number))) {
      block.protocol = static_cast<std::uint8_t>(number);
    }
  }
  const Endpoint low = endpoint_from_text(take_word(text));
  const Endpoint high = endpoint_from_text(take_word(text));
  block.low = low.address;
  block.low_port = low.port;
  block.high = high.address;
  block.high_port = high.port;
  return block;
}

[[nodiscard]] BypassEntry bypass_from_text(std::string_view text) {
  BypassEntry bypass;
  bypass.until = take_until(text);
  const std::string_view word = take_word(text);
  if (word == "pair") return bypass;
  if (word == "vlan") {
    bypass.kind = BypassEntry::Kind::vlan;
    bypass.vlan = static_cast<std::uint16_t>(number_from_text(text));
    return bypass;
  }
  bypass.kind = BypassEntry::Kind::prefix;
  bypass.prefix = checked(parse_ip_prefix(word));
  return bypass;
}

class CaseReader {
 public:
  explicit CaseReader(GoldenCase& golden) : case_(golden) { case_.captures.emplace_back(); }

  void line(std::string_view text) {
    text = without_comment(text);
    if (text.empty()) return;
    if (text.find_first_not_of('-') == std::string_view::npos) {
      case_.captures.emplace_back();
      now_ = kCaseStart;
      return;
    }
    const std::size_t colon = text.find(": ");
    const bool is_option = colon != std::string_view::npos &&
                           text.substr(0, colon).find_first_not_of("abcdefghijklmnopqrstuvwxyz") ==
                               std::string_view::npos;
    if (is_option) return option(text.substr(0, colon), trimmed(text.substr(colon + 2)));
    packets(text);
  }

 private:
  void option(std::string_view key, std::string_view value) {
    if (key == "twin") {
      case_.twin = value;
    } else if (key == "workers") {
      case_.workers = static_cast<std::uint32_t>(number_from_text(value));
    } else if (key == "repeat") {
      case_.repeat = static_cast<std::uint32_t>(number_from_text(value));
    } else if (key == "refuses") {
      while (!value.empty()) case_.refuses.emplace_back(take_word(value));
    } else if (key == "block") {
      case_.blocks.push_back(block_from_text(value));
      case_.blocks.back().id = case_.blocks.size();
    } else if (key == "bypass") {
      case_.bypasses.push_back(bypass_from_text(value));
      case_.bypasses.back().id = case_.bypasses.size();
    } else if (key == "faults") {
      while (!value.empty()) fault(take_word(value));
    } else {
      throw std::runtime_error("unknown key '" + std::string(key) + "'");
    }
  }

  void fault(std::string_view text) {
    const std::size_t equals = std::min(text.find('='), text.size() - 1);
    const auto value = static_cast<std::uint32_t>(number_from_text(text.substr(equals + 1)));
    const std::string_view name = text.substr(0, equals);
    if (name == "transmit_most") {
      case_.faults.transmit_most = value;
    } else if (name == "handoff_ring") {
      case_.faults.handoff_ring = value;
    } else if (name == "frame_bytes_max") {
      case_.faults.frame_bytes_max = value;
    } else {
      throw std::runtime_error("unknown fault '" + std::string(name) + "'");
    }
  }

  void move_clock(std::string_view time) {
    switch (time[0]) {
      case '+':
        now_ += duration_from_text(time.substr(1));
        return;
      case '-':
        now_ -= duration_from_text(time.substr(1));
        return;
      default:
        now_ = kCaseStart + duration_from_text(time);
        return;
    }
  }

  void packets(std::string_view text) {
    move_clock(take_word(text));
    std::uint64_t count = 1;
    DurationNs step = 0;
    if (text.size() > 1 && text[0] == 'x' && text[1] >= '0' && text[1] <= '9') {
      const std::string_view times = take_word(text).substr(1);
      const std::size_t slash = times.find('/');
      if (slash == std::string_view::npos) throw std::runtime_error("xCOUNT without /STEP");
      count = number_from_text(times.substr(0, slash));
      step = duration_from_text(times.substr(slash + 1));
    }
    const std::size_t arrow = text.rfind("=> ");
    Outcomes outcomes(arrow == std::string_view::npos ? "" : trimmed(text.substr(arrow + 3)));
    const std::string_view headers = trimmed(text.substr(0, arrow));
    for (std::uint64_t n = 0; n < count; ++n) {
      if (n > 0) now_ += step;
      one_turn(counted(headers, n), outcomes);
    }
  }

  void one_turn(std::string_view packets, Outcomes& outcomes) {
    while (!packets.empty()) {
      const std::size_t semicolon = std::min(packets.find(" ; "), packets.size());
      for (TextFrame& frame : frames_from_text(packets.substr(0, semicolon))) {
        case_.captures.back().push_back({now_, std::move(frame), outcomes.next()});
      }
      packets.remove_prefix(std::min(semicolon + 3, packets.size()));
    }
  }

  GoldenCase& case_;
  TimeNs now_ = kCaseStart;
};

[[nodiscard]] std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

GoldenCase load_case(const fs::path& directory) {
  GoldenCase golden;
  golden.name = directory.filename().string();
  golden.directory = directory.string();
  golden.config_text = read_text(directory / "sluice.yaml");
  golden.rules_text = read_text(directory / "rules.yaml");
  CaseReader reader(golden);
  std::istringstream lines(read_text(directory / "packets.txt"));
  std::string line;
  for (unsigned number = 1; std::getline(lines, line); ++number) {
    try {
      reader.line(line);
    } catch (const std::exception& failure) {
      throw std::runtime_error(golden.name + "/packets.txt:" + std::to_string(number) + ": " +
                               failure.what());
    }
  }
  return golden;
}

}  // namespace sluice::test
