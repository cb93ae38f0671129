#include "ctl/session.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "ctl/block_file.h"
#include "ctl/fields.h"
#include "ctl/top_page.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::uint64_t kRowsUnlessAsked = 100;
constexpr std::uint64_t kRowsPerPage = 1000;

int show_answer(Session& session, const Asked& asked, const json& result) {
  session.out.put(asked.as_json ? json_line(result) : asked.verb->show(result, session.paper));
  return asked.verb->exit_code == nullptr ? 0 : asked.verb->exit_code(result);
}

/// A block that is named by its number alone: no address looks like one.
json with_number_as_id(json args) {
  const json& what = member(args, "what");
  if (!what.is_string()) return args;
  const auto& text = what.get_ref<const std::string&>();
  const bool is_number = !text.empty() && text.size() < 16 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) return args;
  args["id"] = std::stoull(text);
  args.erase("what");
  return args;
}

/// The stage stands behind the ids.
json with_stage_apart(json args) {
  const auto rules = args.find("rules");
  if (rules == args.end() || rules->empty() || flag_in(args, "clear")) return args;
  args["stage"] = rules->back();
  rules->erase(rules->size() - 1);
  return args;
}

json request_args(const Asked& asked) {
  if (asked.verb->wire == "blocks.remove") return with_number_as_id(asked.args);
  return asked.verb->wire == "rules.stage" ? with_stage_apart(asked.args) : asked.args;
}

int answer(Session& session, const Asked& asked) {
  auto result = session.daemon.ask(asked.verb->wire, request_args(asked));
  if (!result) return report(session.err, result.error());
  return show_answer(session, asked, *result);
}

// --- lists --------------------------------------------------------------------------------------

/// Writes pages as they come, so that a million rows take no more memory than a thousand.
class PageWriter {
 public:
  PageWriter(Session& session, const Asked& asked)
      : session_(session), asked_(asked), table_(asked.verb->columns, session.paper) {}

  void page(json result) {
    json items = member(result, "items");
    if (!items.is_array()) items = json::array();
    if (is_first_) begin(result);
    is_first_ = false;
    rows_ += items.size();
    if (!asked_.as_json) return session_.out.put(table_.render(items));
    std::string text;
    for (const json& item : items) {
      if (has_written_) text += ',';
      has_written_ = true;
      text += one_line(item);
    }
    session_.out.put(text);
  }

  void end(const json& next) {
    if (asked_.as_json) return session_.out.put(fmt::format("],\"next\":{}}}\n", one_line(next)));
    if (rows_ == 0) session_.out.put(fmt::format("{}\n", asked_.verb->none));
    if (!next.is_null()) session_.out.put("there are more: ask with --limit N or --all\n");
  }

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

 private:
  static std::string one_line(const json& value) {
    std::string text = json_line(value);
    text.pop_back();
    return text;
  }

  /// The members beside the rows stand in front of them.
  void begin(json& result) {
    if (asked_.as_json) {
      result.erase("items");
      result.erase("next");
      std::string text = one_line(result);
      text.pop_back();
      if (!result.empty()) text += ',';
      return session_.out.put(text + "\"items\":[");
    }
    if (asked_.verb->show != nullptr) session_.out.put(asked_.verb->show(result, session_.paper));
  }

  Session& session_;
  const Asked& asked_;
  Table table_;
  std::uint64_t rows_ = 0;
  bool is_first_ = true;
  bool has_written_ = false;
};

std::uint64_t rows_wanted(const json& local) {
  if (flag_in(local, "all")) return ~std::uint64_t{0};
  return local.contains("limit") ? count_in(local, "limit") : kRowsUnlessAsked;
}

