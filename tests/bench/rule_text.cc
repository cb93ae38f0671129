#include "tests/bench/rule_text.h"

#include <array>
#include <iterator>

#include <fmt/format.h>

#include "tests/bench/web_text.h"

namespace sluice::bench {
namespace {

constexpr std::uint32_t kFirstId = 1'000'000;

/// As malware and scanners are told: paths, parameters, agents, bytes of protocols.
[[nodiscard]] std::string odd_content(Dice& dice) {
  const std::string a = odd_word(dice);
  const std::string b = odd_word(dice);
  switch (dice.below(8)) {
    case 0:
      return fmt::format("/{}/{}.php?", word(dice), a);
    case 1:
      return fmt::format("&{}={}&", a, b);
    case 2:
      return fmt::format("{}_{}.exe", a, word(dice));
    case 3:
      return fmt::format("|{:02x} 00 {:02x}|{}|00|", dice.below(256), dice.below(256), a);
    case 4:
      return fmt::format("X-{}-{}|3a 20|", a, b);
    case 5:
      return fmt::format("<{} {}=|22|", word(dice), a);
    case 6:
      return fmt::format("{}.{}(", a, b);
    default:
      return fmt::format("{} {}", a, b);
  }
}

[[nodiscard]] std::string odd_expression(Dice& dice) {
  const std::string a = odd_word(dice);
  const std::string b = odd_word(dice);
  switch (dice.below(6)) {
    case 0:
      return fmt::format("\\b{}\\s+(?:all\\s+)?{}\\b", a, b);
    case 1:
      return fmt::format("{}[=\\x3a]\\s*[^&\\r\\n]{{0,64}}{}", a, b);
    case 2:
      return fmt::format("\\/{}\\.php\\?(?:id|p|{})=\\d{{1,8}}", a, b);
    case 3:
      return fmt::format("<{}[^>]{{0,200}}on{}\\s*=", a, b);
    case 4:
      return fmt::format("(?:\\.\\.\\/){{2,}}{}\\/[a-f0-9]+\\/{}", a, b);
    default:
      return fmt::format("^{}\\x3a\\x20[A-Z0-9]{{6,20}}\\r?$", a);
  }
}

/// Writes rules and numbers them.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : dice(seed) {}

  void add(std::string_view head, std::string_view body) {
    fmt::format_to(std::back_inserter(out.text),
                   "alert {} (msg:\"bench {}\"; {} sid:{}; rev:1; metadata:created_at "
                   "2025_01_01;)\n",
                   head, out.rules, body, kFirstId + out.rules);
    ++out.rules;
  }
  void plant(Place place, std::string text, std::string_view head, std::string_view body) {
    out.plants.push_back({place, kFirstId + out.rules, std::move(text)});
    add(head, body);
  }

