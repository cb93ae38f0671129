#include "rules/reference.h"

#include <span>
#include <string_view>

#include <fmt/format.h>

#include "rules/keyword_value.h"
#include "rules/keywords.h"

namespace sluice {
namespace {

constexpr std::string_view kIntroduction = R"(# Rule files

Every key that may stand in a rule file. This page is generated from the keyword table.

A file is one YAML document of at most 64 MiB and 200000 rules: a *pack*. Unknown keys, duplicate
keys, anchors, aliases and tags are errors, and all of them are reported at once. A key that is left
out has its default. Contents, offsets and flow bits mean what they mean in Suricata 7.

```yaml
pack: web-attacks
version: 1
rules:
  - id: 20031
    name: SQL injection, UNION SELECT in a query string
    class: web-application-attack
    severity: high
    stage: enforce
    action: drop
    when: {proto: tcp, service: http, direction: to_server, flow: established,
           destination: $HOME_NET}
    match:
      - http.uri: {contains: "union", nocase: true}
      - http.uri: {pcre: '\bselect\b', nocase: true, relative: true}
    references: ["cwe:89"]
    tests:
      hit: [{http_request: "GET /item?id=1%20UNION%20SELECT%20password HTTP/1.1"}]
      miss: [{http_request: "GET /blog/credit-union-selection HTTP/1.1"}]
```

| kind of value | written as |
|---|---|
| number | `32`, `0x20`; no quotes |
| number or name | a number, or a name that a `byte_extract`, `byte_math` or capture has set |
| range | `5`, `5-10`, `">=5"`, `"<5"`, `any`, or one of these behind a `!`, as in `"!5"` |
| duration | `30s`, `10min`, `1h`, `1d` |
| text | printable UTF-8 |
| escaped text | a text with escapes: `'GET \x00\xff'` |
| expression | `any`, a value, `"!VALUE"`, `$NAME`, or a list: `"[$HOME_NET, !10.0.0.0/8]"` |

In an escaped text `\xHH` is a byte, `\n` a line end, `\r` a carriage return, `\t` a tab and `\\` a
backslash. Single quotes keep YAML from reading backslashes itself.

Values of an expression are addresses, prefixes and ranges such as `10.0.0.1-10.0.0.9`, or ports and
ranges such as `8000:8099`, `1024:`. A list is all that it names without what it names behind a `!`;
a list of YAML will do where it has none of those: `[80, 8000:8099]`.
Variables whose names end in `PORT` or `PORTS` are of ports, all others of addresses. Those that
packs use commonly, such as `$HOME_NET` and `$HTTP_PORTS`, are `any` where they are not set.
)";

constexpr std::string_view kTableHead =
    "\n| key | values | default | meaning |\n|---|---|---|---|\n";

std::string code_words(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    out += fmt::format("{}`{}`", out.empty() ? "" : ", ", word);
  }
  return out;
}

std::string_view kind_of_value(KeywordType type) {
  switch (type) {
    case KeywordType::boolean:
      return "`true`, `false`";
    case KeywordType::number:
    case KeywordType::hex:
    case KeywordType::integer:
      return "number";
    case KeywordType::operand:
      return "number or name";
    case KeywordType::range:
      return "range";
    case KeywordType::duration:
      return "duration";
    case KeywordType::text:
      return "text";
    case KeywordType::bytes:
      return "escaped text";
    case KeywordType::expression:
      return "expression";
    case KeywordType::texts:
      return "text or list of texts";
    case KeywordType::byte_texts:
      return "list of escaped texts";
    case KeywordType::bits:
      return "letters, or a number";
    case KeywordType::word:
    case KeywordType::section:
      break;
  }
  return "see below";
}

std::string describe_values(const Keyword& keyword) {
  if (keyword.type == KeywordType::word) return code_words(keyword.words);
  const std::string range = describe_keyword_range(keyword);
  return fmt::format("{}{}{}", kind_of_value(keyword.type), range.empty() ? "" : ", ", range);
}

/// Of a field in the blank record: nothing where it is not given there, or is an empty text.
template <class Record>
std::string default_of(const Field<Record>& field, const Record& blank) {
  if (field.read == nullptr) return {};
  const auto value = field.read(blank);
  const bool is_empty = !value || *value == KeywordValue{std::string()} ||
                        *value == KeywordValue{std::vector<std::string>()};
  return is_empty ? std::string() : fmt::format("`{}`", print_keyword_value(field.keyword, *value));
}

template <class Record>
std::string field_row(const Field<Record>& field, const Record& blank) {
  return fmt::format("| `{}` | {} | {} | {} |\n", field.keyword.key, describe_values(field.keyword),
                     default_of(field, blank), field.keyword.help);
}

template <class Record>
std::string field_table(std::span<const Field<Record>> fields) {
  std::string out(kTableHead);
  for (const Field<Record>& field : fields) out += field_row(field, Record{});
  return out;
}

