#include "tests/bench/web_text.h"

#include <array>
#include <iterator>

#include <fmt/format.h>
#include <zlib.h>

#include "base/check.h"

namespace sluice::bench {
namespace {

constexpr std::array<std::string_view, 160> kWords{
    "the",     "of",       "and",     "to",       "in",       "is",       "that",     "for",
    "it",      "with",     "as",      "was",      "on",       "be",       "at",       "by",
    "this",    "have",     "from",    "or",       "had",      "not",      "are",      "but",
    "what",    "all",      "were",    "when",     "your",     "can",      "said",     "there",
    "use",     "each",     "which",   "she",      "do",       "how",      "their",    "will",
    "up",      "other",    "about",   "out",      "many",     "then",     "them",     "these",
    "so",      "some",     "her",     "would",    "make",     "like",     "him",      "into",
    "time",    "has",      "look",    "two",      "more",     "write",    "go",       "see",
    "number",  "no",       "way",     "could",    "people",   "my",       "than",     "first",
    "water",   "been",     "call",    "who",      "oil",      "its",      "now",      "find",
    "long",    "down",     "day",     "did",      "get",      "come",     "made",     "may",
    "part",    "over",     "new",     "sound",    "take",     "only",     "little",   "work",
    "know",    "place",    "year",    "live",     "me",       "back",     "give",     "most",
    "very",    "after",    "thing",   "our",      "just",     "name",     "good",     "sentence",
    "man",     "think",    "say",     "great",    "where",    "help",     "through",  "much",
    "before",  "line",     "right",   "too",      "mean",     "old",      "any",      "same",
    "tell",    "boy",      "follow",  "came",     "want",     "show",     "product",  "service",
    "search",  "account",  "privacy", "download", "update",   "contact",  "market",   "summer",
    "weather", "football", "library", "recipe",   "garden",   "museum",   "travel",   "picture",
    "station", "history",  "science", "language", "question", "delivery", "customer", "article"};
constexpr std::array<std::string_view, 24> kTags{
    "div", "span", "a",  "p", "li", "ul", "td", "tr",  "table",   "h1",     "h2",    "h3",
    "i",   "b",    "em", "s", "th", "dl", "dd", "nav", "section", "button", "label", "form"};
constexpr std::array<std::string_view, 12> kNames{"class", "id",    "style", "title",
                                                  "name",  "value", "type",  "rel",
                                                  "alt",   "role",  "width", "data-src"};
constexpr std::array<std::string_view, 14> kScript{"function(e){return ",
                                                   "var ",
                                                   "document.getElementById(\"",
                                                   "window.location.href",
                                                   "if(!",
                                                   "}else{",
                                                   "this.",
                                                   ".prototype.",
                                                   "=null;",
                                                   "for(var i=0;i<",
                                                   "JSON.parse(",
                                                   ".addEventListener('click',",
                                                   "return new Promise(",
                                                   "\");\n  "};
constexpr std::array<std::string_view, 6> kAgents{
    "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.1 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0"};
constexpr std::array<std::string_view, 6> kSuffixes{".html", ".php", "", "/", ".css", ".js"};
constexpr std::array<std::string_view, 5> kDomains{"example.com", "example.org", "example.net",
                                                   "shop.example", "news.example"};

void append_sentence(std::string& out, Dice& dice) {
  for (std::uint32_t i = 6 + dice.below(14); i > 0; --i) {
    out += word(dice);
    out += dice.percent(10) ? ", " : " ";
  }
  out += dice.percent(60) ? ".\n" : "<br>\n";
}

void append_element(std::string& out, Dice& dice) {
  const std::string_view tag = dice.one_of(kTags);
  fmt::format_to(std::back_inserter(out), "<{} {}=\"{}-{}\" href=\"/{}/{}-{}.html?id={}\">", tag,
                 dice.one_of(kNames), word(dice), word(dice), word(dice), word(dice), word(dice),
                 dice.below(100'000));
  append_sentence(out, dice);
  fmt::format_to(std::back_inserter(out), "</{}>\n", tag);
}

}  // namespace

std::string_view word(Dice& dice) { return dice.one_of(kWords); }

std::string request_target(Dice& dice) {
  std::string out =
      fmt::format("/{}/{}-{}{}", word(dice), word(dice), word(dice), dice.one_of(kSuffixes));
  if (dice.percent(40)) {
    fmt::format_to(std::back_inserter(out), "?{}={}&{}={}", word(dice), dice.below(10'000),
                   word(dice), word(dice));
  }
  return out;
}

std::string host_name(Dice& dice) {
  return fmt::format("{}.{}-{}.{}", dice.percent(50) ? "www" : "cdn", word(dice), word(dice),
                     dice.one_of(kDomains));
}

std::string_view user_agent(Dice& dice) { return dice.one_of(kAgents); }

std::string html_page(Dice& dice, std::size_t bytes) {
  std::string out = fmt::format("<!DOCTYPE html>\n<html><head><title>{} {}</title>\n<script>",
                                word(dice), word(dice));
  out += script_text(dice, bytes / 8);
  out += "</script></head><body>\n";
  while (out.size() < bytes) append_element(out, dice);
  out.resize(bytes);
  return out;
}

std::string script_text(Dice& dice, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    fmt::format_to(std::back_inserter(out), "{}{}{}{}({});", dice.one_of(kScript), word(dice),
                   dice.one_of(kScript), word(dice), dice.below(10'000));
  }
  out.resize(bytes);
  return out;
}

std::string json_text(Dice& dice, std::size_t bytes) {
  std::string out = "[";
  while (out.size() < bytes) {
    fmt::format_to(std::back_inserter(out), "{{\"id\":{},\"{}\":\"{} {}\",\"{}\":{}.{}}},",
                   dice.below(1'000'000), word(dice), word(dice), word(dice), word(dice),
                   dice.below(100), dice.below(100));
  }
  out.resize(bytes);
  return out;
}

std::string random_bytes(Dice& dice, std::size_t bytes) {
  std::string out;
  out.reserve(bytes + 8);
  while (out.size() < bytes) {
    const std::uint64_t number = dice.next();
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  out.resize(bytes);
  return out;
}

std::string request_text(Dice& dice, const RequestText& request) {
  std::string out = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\n"
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
      "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n",
      request.method, request.target, request.host, request.agent);
  if (dice.percent(60)) {
    fmt::format_to(std::back_inserter(out), "Referer: http://{}/{}\r\n", request.host, word(dice));
  }
  if (dice.percent(50)) {
    fmt::format_to(std::back_inserter(out), "Cookie: session={:016x}; theme={}\r\n", dice.next(),
                   word(dice));
  }
  if (!request.body.empty()) {
    fmt::format_to(std::back_inserter(out),
                   "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                   request.body.size());
  }
  out += "Connection: keep-alive\r\n\r\n";
  return out + request.body;
}

std::string response_head(Dice& dice, std::string_view type, std::size_t body_bytes, bool is_gzip) {
  std::string out = fmt::format(
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 04 Jan 2025 10:{:02}:{:02} GMT\r\n"
      "Content-Type: {}\r\nContent-Length: {}\r\nConnection: keep-alive\r\n"
      "Last-Modified: Fri, 03 Jan 2025 08:00:00 GMT\r\nETag: \"{:08x}-{:x}\"\r\n",
      dice.below(60), dice.below(60), type, body_bytes, dice.below(~0U), body_bytes);
  if (is_gzip) out += "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
  return out + "Accept-Ranges: bytes\r\n\r\n";
}

std::string gzipped(std::string_view text) {
  constexpr int kWithGzipHeader = 15 + 16;
  z_stream stream{};
  SLUICE_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, kWithGzipHeader, 8, Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib takes its own defaults");
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  SLUICE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the room is what zlib asked for");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace sluice::bench
