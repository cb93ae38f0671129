// The buffers of an HTTP head that rules look into, made from its index: pointing into the head
// where it reads there as it should, else written to room of the pool. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "dataplane/inspect/http_head.h"
#include "dataplane/inspect/http_room.h"

namespace sluice {

class HttpBuffers {
 public:
  HttpBuffers(const HttpLimits& limits, ChunkPool& pool, HttpRoom& room) noexcept
      : limits_(limits), pool_(pool), room_(room) {}

  void add_request(const HttpHead& head) noexcept;
  void add_response(const HttpHead& head) noexcept;
  /// Those that are wanted and not empty.
  [[nodiscard]] std::span<const BufferBytes> all() const noexcept { return {all_.data(), count_}; }
  /// The pool had no room for one of them.
  [[nodiscard]] bool is_short_of_room() const noexcept { return is_short_of_room_; }

 private:
  void add(Buffer buffer, ByteSpan bytes) noexcept;
  void add_uri(ByteSpan target) noexcept;
  void add_host(const HttpHead& head) noexcept;
  void add_value(const HttpHead& head, Buffer buffer, HttpField field) noexcept;
  void add_of_both(const HttpHead& head, HttpField cookies) noexcept;
  void add_names(const HttpHead& head) noexcept;
  void add_start(const HttpHead& head) noexcept;
  [[nodiscard]] ByteSpan value_of(const HttpHead& head, HttpField field) noexcept;
  [[nodiscard]] ByteSpan normalised(const HttpHead& head, HttpField left_out,
                                    ByteSpan first_line) noexcept;
  [[nodiscard]] std::uint8_t* take(std::size_t bytes) noexcept;

  const HttpLimits& limits_;
  ChunkPool& pool_;
  HttpRoom& room_;
  bool is_short_of_room_ = false;
  std::size_t count_ = 0;
  std::array<BufferBytes, 24> all_;
};

}  // namespace sluice
