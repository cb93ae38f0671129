#include "tests/bench/mixed_capture.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tests/bench/conversation.h"
#include "tests/bench/hidden_text.h"
#include "tests/bench/web_text.h"

namespace sluice::bench {
namespace {

constexpr std::size_t kAtOnce = 400;
constexpr std::size_t kPages = 300;
constexpr std::uint32_t kGzipPercent = 2;

struct Page {
  std::string_view type;
  std::string body;
};

/// What many ask for: sizes as the web has them, 9 KB on average, times `percent`.
[[nodiscard]] Page make_page(Dice& dice, std::uint32_t percent) {
  static constexpr std::array<std::uint32_t, 20> kKilobytes{1, 1, 2, 2, 2,  3,  3,  3,  4,  4,
                                                            6, 6, 8, 8, 10, 12, 16, 20, 30, 40};
  const std::uint32_t bytes = dice.one_of(kKilobytes) * 10 * percent + dice.below(900);
  const std::uint32_t kind = dice.below(100);
  if (kind < 60) return {"text/html; charset=UTF-8", html_page(dice, bytes)};
  if (kind < 75) return {"application/javascript", script_text(dice, bytes)};
  if (kind < 85) return {"application/json", json_text(dice, bytes)};
  return {"image/jpeg", random_bytes(dice, bytes)};
}

/// How far into the body it stands.
[[nodiscard]] std::size_t depth_of(Place place) noexcept {
  switch (place) {
    case Place::response_16k:
      return 16 << 10;
    case Place::response_64k:
      return 64 << 10;
    default:
      return 1 << 10;
  }
}

class Mixer {
 public:
  Mixer(const Mix& mix, std::span<const Plant> plants)
      : mix_(mix), plants_(plants), dice_(mix.seed) {
    for (std::size_t i = 0; i < kPages; ++i) pages_.push_back(make_page(dice_, mix.page_percent));
  }
  [[nodiscard]] MixedCapture run();

 private:
  enum class Kind : std::uint8_t { http, tls, dns };
  [[nodiscard]] std::vector<Kind> order();
  [[nodiscard]] Conversation make(Kind kind);
  void fill_http(Conversation& out);
  void fill_tls(Conversation& out);
  void fill_dns(Conversation& out);
  void exchange(Conversation& out, const Plant* plant);
  [[nodiscard]] Page planted_page(const Plant& plant);
  [[nodiscard]] FlowEnds ends(std::uint16_t server_port);
  [[nodiscard]] const Plant* due();

