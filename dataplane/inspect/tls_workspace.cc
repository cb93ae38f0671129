#include "dataplane/inspect/tls_workspace.h"

#include <utility>

namespace sluice {

Result<std::unique_ptr<TlsWorkspace>> TlsWorkspace::create() {
  auto quic = QuicCipher::create();
  if (!quic) return tl::unexpected(std::move(quic.error()));
  return std::unique_ptr<TlsWorkspace>(new TlsWorkspace(std::move(*quic)));
}

void TlsWorkspace::add(Buffer buffer, ByteSpan bytes) noexcept {
  if (!wants(buffer) || row_count_ == rows_.size()) return;
  rows_[row_count_++] = {buffer, bytes};
}

ByteSpan TlsWorkspace::keep(std::size_t bytes) noexcept {
  const ByteSpan kept = std::span(text_).subspan(text_bytes_, bytes);
  text_bytes_ += bytes;
  return kept;
}

}  // namespace sluice
