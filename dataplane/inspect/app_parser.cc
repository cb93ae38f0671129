#include "dataplane/inspect/app_parser.h"

#include <type_traits>
#include <utility>

namespace sluice {

Result<std::unique_ptr<AppWorkspace>> AppWorkspace::create(ChunkPool& pool) {
  auto tls = TlsWorkspace::create();
  if (!tls) return tl::unexpected<Error>(tls.error());
  return std::unique_ptr<AppWorkspace>(
      new AppWorkspace{.pool = pool, .http = {}, .tls = std::move(*tls), .dns = {}, .mail = {}});
}

void AppWorkspace::want(std::uint64_t buffers) noexcept {
  http.wanted = buffers;
  tls->wanted = buffers;
  mail.wants_files = http.wants(Buffer::file_data);
  dns.wants_header = http.wants(Buffer::dns_header);
}

bool AppParser::exists_for(Service service) noexcept {
  switch (service) {
    case Service::http:
    case Service::tls:
    case Service::dns:
    case Service::smtp:
    case Service::ftp:
    case Service::ssh:
    case Service::quic:
      return true;
    default:
      return false;
  }
}

AppParser::AppParser(Service service, AppWorkspace& workspace) noexcept {
  ChunkPool& pool = workspace.pool;
  switch (service) {
    case Service::http:
      parser_.emplace<HttpParser>(pool, workspace.http);
      return;
    case Service::tls:
      parser_.emplace<TlsParser>(pool, *workspace.tls);
      return;
    case Service::dns:
      parser_.emplace<DnsStream>(pool, workspace.dns);
      return;
    case Service::smtp:
      parser_.emplace<SmtpParser>(pool, workspace.mail);
      return;
    case Service::ftp:
      parser_.emplace<FtpParser>(pool);
      return;
    case Service::ssh:
      parser_.emplace<SshParser>(pool);
      return;
    case Service::quic:
      parser_.emplace<QuicParser>(pool, *workspace.tls);
      return;
    default:
      return;
  }
}

template <class Turn>
void AppParser::visit_stream(Turn&& turn) noexcept {
  std::visit(
      [&turn](auto& parser) {
        using Parser = std::remove_reference_t<decltype(parser)>;
        constexpr bool kReadsStreams =
            !std::is_same_v<Parser, std::monostate> && !std::is_same_v<Parser, QuicParser>;
        if constexpr (kReadsStreams) turn(parser);
      },
      parser_);
}

void AppParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  if (auto* http = std::get_if<HttpParser>(&parser_)) [[likely]]
    return http->push(direction, bytes, sink);
  visit_stream([&](auto& parser) { parser.push(direction, bytes, sink); });
}

void AppParser::gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept {
  visit_stream([&](auto& parser) { parser.gap(direction, bytes, sink); });
}

void AppParser::end(unsigned direction, const AppSink& sink) noexcept {
  visit_stream([&](auto& parser) { parser.end(direction, sink); });
}

void AppParser::datagram(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  if (auto* quic = std::get_if<QuicParser>(&parser_)) quic->datagram(direction, bytes, sink);
}

void AppParser::release() noexcept {
  std::visit(
      [](auto& parser) {
        using Parser = std::remove_reference_t<decltype(parser)>;
        if constexpr (!std::is_same_v<Parser, std::monostate>) parser.release();
      },
      parser_);
}

}  // namespace sluice
