// Keywords of Suricata 7 and 8 that are known and not imported, with the reason. A keyword that is
// in no table is reported as unknown.
#include <array>
#include <string>

#include "rules/suricata_keywords.h"

namespace sluice {
namespace {

Status refuse(RuleDraft&, const SuricataOption&, const SuricataKeyword& keyword) {
  return fail(ErrorKind::invalid, std::string(keyword.note));
}

constexpr SuricataKeyword row(std::string_view name, std::string_view why) noexcept {
  return {name, SuricataValue::optional, &refuse, Buffer::payload, HeaderField::ttl, 0, why};
}

constexpr std::string_view kEvents = "rules do not ask for events of parsers";
constexpr std::string_view kFiles = "files are matched by content only";
constexpr std::string_view kDce = "there is no parser for DCE/RPC";
constexpr std::string_view kScript = "scripts are not run in the path of packets";
constexpr std::string_view kOutside = "lists of reputations and places are not read";
constexpr std::string_view kHandshake = "this part of the handshake is no buffer";
constexpr std::string_view kState = "rules do not ask for this state of the connection";
constexpr std::string_view kTransform = "the transform is not known";
constexpr std::string_view kOneHeader = "there is no buffer for each header alone";

constexpr std::array kKeywords{
    row("app-layer-event", kEvents),
    row("decode-event", kEvents),
    row("stream-event", kEvents),
    row("engine-event", kEvents),
    row("asn1", "structures of ASN.1 are not decoded"),
    row("ftpbounce", "addresses in PORT commands are not compared"),
    row("rpc", "there is no parser for RPC"),
    row("replace", "packets are not rewritten"),
    row("absent", "a rule cannot ask for a buffer that is not there"),
    row("datarep", kOutside),
    row("iprep", kOutside),
    row("geoip", kOutside),
    row("lua", kScript),
    row("luajit", kScript),
    row("luaxform", kScript),
    row("filestore", kFiles),
    row("filename", kFiles),
    row("file.name", kFiles),
    row("fileext", kFiles),
    row("filemagic", kFiles),
    row("file.magic", kFiles),
    row("filesize", kFiles),
    row("filemd5", kFiles),
    row("filesha1", kFiles),
    row("filesha256", kFiles),
    row("dce_iface", kDce),
    row("dcerpc.iface", kDce),
    row("dce_opnum", kDce),
    row("dcerpc.opnum", kDce),
    row("dce_stub_data", kDce),
    row("dcerpc.stub_data", kDce),
    row("ssl_state", kState),
    row("ssl_version", "versions before TLS 1.0 are not told apart: tls.version is read"),
    row("tls.random", kHandshake),
    row("tls.random_time", kHandshake),
    row("tls.random_bytes", kHandshake),
    row("tls.store", "certificates are not stored"),
    row("tls.cert_chain_len", kHandshake),
    row("tls.subjectaltname", kHandshake),
    row("tls_cert_notbefore", kHandshake),
    row("tls_cert_notafter", kHandshake),
    row("tls_cert_expired", kHandshake),
    row("tls_cert_valid", kHandshake),
    row("ssh.softwareversion", "it is obsolete: ssh.software is read"),
    row("ssh.protoversion", "it is obsolete: ssh.proto is read"),
    row("ftpdata_command", "which command a connection of data belongs to is not known"),
    row("http.request_header", kOneHeader),
    row("http.response_header", kOneHeader),
    row("dns.rrtype", "fields of DNS records are no buffers"),
    row("frame", "frames of parsers are no buffers"),
    row("bypass", "a rule cannot take its flow out of inspection: action pass does it for all"),
    row("hostbits", "xbits is read"),
    row("pcrexform", kTransform),
    row("domain", kTransform),
    row("tld", kTransform),
    row("from_base64", kTransform),
    row("gunzip", kTransform),
    row("zlib_deflate", kTransform),
    row("entropy", "the entropy of a buffer is not computed"),
    row("flow.age", kState),
    row("flow.pkts_toserver", kState),
    row("flow.pkts_toclient", kState),
    row("flow.bytes_toserver", kState),
    row("flow.bytes_toclient", kState),
};

}  // namespace

std::span<const SuricataKeyword> suricata_refused_keywords() noexcept { return kKeywords; }

}  // namespace sluice
