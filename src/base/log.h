// Log lines for people and journald: one line on stderr with the <N> priority prefix systemd
// understands when stderr is the journal. error = someone must act; warning = degraded;
// notice = life cycle; info = changes on request. Never from a worker.
#pragma once

#include <string_view>

namespace sluice {

enum class LogLevel : unsigned char { error, warning, notice, info };

/// Lines above `level` are dropped (default notice). `journal_prefix` adds "<3>" and so on.
void configure_log(LogLevel level, bool journal_prefix) noexcept;

/// One line, no trailing newline in `message`; control characters are escaped. Thread-safe.
void log(LogLevel level, std::string_view message);

}  // namespace sluice
