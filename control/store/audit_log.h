// Who changed what: one JSON line for each change that was asked for over the control socket, with
// its outcome, appended to a file that nothing rewrites. A record is one write, so that a kill
// leaves whole lines; it is not synced, so that losing power may lose the last. Control thread
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

struct AuditRecord {
  TimeNs at = 0;
  std::string user;
  std::uint32_t uid = 0;
  std::int32_t pid = 0;
  std::string role;
  std::string request_id;
  std::string client_id;  ///< JSON text; empty = none
  std::string verb;
  std::string args;   ///< JSON text; what is longer than kAuditArgsBytesMax is kept in part
  std::string error;  ///< empty where the change was made
  std::optional<std::uint64_t> generation;
  bool is_denied = false;  ///< the role did not allow it
};
inline constexpr std::size_t kAuditArgsBytesMax = 4096;

class AuditLog {
 public:
  /// Nothing is opened before the first record or turn.
  explicit AuditLog(std::string path);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Writes the record; where the file takes none, keeps it in memory (the newest kKeptMax) and
  /// tries again each turn. Denied requests beyond ten a second of one user, or a hundred of all,
  /// are counted and not written.
  void append(const AuditRecord& record);
  /// Once per turn of the loop: retries once a second, and follows a file that was moved away.
  void turn(TimeNs now);
  /// The next write goes to a newly opened file.
  void reopen();

  struct Page {
    std::vector<nlohmann::json> items;  ///< newest first
    std::optional<std::uint64_t> next;  ///< where an older page begins
  };
  /// At most `limit` records, fewer where they are long, in front of `cursor` (a page's `next`;
  /// nothing = the end). Reads 128 KiB at most. Only the file that is written now, not those that
  /// rotation moved away.
  [[nodiscard]] Result<Page> list(std::optional<std::uint64_t> cursor, std::size_t limit) const;

  /// Writes that failed, ever.
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
  [[nodiscard]] std::uint64_t records_lost() const noexcept { return lost_; }
  [[nodiscard]] std::size_t records_waiting() const noexcept { return waiting_.size(); }
  /// What stands in the way of writing, if anything does.
  [[nodiscard]] Status status() const;

  static constexpr std::size_t kKeptMax = 1000;

 private:
  [[nodiscard]] bool admit_denied(const AuditRecord& record);
  [[nodiscard]] bool open();
  void close() noexcept;
  void write_waiting();
  [[nodiscard]] bool write_line(const std::string& line);
  void note_failure(int error);
  void follow_rotation();

  std::string path_;
  std::deque<std::string> waiting_;  ///< oldest first, newline included
  TimeNs looked_at_ = 0;
  TimeNs denied_second_ = 0;
  unsigned denied_in_second_ = 0;
  std::map<std::uint32_t, unsigned> denied_of_user_;  ///< in that second
  std::uint64_t denied_unwritten_ = 0;                ///< told with the next record
  std::uint64_t failures_ = 0;
  std::uint64_t lost_ = 0;
  int fd_ = -1;
  int errno_ = 0;               ///< why writing fails, 0 while it works
  bool needs_newline_ = false;  ///< the file ends in a cut line
};

}  // namespace sluice
