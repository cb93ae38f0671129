// The buffers that messages of TLS fill, as rows of the workspace. Worker thread only.
#pragma once

#include "dataplane/inspect/ja_fingerprint.h"
#include "dataplane/inspect/tls_hello.h"
#include "dataplane/inspect/tls_workspace.h"

namespace sluice {

void add_client_hello(TlsWorkspace& workspace, const TlsClientHello& hello,
                      JaTransport transport) noexcept;
void add_server_hello(TlsWorkspace& workspace, const TlsServerHello& hello) noexcept;
/// Of a Certificate message up to TLS 1.2: what the first one says, and all of them in DER. False
/// where the message or its first certificate cannot be read to its end.
[[nodiscard]] bool add_certificates(TlsWorkspace& workspace, ByteSpan body) noexcept;

}  // namespace sluice