  Dice dice;
  RuleText out;
};

[[nodiscard]] std::string raw_body(Dice& dice, bool is_expression) {
  const char* option = dice.percent(50) ? "i" : "";
  if (is_expression) return fmt::format("pcre:\"/{}/{}\";", odd_expression(dice), option);
  std::string out = fmt::format("content:\"{}\";", odd_content(dice));
  if (dice.percent(50)) out += " nocase;";
  if (dice.percent(40)) {
    fmt::format_to(std::back_inserter(out), " content:\"{}\"; distance:{}; within:{};",
                   odd_word(dice), dice.below(4), 20 + dice.below(100));
  }
  return out;
}

constexpr std::array<Place, 8> kPlaces{
    Place::request_target, Place::request_agent, Place::request_body,  Place::response_1k,
    Place::response_16k,   Place::response_64k,  Place::response_gzip, Place::last_segment};

// --- web ----------------------------------------------------------------------------------------

/// One request buffer with what is looked for in it. Parts of a rule follow one another.
[[nodiscard]] std::string uri_part(Dice& dice) {
  std::string out =
      fmt::format("http.uri; content:\"/{}.php?{}=\"; fast_pattern;", odd_word(dice), word(dice));
  if (dice.percent(50)) {
    fmt::format_to(std::back_inserter(out), " content:\"&{}=\"; distance:0;", odd_word(dice));
  }
  if (dice.percent(25)) {
    fmt::format_to(std::back_inserter(out), " pcre:\"/[?&]{}=[a-z0-9]{{4,32}}$/\";", word(dice));
  }
  return out;
}

[[nodiscard]] std::string request_rule(Dice& dice) {
  std::string out;
  if (dice.percent(60))
    out += dice.percent(60) ? "http.method; content:\"GET\"; " : "http.method; content:\"POST\"; ";
  const std::uint32_t kind = dice.below(100);
  if (kind < 55) {
    out += uri_part(dice);
  } else if (kind < 70) {
    out += fmt::format("http.user_agent; content:\"{}/{}.\"; startswith;", odd_word(dice),
                       dice.below(9));
  } else if (kind < 85) {
    out += fmt::format(
        "http.request_body; content:\"{}=\"; fast_pattern; content:\"&{}=\"; distance:0; "
        "within:200;",
        odd_word(dice), odd_word(dice));
  } else if (kind < 93) {
    out += fmt::format("http.host; content:\".{}.com\"; endswith;", odd_word(dice));
  } else if (kind < 97) {
    out += fmt::format("http.header; content:\"X-{}|3a 20|\"; nocase;", odd_word(dice));
  } else {
    out += fmt::format("http.cookie; content:\"{}=\";", odd_word(dice));
  }
  if (dice.percent(20)) out += " http.header_names; content:!\"|0d 0a|Referer|0d 0a|\";";
  return out;
}

[[nodiscard]] std::string response_rule(Dice& dice) {
  std::string out;
  if (dice.percent(40)) out += "http.stat_code; content:\"200\"; ";
  const char* buffer = dice.percent(80) ? "file.data" : "http.response_body";
  out += fmt::format("{}; content:\"{}\"; fast_pattern;", buffer, odd_content(dice));
  if (dice.percent(50)) {
    fmt::format_to(std::back_inserter(out), " content:\"{}\"; distance:0; within:{};",
                   odd_word(dice), 50 + dice.below(200));
  }
  if (dice.percent(20)) {
    fmt::format_to(std::back_inserter(out), " pcre:\"/{}/\";", odd_expression(dice));
  }
  return out;
}

void add_other_rule(Writer& rules) {
  Dice& dice = rules.dice;
  const std::uint32_t kind = dice.below(100);
  if (kind < 35) {
    rules.add("dns any any -> any any",
              fmt::format("dns.query; dotprefix; content:\".{}.com\"; nocase; endswith;",
                          odd_word(dice)));
  } else if (kind < 52) {
    const std::string name = odd_word(dice) + ".net";
    rules.add("tls any any -> any any",
              fmt::format("flow:established,to_server; tls.sni; content:\"{}\"; bsize:{}; nocase;",
                          name, name.size()));
  } else if (kind < 75) {
    rules.add("tcp any any -> any any",
              "flow:established,to_server; " + raw_body(dice, dice.percent(15)));
  } else if (kind < 88) {
    rules.add("tcp any any -> any any",
              "flow:established,to_client; " + raw_body(dice, dice.percent(15)));
  } else if (kind < 94) {
    rules.add(fmt::format("tcp any any -> any {}", 1'024 + dice.below(9'000)),
              "flow:established,to_server; " + raw_body(dice, false));
  } else {
    rules.add("udp any any -> any any", raw_body(dice, false));
  }
}

void plant_web(Writer& rules, Place place) {
  Dice& dice = rules.dice;
  const std::string a = odd_word(dice);
  const std::string b = odd_word(dice);
  const std::string to_server = "flow:established,to_server; ";
  constexpr std::string_view kHttp = "http any any -> any any";
  switch (place) {
    case Place::request_target:
      return rules.plant(place, fmt::format("/{}.php?{}=12ab34", a, b), kHttp,
                         to_server + fmt::format("http.uri; content:\"/{}.php?\"; fast_pattern; "
                                                 "pcre:\"/[?&]{}=[a-f0-9]{{6}}$/\";",
                                                 a, b));
    case Place::request_agent:
      return rules.plant(
          place, fmt::format("{}/1.0 ({})", a, b), kHttp,
          to_server + fmt::format("http.user_agent; content:\"{}/\"; startswith; content:\"{}\"; "
                                  "distance:0;",
                                  a, b));
    case Place::request_body:
      return rules.plant(
          place, fmt::format("{}&{}=77", a, b), kHttp,
          to_server + fmt::format("http.method; content:\"POST\"; http.request_body; "
                                  "content:\"{}\"; content:\"&{}=\"; distance:0;",
                                  a, b));
    default:
      return rules.plant(
          place, fmt::format("<{} {}(1)>", a, b), kHttp,
          fmt::format("flow:established,to_client; file.data; content:\"<{}\"; content:\"{}(\"; "
                      "distance:0; within:40;",
                      a, b));
  }
}

}  // namespace