  Mix mix_;
  std::span<const Plant> plants_;
  Dice dice_;
  std::vector<Page> pages_;
  MixedCapture out_;
  std::uint32_t http_made_ = 0;
  std::uint32_t planted_ = 0;
};

std::vector<Mixer::Kind> Mixer::order() {
  std::vector<Kind> kinds(mix_.http, Kind::http);
  kinds.insert(kinds.end(), mix_.tls, Kind::tls);
  kinds.insert(kinds.end(), mix_.dns, Kind::dns);
  for (std::size_t i = kinds.size(); i > 1; --i) {
    std::swap(kinds[i - 1], kinds[dice_.below(static_cast<std::uint32_t>(i))]);
  }
  return kinds;
}

// Some frames of one conversation, then some of another: as a link carries them.
MixedCapture Mixer::run() {
  const std::vector<Kind> kinds = order();
  std::vector<std::unique_ptr<Conversation>> active;
  for (std::size_t next = 0; next < kinds.size() || !active.empty();) {
    while (active.size() < kAtOnce && next < kinds.size()) {
      active.push_back(std::make_unique<Conversation>(make(kinds[next++])));
    }
    const std::size_t i = dice_.below(static_cast<std::uint32_t>(active.size()));
    for (std::uint32_t count = 1 + dice_.below(3); count > 0 && !active[i]->is_over(); --count) {
      active[i]->write_next(out_.capture);
    }
    if (!active[i]->is_over()) continue;
    std::swap(active[i], active.back());
    active.pop_back();
  }
  return std::move(out_);
}

FlowEnds Mixer::ends(std::uint16_t server_port) {
  // Every flow has a client address and port of its own.
  const std::uint32_t number = out_.flows;
  return {0x0a000000U + 1 + number % 2'000, 0xac100000U + 1 + dice_.below(300),
          static_cast<std::uint16_t>(20'000 + number / 2'000), server_port};
}

Conversation Mixer::make(Kind kind) {
  constexpr std::array<std::uint16_t, 3> kServerPorts{80, 443, 53};
  const bool is_other_port = kind == Kind::http && dice_.percent(20);
  const std::uint16_t port = is_other_port ? 8080 : kServerPorts[static_cast<std::size_t>(kind)];
  Conversation out(ends(port), out_.flows);
  ++out_.flows;
  switch (kind) {
    case Kind::http:
      fill_http(out);
      break;
    case Kind::tls:
      fill_tls(out);
      break;
    case Kind::dns:
      fill_dns(out);
      break;
  }
  return out;
}

/// What this connection is to carry, spread evenly over all of them.
const Plant* Mixer::due() {
  ++http_made_;
  const std::uint64_t wanted = std::uint64_t{http_made_} * mix_.planted / mix_.http;
  if (plants_.empty() || planted_ >= wanted) return nullptr;
  const Plant& plant = plants_[planted_++ % plants_.size()];
  ++out_.planted[plant.rule];
  return &plant;
}

void Mixer::fill_http(Conversation& out) {
  const Plant* plant = due();
  out.open();
  for (std::uint32_t i = dice_.below(mix_.requests_max); i > 0; --i) exchange(out, nullptr);
  exchange(out, plant);
  out.close();
}

Page Mixer::planted_page(const Plant& plant) {
  const std::size_t depth = depth_of(plant.place);
  Page page{"text/html; charset=UTF-8", html_page(dice_, depth)};
  if (plant.place == Place::last_segment) {
    page.body = html_page(dice_, 3'000) + plant.text;
  } else {
    page.body += plant.text + html_page(dice_, 700);
  }
  return page;
}

void Mixer::exchange(Conversation& out, const Plant* plant) {
  RequestText request{
      "GET", request_target(dice_), host_name(dice_), std::string(user_agent(dice_)), {}};
  if (dice_.percent(10)) {
    request.method = "POST";
    request.body = script_text(dice_, 100 + dice_.below(900));
  }
  const Place place = plant != nullptr ? plant->place : Place::count_;
  if (place == Place::request_target) request.target += plant->text;
  if (place == Place::request_agent) request.agent = plant->text;
  if (place == Place::request_body) {
    request.method = "POST";
    request.body = "name=" + plant->text;
  }
  out.send(Sender::client, out.keep(request_text(dice_, request)));

  const Page* page = &pages_[dice_.below(kPages)];
  Page own;
  if (place >= Place::response_1k && place < Place::count_) {
    own = planted_page(*plant);
    page = &own;
  }
  const bool is_text = page->type.starts_with("text/html");
  const bool is_gzip =
      place == Place::response_gzip || (plant == nullptr && is_text && dice_.percent(kGzipPercent));
  std::string body = is_gzip ? gzipped(page->body) : page->body;
  std::string text = response_head(dice_, page->type, body.size(), is_gzip);
  text += body;
  out.send(Sender::server, out.keep(std::move(text)));
}

void Mixer::fill_tls(Conversation& out) {
  const bool is_13 = dice_.percent(70);
  out.open();
  out.send(Sender::client, out.keep(client_hello(dice_, host_name(dice_), is_13)));
  out.send(Sender::server, out.keep(server_flight(dice_, is_13)));
  out.send(Sender::client, out.keep(client_finish(dice_)));
  for (std::uint32_t i = 1 + dice_.below(3); i > 0; --i) {
    out.send(Sender::client, out.keep(application_data(dice_, 200 + dice_.below(600))));
    out.send(Sender::server, out.keep(application_data(dice_, 1'000 + dice_.below(12'000))));
  }
  out.close();
}

void Mixer::fill_dns(Conversation& out) {
  const std::string_view query = out.keep(dns_query(dice_, host_name(dice_)));
  out.datagram(Sender::client, query);
  out.datagram(Sender::server, out.keep(dns_answer(dice_, query)));
}

}  // namespace

MixedCapture make_mix(const Mix& mix, std::span<const Plant> plants) {
  SLUICE_CHECK(mix.requests_max > 0, "a connection carries a request at least");
  return Mixer(mix, plants).run();
}

}  // namespace sluice::bench
