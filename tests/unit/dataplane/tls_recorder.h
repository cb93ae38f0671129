// Parsers of TLS and QUIC with a pool of their own and a sink that keeps all it is told, as text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/quic_parser.h"
#include "dataplane/inspect/tls_parser.h"
#include "dataplane/memory_arena.h"

namespace sluice::test {

using TlsRows = std::vector<std::pair<Buffer, std::string>>;

/// What a sink was told, in order.
struct TlsTold {
  std::map<std::pair<unsigned, std::uint32_t>, TlsRows> messages;
  std::vector<std::pair<unsigned, AppAnomaly>> anomalies;
  int ends = 0;
  int encrypted = 0;

  bool operator==(const TlsTold&) const = default;

  [[nodiscard]] std::string text(unsigned direction, std::uint32_t message, Buffer buffer) const {
    const auto found = messages.find({direction, message});
    if (found == messages.end()) return "(no message)";
    for (const auto& [row, text] : found->second) {
      if (row == buffer) return text;
    }
    return "(none)";
  }
  [[nodiscard]] std::string asked(Buffer buffer) const { return text(kToServer, 0, buffer); }
  [[nodiscard]] std::string answered(Buffer buffer) const { return text(kToClient, 0, buffer); }
  [[nodiscard]] int count(AppAnomaly anomaly) const {
    int count = 0;
    for (const auto& [direction, told] : anomalies) count += told == anomaly ? 1 : 0;
    return count;
  }
};

inline AppSink sink_into(TlsTold& told) {
  AppSink sink;
  sink.self = &told;
  sink.buffers = [](void* self, unsigned direction, std::uint32_t message,
                    std::span<const BufferBytes> buffers) noexcept {
    TlsRows& rows = static_cast<TlsTold*>(self)->messages[{direction, message}];
    for (const BufferBytes& row : buffers) {
      rows.emplace_back(row.buffer, std::string(row.bytes.begin(), row.bytes.end()));
    }
  };
  sink.piece = [](void*, unsigned, std::uint32_t, BufferBytes, bool) noexcept {};
  sink.message_ends = [](void* self, unsigned, std::uint32_t) noexcept {
    ++static_cast<TlsTold*>(self)->ends;
  };
  sink.anomaly = [](void* self, unsigned direction, AppAnomaly anomaly) noexcept {
    static_cast<TlsTold*>(self)->anomalies.emplace_back(direction, anomaly);
  };
  sink.encrypted = [](void* self) noexcept { ++static_cast<TlsTold*>(self)->encrypted; };
  return sink;
}

/// One for all tests: it holds no state between messages.
inline TlsWorkspace& tls_workspace() {
  static const std::unique_ptr<TlsWorkspace> workspace = TlsWorkspace::create().value();
  workspace->wanted = ~std::uint64_t{0};
  return *workspace;
}

template <typename Parser>
class TlsRecorderOf {
 public:
  explicit TlsRecorderOf(std::size_t pool_bytes = 4 << 20)
      : pool_(ChunkPool::create(pool_bytes, arena_).value()),
        parser_(std::make_unique<Parser>(*pool_, tls_workspace())),
        sink_(sink_into(told)) {}
  ~TlsRecorderOf() { parser_->release(); }
  TlsRecorderOf(const TlsRecorderOf&) = delete;
  TlsRecorderOf& operator=(const TlsRecorderOf&) = delete;

  /// The bytes are gone after the call, as those of a packet are.
  TlsRecorderOf& push(unsigned direction, std::string_view text) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    if constexpr (requires { parser_->datagram(direction, bytes, sink_); }) {
      parser_->datagram(direction, bytes, sink_);
    } else {
      parser_->push(direction, bytes, sink_);
    }
    return *this;
  }
  TlsRecorderOf& client(std::string_view text) { return push(kToServer, text); }
  TlsRecorderOf& server(std::string_view text) { return push(kToClient, text); }
  TlsRecorderOf& gap(unsigned direction, std::uint64_t bytes) {
    parser_->gap(direction, bytes, sink_);
    return *this;
  }
  TlsRecorderOf& end(unsigned direction) {
    parser_->end(direction, sink_);
    return *this;
  }
  [[nodiscard]] Parser& parser() { return *parser_; }
  [[nodiscard]] std::uint64_t bytes_in_use() const { return pool_->counters().bytes_in_use; }

  TlsTold told;

 private:
  MemoryArena arena_;
  std::unique_ptr<ChunkPool> pool_;
  std::unique_ptr<Parser> parser_;
  AppSink sink_;
};
using TlsRecorder = TlsRecorderOf<TlsParser>;
using QuicRecorder = TlsRecorderOf<QuicParser>;

}  // namespace sluice::test
