// A parser of HTTP with a pool of its own and a sink that keeps all it is told, as text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/http_parser.h"

namespace sluice::test {

inline ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string text_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

struct HttpMessage {
  std::map<Buffer, std::string> buffers;  ///< with what came in pieces joined
  std::map<Buffer, int> ends;             ///< how often a last piece was told
  std::string decoded_request;            ///< http.request_body, as its coding stands for
  int decoded_ends = 0;
  int heads = 0;
  int ends_of_message = 0;

  bool operator==(const HttpMessage&) const = default;
};

class HttpRecorder {
 public:
  explicit HttpRecorder(const HttpLimits& limits = {}, std::size_t pool_bytes = 4 << 20)
      : limits_(limits), pool_(ChunkPool::create(pool_bytes, arena_).value()) {
    parser_ = std::make_unique<HttpParser>(*pool_, limits_);
    sink_.self = this;
    sink_.buffers = note_buffers;
    sink_.piece = note_piece;
    sink_.decoded_piece = note_decoded;
    sink_.message_ends = note_end;
    sink_.anomaly = note_anomaly;
    sink_.encrypted = [](void*) noexcept {};
  }
  ~HttpRecorder() { parser_->release(); }
  HttpRecorder(const HttpRecorder&) = delete;
  HttpRecorder& operator=(const HttpRecorder&) = delete;

  /// The bytes are gone after the call, as those of a packet are.
  HttpRecorder& push(unsigned direction, std::string_view text) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    parser_->push(direction, bytes, sink_);
    return *this;
  }
  HttpRecorder& request(std::string_view text) { return push(kToServer, text); }
  HttpRecorder& response(std::string_view text) { return push(kToClient, text); }
  HttpRecorder& gap(unsigned direction, std::uint64_t bytes) {
    parser_->gap(direction, bytes, sink_);
    return *this;
  }
  HttpRecorder& end(unsigned direction) {
    parser_->end(direction, sink_);
    return *this;
  }
  void release() { parser_->release(); }

  [[nodiscard]] std::string text(unsigned direction, std::uint32_t message, Buffer buffer) const {
    const auto found = messages.find({direction, message});
    if (found == messages.end()) return "(no message)";
    const auto row = found->second.buffers.find(buffer);
    return row == found->second.buffers.end() ? "(none)" : row->second;
  }
  [[nodiscard]] std::string asked(Buffer buffer) const { return text(kToServer, 0, buffer); }
  [[nodiscard]] std::string answered(Buffer buffer) const { return text(kToClient, 0, buffer); }
  [[nodiscard]] int count(AppAnomaly anomaly) const {
    int count = 0;
    for (const auto& [direction, told] : anomalies) count += told == anomaly ? 1 : 0;
    return count;
  }
  [[nodiscard]] const ChunkPool& pool() const { return *pool_; }
  [[nodiscard]] const HttpParser& parser() const { return *parser_; }

  std::map<std::pair<unsigned, std::uint32_t>, HttpMessage> messages;
  std::vector<std::pair<unsigned, AppAnomaly>> anomalies;
  /// The spans of the head that was told last, to see how long they hold.
  std::vector<BufferBytes> head;

 private:
  HttpMessage& at(unsigned direction, std::uint32_t message) {
    return messages[{direction, message}];
  }
  static HttpRecorder& self_of(void* self) { return *static_cast<HttpRecorder*>(self); }
  static void note_buffers(void* self, unsigned direction, std::uint32_t message,
                           std::span<const BufferBytes> buffers) noexcept {
    HttpMessage& noted = self_of(self).at(direction, message);
    ++noted.heads;
    self_of(self).head.assign(buffers.begin(), buffers.end());
    for (const BufferBytes& row : buffers) noted.buffers[row.buffer] = text_of(row.bytes);
  }
  static void note_piece(void* self, unsigned direction, std::uint32_t message, BufferBytes piece,
                         bool is_last) noexcept {
    HttpMessage& noted = self_of(self).at(direction, message);
    noted.buffers[piece.buffer] += text_of(piece.bytes);
    noted.ends[piece.buffer] += is_last ? 1 : 0;
  }
  static void note_decoded(void* self, unsigned direction, std::uint32_t message, BufferBytes piece,
                           bool is_last) noexcept {
    HttpMessage& noted = self_of(self).at(direction, message);
    noted.decoded_request += text_of(piece.bytes);
    noted.decoded_ends += is_last ? 1 : 0;
  }
  static void note_end(void* self, unsigned direction, std::uint32_t message) noexcept {
    ++self_of(self).at(direction, message).ends_of_message;
  }
  static void note_anomaly(void* self, unsigned direction, AppAnomaly anomaly) noexcept {
    self_of(self).anomalies.emplace_back(direction, anomaly);
  }

  HttpLimits limits_;
  MemoryArena arena_;
  std::unique_ptr<ChunkPool> pool_;
  std::unique_ptr<HttpParser> parser_;
  AppSink sink_;
};

}  // namespace sluice::test