int pages(Session& session, const Asked& asked) {
  const std::uint64_t wanted = rows_wanted(asked.local);
  if (wanted == 0) {
    return report(session.err, Error{ErrorKind::invalid, "--limit: is 0: 1 or more would do"});
  }
  PageWriter writer(session, asked);
  json args = asked.args;
  json next;
  do {
    args["limit"] = std::min(wanted - writer.rows(), kRowsPerPage);
    auto result = session.daemon.ask(asked.verb->wire, args);
    if (!result) return report(session.err, result.error());
    next = member(*result, "next");
    const bool goes_on = next.is_null() || next != member(args, "cursor");
    if (!goes_on) {
      return report(session.err, Error{ErrorKind::io, "the list does not go on: its cursor stays"});
    }
    writer.page(std::move(*result));
    args["cursor"] = next;
  } while (!next.is_null() && writer.rows() < wanted && session.out.is_usable());
  writer.end(next);
  return 0;
}

// --- events -------------------------------------------------------------------------------------

void put_streamed(Session& session, const Asked& asked, const json& line) {
  const json& event = member(line, "event");
  if (event.is_object()) {
    session.out.put(asked.as_json ? json_line(event) : show_event(event, session.paper));
  }
  const std::uint64_t lost = count_in(line, "lost");
  if (lost > 0) session.err.put(fmt::format("{} events were skipped: too many at once\n", lost));
}

int stream(Session& session, const Asked& asked) {
  auto begun = session.daemon.ask(asked.verb->wire, asked.args);
  if (!begun) return report(session.err, begun.error());
  while (session.out.is_usable()) {
    const auto line = session.daemon.next_streamed(session.out.fd());
    if (!line) return report(session.err, line.error());
    if (line->is_null()) break;
    put_streamed(session, asked, *line);
  }
  return 0;
}

// --- blocks -------------------------------------------------------------------------------------

json batch_args(const Asked& asked, const std::vector<std::string>& batch) {
  json items = json::array();
  for (const std::string& what : batch) {
    json item = asked.args;
    item["what"] = what;
    items.push_back(std::move(item));
  }
  return {{"items", std::move(items)}};
}

int block_file(Session& session, const Asked& asked, const std::string& path) {
  auto file = BlockFile::open(path);
  if (!file) return report(session.err, file.error());
  std::uint64_t added = 0;
  for (;;) {
    const auto batch = file->next();
    if (batch && batch->empty()) break;
    auto result = batch ? session.daemon.ask(asked.verb->wire, batch_args(asked, *batch))
                        : Result<json>(tl::unexpected<Error>(batch.error()));
    if (!result) {
      session.err.put(fmt::format("{} blocks were added before this\n", added));
      return report(session.err, result.error());
    }
    added += batch->size();
    if (asked.as_json) session.out.put(json_line(*result));
    const std::string notice = text_in(*result, "notice");
    if (!notice.empty()) session.err.put(fmt::format("notice: {}\n", notice));
  }
  if (!asked.as_json) session.out.put(fmt::format("{} blocks were added\n", added));
  return 0;
}

int block(Session& session, const Asked& asked) {
  const std::string path = asked.local.value("file", "");
  if (path.empty() == !asked.args.contains("what")) {
    return report(session.err, Error{ErrorKind::invalid, "blocks add: either WHAT or --file FILE",
                                     std::string(asked.verb->example)});
  }
  return path.empty() ? answer(session, asked) : block_file(session, asked, path);
}

int run_shape(Session& session, const Asked& asked) {
  switch (asked.verb->shape) {
    case Shape::pages:
      return pages(session, asked);
    case Shape::stream:
      return stream(session, asked);
    case Shape::block:
      return block(session, asked);
    case Shape::answer:
    case Shape::live:
    case Shape::completion:
      break;
  }
  return answer(session, asked);
}

}  // namespace

int run_verb(Session& session, const Asked& asked) {
  const int code = run_shape(session, asked);
  if (session.out.is_usable() || session.out.is_closed()) return code;
  return report(session.err, Error{ErrorKind::io, fmt::format("standard output: cannot write: {}",
                                                              std::strerror(session.out.error()))});
}

int report(Output& err, const Error& error) {
  std::string text = error.message;
  if (text.empty() || text.back() != '\n') text += '\n';
  if (!error.hint.empty()) text += fmt::format("  hint: {}\n", error.hint);
  err.put(text);
  return exit_code_of(error);
}

}  // namespace sluice