/// Choices whose further keys are the same share a table of them.
template <class Record>
std::string choice_tables(std::span<const Choice<Record>> choices, std::string_view main_keys) {
  std::string out;
  for (std::size_t i = 0; i < choices.size();) {
    const std::span<const Field<Record>> fields = choices[i].fields;
    std::size_t end = i;
    while (end < choices.size() && choices[end].fields.data() == fields.data()) ++end;
    out += fmt::format("\n| {} | values | meaning |\n|---|---|---|\n", main_keys);
    const auto group = choices.subspan(i, end - i);
    for (const Choice<Record>& choice : group) {
      const Keyword& keyword = choice.main.keyword;
      out +=
          fmt::format("| `{}` | {} | {} |\n", keyword.key, describe_values(keyword), keyword.help);
    }
    if (!fields.empty()) {
      out += kTableHead;
      for (const Field<Record>& field : fields) out += field_row(field, group.front().blank());
    }
    i = end;
  }
  return out;
}

std::string match_section() {
  std::string out =
      "\n## match\n\nA list of terms, all of which hold. An item is a map of one buffer with a "
      "term, as in\n`http.uri: {contains: \"x\", offset: 3}`. Items about the same buffer that "
      "follow one another look at\nit together: `distance`, `within` and `relative` count from "
      "the term before. An item with `part: new`\nbeside the buffer begins anew; one with "
      "`transforms: [...]` does so too, and its terms see the buffer\nas it is after them. A "
      "buffer with an empty map, `tls.sni: {}`, asks only that it is there.\n";
  out += fmt::format("\nTransforms: {}; the last is written `{{xor_key: 'KEY'}}`.\n",
                     code_words(transform_words()));
  return out + choice_tables(term_choices(), "term");
}

std::string buffers_section() {
  constexpr std::string_view kSides[] = {"request", "response", "both"};
  std::string out = "\n## Buffers\n\n| buffer | service | side | holds |\n|---|---|---|---|\n";
  for (const BufferRow& row : buffer_table()) {
    const std::string_view service = row.service == Service::any ? "" : name_of(row.service);
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.name, service,
                       kSides[static_cast<std::size_t>(row.side)], row.meaning);
  }
  return out;
}

constexpr std::string_view kActions =
    R"(What is done at stage enforce; in mode monitor
it is told, and nobody is refused, answered or blocked.

- `drop` refuses the packet, and of TCP the rest of its flow.
- `reject` refuses the same and tells: a TCP connection is reset at both ends, the sender of
  anything else gets an ICMP port unreachable. Nobody is told of groups, broadcasts, RSTs, ICMP
  errors and what came in fragments. Each worker sends no more than `inspect.reject_rate`, and of
  ICMP messages to one host six at once and one a second.
- `pass` lets the packet through, whatever other rules say, and the rest of its flow uninspected; a
  rule that tests headers of a packet, or asks for a flow that is not established, the packet alone.
- `limit` refuses what exceeds that limit (`rule_rate_exceeded`), and the rest of the flow where
  the match is in a TCP stream. Rules that name one limit share it. A name that is not in
  `rule_limits` is an error.
- `block` refuses like `drop`, and the control process blocks the source or destination of the
  packet, or the flow, within a tenth of a second. Of each rule 100 new blocks a second and 4,096
  in force, none of what an allow list covers. A replay has no control process: there it refuses
  like `drop`.)";

constexpr std::string_view kSets = R"(
## Sets of the configuration

`in_set: NAME` asks whether the buffer as a whole is in one of `sets`, a list of the
configuration. In a set of kind domain an entry stands for itself and every name below it:
`evil.example`, with or without a dot in front, holds `www.evil.example` and not
`notevil.example`. Domains are for buffers that hold host names: `dns.query`, `tls.sni`,
`quic.sni`, `http.host`, `http.host.raw` and `smtp.helo`. A set of kind text holds exact bytes,
for any buffer of an application that comes whole. A rule that has `in_set` alone is not looked at
for every message: each set is asked once for a buffer, whatever the number of its rules. With
`not`, or behind `transforms`, it is. Entries change live, and end by the time of the packet
(`sluicectl sets`); nothing is compiled.
)";

}  // namespace

std::string rules_reference() {
  std::string out(kIntroduction);
  out += "\n## The file\n" + field_table(pack_keywords());
  out += "\n## A rule\n" + field_table(rule_keywords());
  out += fmt::format("\n## action\n\nOne of the words {}, or a map. {}\n",
                     code_words(action_words()), kActions);
  out += choice_tables(action_choices(), "action");
  out +=
      "\n## when\n\nSource and destination are those of the packet that is judged. `@NAME` "
      "among addresses stands for what\nthat set of the configuration holds, as in `[@bad-nets, "
      "!10.0.0.0/8]` or `!@friends`.\n";
  out += field_table(when_keywords());
  out += "\n## headers\n\nA list of maps, such as `{ttl: \"<5\"}`.\n";
  out += choice_tables(header_choices(), "field");
  out += match_section();
  out += kSets;
  out += buffers_section();
  out += "\n## flags\n\nA list of maps, such as `{is_set: \"seen.login\"}`.\n";
  out += choice_tables(flag_choices(), "step");
  out += "\n## counters\n\nA list of maps, such as `{add: \"tries\", value: 1}`.\n";
  out += choice_tables(counter_choices(), "step");
  out += "\n## threshold\n" + field_table(threshold_keywords());
  out += "\n## tests\n\nMaps in the lists `hit` and `miss`.\n";
  out += choice_tables(test_choices(), "kind");
  return out;
}

}  // namespace sluice