std::string odd_word(Dice& dice) {
  constexpr std::array<std::string_view, 20> kStarts{
      "zu",  "xa",  "qi",  "vy",  "kro", "bwe", "gna", "dhu", "jo",  "pfi",
      "mba", "tzi", "ska", "plu", "fne", "chy", "rhe", "wro", "loq", "nuj"};
  constexpr std::array<std::string_view, 16> kMiddles{"rg", "lk", "xx", "mb", "zz", "pt",
                                                      "vn", "dr", "kk", "sh", "wl", "tch",
                                                      "nq", "bz", "rv", "jl"};
  constexpr std::array<std::string_view, 16> kEnds{"ol",  "ith", "ux",  "amo", "eko", "ibi",
                                                   "orn", "ask", "ulu", "ywe", "ozz", "ari",
                                                   "ent", "ump", "iq",  "ag"};
  std::string out(dice.one_of(kStarts));
  out += dice.one_of(kMiddles);
  out += dice.one_of(kEnds);
  if (dice.percent(40)) out += dice.one_of(kMiddles).substr(0, 1);
  if (dice.percent(50)) out += dice.one_of(kEnds);
  return out;
}

RuleText raw_rules(std::uint32_t count, std::string_view protocol) {
  constexpr std::uint32_t kPlanted = 21;
  Writer rules(101);
  const std::string head = fmt::format("{} any any -> any any", protocol);
  while (rules.out.rules + kPlanted < count) {
    rules.add(head, raw_body(rules.dice, rules.out.rules % 5 < 2));
  }
  for (std::uint32_t i = 0; rules.out.rules < count; ++i) {
    const Place place = kPlaces[i % kPlaces.size()];
    if (place == Place::response_gzip) continue;
    const std::string a = odd_word(rules.dice);
    const std::string b = odd_word(rules.dice);
    // Its text can stand in any of the places.
    i % 5 < 2 ? rules.plant(place, fmt::format("{}-1234{}", a, b), head,
                            fmt::format("pcre:\"/{}-\\d{{2,8}}{}/i\";", a, b))
              : rules.plant(place, fmt::format("{}-{}", a, b), head,
                            fmt::format("content:\"{}\"; content:\"-{}\"; distance:0; within:{};",
                                        a, b, b.size() + 1));
  }
  return std::move(rules.out);
}

RuleText web_rules(std::uint32_t count) {
  constexpr std::uint32_t kPlanted = 24;
  Writer rules(202);
  while (rules.out.rules + kPlanted < count) {
    const std::uint32_t turn = rules.out.rules % 20;
    if (turn < 9) {
      rules.add("http any any -> any any",
                "flow:established,to_server; " + request_rule(rules.dice));
    } else if (turn < 12) {
      rules.add("http any any -> any any",
                "flow:established,to_client; " + response_rule(rules.dice));
    } else {
      add_other_rule(rules);
    }
  }
  for (std::uint32_t i = 0; i < kPlanted; ++i) plant_web(rules, kPlaces[i % kPlaces.size()]);
  return std::move(rules.out);
}

std::string expression_pack(std::uint32_t count) {
  Dice dice(303);
  std::string out = "pack: bench\nversion: 1\nrules:\n";
  for (std::uint32_t i = 0; i < count; ++i) {
    fmt::format_to(std::back_inserter(out),
                   "  - id: {}\n    name: bench {}\n    class: bad-unknown\n    severity: high\n"
                   "    stage: enforce\n    action: drop\n    when: {{proto: tcp}}\n    match:\n"
                   "      - payload: {{pcre: '{}', nocase: true}}\n",
                   kFirstId + i, i, odd_expression(dice));
  }
  return out;
}

}  // namespace sluice::bench
