#include "rules/shape_corpus.h"

#include <array>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace sluice {
namespace {

/// A small generator whose numbers are the same with every standard library.
class Dice {
 public:
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
    state_ = state_ * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return static_cast<std::uint32_t>((state_ >> 33) % bound);
  }
  template <std::size_t N>
  [[nodiscard]] std::string_view one_of(const std::array<std::string_view, N>& words) noexcept {
    return words[below(static_cast<std::uint32_t>(N))];
  }

 private:
  std::uint64_t state_ = 0x736c75696365ULL;
};

constexpr std::array<std::string_view, 48> kWords{
    "the",     "of",      "and",    "to",      "in",      "is",       "that",   "for",
    "it",      "with",    "as",     "was",     "on",      "be",       "at",     "by",
    "this",    "have",    "from",   "or",      "had",     "not",      "are",    "but",
    "what",    "all",     "were",   "when",    "your",    "can",      "said",   "there",
    "use",     "each",    "which",  "she",     "do",      "how",      "their",  "will",
    "product", "service", "search", "account", "privacy", "download", "update", "contact"};
constexpr std::array<std::string_view, 20> kTags{
    "div", "span", "a", "p", "li", "ul", "td",  "tr",      "table",  "img",
    "h1",  "h2",   "i", "b", "br", "em", "nav", "section", "button", "input"};
constexpr std::array<std::string_view, 12> kNames{"class", "id",    "style", "title",
                                                  "name",  "value", "type",  "rel",
                                                  "alt",   "role",  "width", "data-src"};
constexpr std::array<std::string_view, 12> kScript{"function(e){return ",
                                                   "var ",
                                                   "document.getElementById(",
                                                   "window.location",
                                                   "if(!",
                                                   "}else{",
                                                   "this.",
                                                   ".prototype.",
                                                   "=null;",
                                                   "for(var i=0;i<",
                                                   "JSON.parse(",
                                                   ".addEventListener('click',"};
constexpr std::array<std::string_view, 14> kHeaders{
    "Host: www.example.org",
    "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
    "Cache-Control: max-age=3600",
    "Content-Type: text/html; charset=UTF-8",
    "Server: nginx",
    "Vary: Accept-Encoding",
    "Referer: https://www.example.org/index.html",
    "X-Frame-Options: SAMEORIGIN",
    "Cookie: session=5f2a9c31e07b; theme=light",
    "ETag: \"6441-5e\""};

void append_words(std::string& out, Dice& dice) {
  for (std::uint32_t i = 4 + dice.below(16); i > 0; --i) {
    out += dice.one_of(kWords);
    out += dice.below(9) == 0 ? ", " : " ";
  }
}

void append_element(std::string& out, Dice& dice) {
  const std::string_view tag = dice.one_of(kTags);
  fmt::format_to(std::back_inserter(out), "<{} {}=\"{}-{}\" href=\"/{}/{}.html?id={}\">", tag,
                 dice.one_of(kNames), dice.one_of(kWords), dice.one_of(kWords), dice.one_of(kWords),
                 dice.one_of(kWords), dice.below(100'000));
  append_words(out, dice);
  fmt::format_to(std::back_inserter(out), "</{}>\n", tag);
}

void append_script(std::string& out, Dice& dice) {
  fmt::format_to(std::back_inserter(out), "{}{}{}{}({});", dice.one_of(kScript),
                 dice.one_of(kWords), dice.one_of(kScript), dice.one_of(kWords),
                 dice.below(10'000));
}

void append_head(std::string& out, Dice& dice) {
  if (dice.below(2) == 0) {
    fmt::format_to(std::back_inserter(out), "GET /{}/{}?{}={} HTTP/1.1\r\n", dice.one_of(kWords),
                   dice.one_of(kWords), dice.one_of(kNames), dice.below(1'000));
  } else {
    out += "HTTP/1.1 200 OK\r\n";
  }
  for (std::uint32_t i = 5 + dice.below(6); i > 0; --i) {
    out += dice.one_of(kHeaders);
    out += "\r\n";
  }
  out += "\r\n";
}

}  // namespace

std::vector<std::string> ordinary_texts(std::size_t count, std::size_t bytes) {
  Dice dice;
  std::vector<std::string> out(count);
  for (std::string& text : out) {
    if (dice.below(4) == 0) append_head(text, dice);
    while (text.size() < bytes) {
      dice.below(3) == 0 ? append_script(text, dice) : append_element(text, dice);
    }
  }
  return out;
}

}  // namespace sluice
