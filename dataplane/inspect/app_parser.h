// The parser of a flow's application, whichever it is, and what all parsers of a worker share.
// Worker thread only; AppWorkspace::create before there are packets.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "base/result.h"
#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/dns_stream.h"
#include "dataplane/inspect/ftp_parser.h"
#include "dataplane/inspect/http_parser.h"
#include "dataplane/inspect/quic_parser.h"
#include "dataplane/inspect/smtp_parser.h"
#include "dataplane/inspect/ssh_parser.h"
#include "dataplane/inspect/tls_parser.h"
#include "rules/service.h"

namespace sluice {

/// Outlives all parsers that are made with it.
struct AppWorkspace {
  [[nodiscard]] static Result<std::unique_ptr<AppWorkspace>> create(ChunkPool& pool);

  /// What is wanted of messages: bit i is Buffer i. Others are not built.
  void want(std::uint64_t buffers) noexcept;

  ChunkPool& pool;
  HttpLimits http;
  std::unique_ptr<TlsWorkspace> tls;
  DnsWorkspace dns;
  MailLimits mail;
};

class AppParser {
 public:
  /// A parser for streams or datagrams of this service.
  [[nodiscard]] static bool exists_for(Service service) noexcept;

  /// `service` is one for which a parser exists.
  AppParser(Service service, AppWorkspace& workspace) noexcept;
  AppParser(const AppParser&) = delete;
  AppParser& operator=(const AppParser&) = delete;

  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// So many bytes of the stream will never come.
  void gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept;
  /// The stream of this direction has ended.
  void end(unsigned direction, const AppSink& sink) noexcept;
  /// Of a service of UDP, one datagram.
  void datagram(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// Gives all memory back; nothing may be pushed after.
  void release() noexcept;

  /// As HttpParser says; other applications have no bodies.
  [[nodiscard]] bool has_plain_body(unsigned direction) const noexcept {
    const auto* http = std::get_if<HttpParser>(&parser_);
    return http != nullptr && http->has_plain_body(direction);
  }
  /// Of HTTP, some of a head has come, but not all.
  [[nodiscard]] bool has_unfinished_head(unsigned direction) const noexcept {
    const auto* http = std::get_if<HttpParser>(&parser_);
    return http != nullptr && http->has_unfinished_head(direction);
  }
  /// Of TLS, so many bytes at the end of the last push were not read.
  [[nodiscard]] std::size_t unread_bytes() const noexcept {
    const auto* tls = std::get_if<TlsParser>(&parser_);
    return tls != nullptr ? tls->unread_bytes() : 0;
  }
  /// The spans of a message stay valid until it ends; those of other parsers only during a call.
  [[nodiscard]] bool keeps_buffers() const noexcept {
    return std::holds_alternative<HttpParser>(parser_);
  }

 private:
  template <class Turn>
  void visit_stream(Turn&& turn) noexcept;

  std::variant<std::monostate, HttpParser, TlsParser, DnsStream, SmtpParser, FtpParser, SshParser,
               QuicParser>
      parser_;
};

}  // namespace sluice
