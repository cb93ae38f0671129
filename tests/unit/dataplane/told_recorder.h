// A sink that keeps all it is told as lines of text, in order, and a pool to read with.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/http_scan.h"

namespace sluice::test {

using namespace std::string_literals;

inline ByteSpan span_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// "0:1 ftp.command=USER me" of message 1 to the server, "0:1 end", "1 anomaly ...", "encrypted".
class ToldRecorder {
 public:
  ToldRecorder() {
    sink.self = this;
    sink.buffers = [](void* self, unsigned direction, std::uint32_t message,
                      std::span<const BufferBytes> buffers) noexcept {
      for (const BufferBytes& row : buffers) {
        of(self).told.push_back(fmt::format(
            "{}:{} {}={}", direction, message, name_of(row.buffer),
            std::string_view(reinterpret_cast<const char*>(row.bytes.data()), row.bytes.size())));
      }
    };
    sink.piece = [](void* self, unsigned direction, std::uint32_t message, BufferBytes piece,
                    bool is_last) noexcept {
      ToldRecorder& recorder = of(self);
      const std::string head = fmt::format("{}:{} {}=", direction, message, name_of(piece.buffer));
      const bool goes_on = recorder.is_in_piece && recorder.told.back().starts_with(head);
      if (!goes_on) recorder.told.push_back(head);
      recorder.told.back().append(piece.bytes.begin(), piece.bytes.end());
      recorder.is_in_piece = !is_last;
    };
    sink.message_ends = [](void* self, unsigned direction, std::uint32_t message) noexcept {
      of(self).told.push_back(fmt::format("{}:{} end", direction, message));
    };
    sink.anomaly = [](void* self, unsigned direction, AppAnomaly anomaly) noexcept {
      of(self).told.push_back(fmt::format("{} anomaly {}", direction, name_of(anomaly)));
    };
    sink.encrypted = [](void* self) noexcept { of(self).told.emplace_back("encrypted"); };
  }
  ToldRecorder(const ToldRecorder&) = delete;
  ToldRecorder& operator=(const ToldRecorder&) = delete;

  [[nodiscard]] bool has(std::string_view line) const {
    return std::ranges::find(told, line) != told.end();
  }
  [[nodiscard]] std::size_t count(std::string_view line) const {
    return static_cast<std::size_t>(std::ranges::count(told, line));
  }

  AppSink sink;
  std::vector<std::string> told;
  bool is_in_piece = false;  ///< the last of `told` goes on with what comes

 private:
  static ToldRecorder& of(void* self) { return *static_cast<ToldRecorder*>(self); }
};

/// A parser of a flow; what it is pushed is gone after the call, as the bytes of a packet are.
template <class Parser>
class FlowRecorder : public ToldRecorder {
 public:
  template <class... Arguments>
  explicit FlowRecorder(std::size_t pool_bytes, Arguments&&... arguments)
      : pool_(ChunkPool::create(pool_bytes, arena_).value()),
        parser_(*pool_, std::forward<Arguments>(arguments)...) {}
  ~FlowRecorder() { parser_.release(); }

  FlowRecorder& push(unsigned direction, std::string_view text) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    parser_.push(direction, bytes, sink);
    return *this;
  }
  FlowRecorder& client(std::string_view text) { return push(kToServer, text); }
  FlowRecorder& server(std::string_view text) { return push(kToClient, text); }
  /// Byte by byte, or in pieces of so many.
  FlowRecorder& push_cut(unsigned direction, std::string_view text, std::size_t piece = 1) {
    for (std::size_t at = 0; at < text.size(); at += piece) push(direction, text.substr(at, piece));
    return *this;
  }
  FlowRecorder& gap(unsigned direction, std::uint64_t bytes = 1) {
    parser_.gap(direction, bytes, sink);
    return *this;
  }
  FlowRecorder& end(unsigned direction) {
    parser_.end(direction, sink);
    return *this;
  }
  void release() { parser_.release(); }
  [[nodiscard]] const Parser& parser() const { return parser_; }
  [[nodiscard]] std::uint64_t bytes_in_use() const { return pool_->counters().bytes_in_use; }

 private:
  MemoryArena arena_;
  std::unique_ptr<ChunkPool> pool_;
  Parser parser_;
};

inline constexpr std::size_t kPoolBytes = 1 << 20;
inline constexpr std::size_t kNoPool = kChunkBytesMax;  ///< one slab: of one size of chunks

}  // namespace sluice::test
