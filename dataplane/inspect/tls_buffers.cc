#include "dataplane/inspect/tls_buffers.h"

#include "dataplane/inspect/tls_certificate.h"
#include "dataplane/inspect/tls_text.h"

namespace sluice {
namespace {

void add_text(TlsWorkspace& workspace, Buffer buffer, std::string_view text) noexcept {
  const ByteSpan bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  if (!text.empty()) workspace.add(buffer, bytes);
}

/// What `write` puts into the room for text.
template <typename Write>
void add_written(TlsWorkspace& workspace, Buffer buffer, Write write) noexcept {
  if (!workspace.wants(buffer)) return;
  const ByteSpan text = write(workspace.text_room());
  if (!text.empty()) workspace.add(buffer, workspace.keep(text.size()));
}

/// A JA3 string in the front of the room, and its hash.
void add_ja3(TlsWorkspace& workspace, Buffer string, Buffer hash, ByteSpan text) noexcept {
  if (text.empty()) return;
  text = workspace.keep(text.size());
  workspace.add(string, text);
  add_written(workspace, hash, [text](std::span<std::uint8_t> room) noexcept {
    TlsText out(room);
    out.put(ByteSpan(md5_hex(text)));
    return out.written();
  });
}

ByteSpan write_protocols(ByteSpan protocols, std::span<std::uint8_t> room) noexcept {
  TlsText text(room);
  TlsReader reader(protocols);
  while (!reader.is_empty() && text.left() > 0) {
    const ByteSpan name = reader.vector(1);
    if (reader.is_bad()) break;
    if (text.size() > 0) text.put('\n');
    text.put(name);
  }
  return text.written();
}

[[nodiscard]] bool add_fields(TlsWorkspace& workspace, ByteSpan der) noexcept {
  add_written(workspace, Buffer::tls_cert_fingerprint,
              [der](std::span<std::uint8_t> room) { return write_fingerprint(der, room); });
  const auto certificate = read_certificate(der);
  if (!certificate) return false;
  add_written(workspace, Buffer::tls_cert_serial, [&](std::span<std::uint8_t> room) {
    return write_serial(certificate->serial, room);
  });
  add_written(workspace, Buffer::tls_cert_issuer,
              [&](std::span<std::uint8_t> room) { return write_name(certificate->issuer, room); });
  add_written(workspace, Buffer::tls_cert_subject,
              [&](std::span<std::uint8_t> room) { return write_name(certificate->subject, room); });
  return true;
}

}  // namespace

void add_client_hello(TlsWorkspace& workspace, const TlsClientHello& hello,
                      JaTransport transport) noexcept {
  for (const ByteSpan name : std::span(hello.server_names).first(hello.server_name_count)) {
    if (name.empty()) continue;
    workspace.add(Buffer::tls_sni, name);
    if (transport == JaTransport::quic) workspace.add(Buffer::quic_sni, name);
  }
  add_text(workspace, Buffer::tls_version, version_text(offered_version(hello)));
  if (workspace.wants(Buffer::ja3_string) || workspace.wants(Buffer::ja3_hash)) {
    add_ja3(workspace, Buffer::ja3_string, Buffer::ja3_hash,
            write_ja3(hello, workspace.text_room()));
  }
  add_written(workspace, Buffer::ja4_hash,
              [&](std::span<std::uint8_t> room) { return write_ja4(hello, transport, room); });
  add_written(workspace, Buffer::tls_alpn,
              [&](std::span<std::uint8_t> room) { return write_protocols(hello.protocols, room); });
}

void add_server_hello(TlsWorkspace& workspace, const TlsServerHello& hello) noexcept {
  add_text(workspace, Buffer::tls_version, version_text(hello.version));
  if (workspace.wants(Buffer::ja3s_string) || workspace.wants(Buffer::ja3s_hash)) {
    add_ja3(workspace, Buffer::ja3s_string, Buffer::ja3s_hash,
            write_ja3s(hello, workspace.text_room()));
  }
}

bool add_certificates(TlsWorkspace& workspace, ByteSpan body) noexcept {
  TlsReader message(body);
  TlsReader chain(message.vector(3));
  bool is_read = !message.is_bad() && message.is_empty();
  std::size_t count = 0;
  while (!chain.is_empty()) {
    const ByteSpan der = chain.vector(3);
    if (chain.is_bad() || der.empty()) return false;
    if (count == 0) is_read &= add_fields(workspace, der);
    if (count++ < kTlsCertificatesMax) workspace.add(Buffer::tls_certs, der);
  }
  return is_read;
}

}  // namespace sluice
