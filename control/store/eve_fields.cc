#include "control/store/eve_fields.h"

#include <fmt/format.h>

#include "dataplane/inspect/app_sink.h"

namespace sluice {
namespace {

using enum EveType;

constexpr unsigned kNumbered = kInHttp | kInTls | kInSsh | kInSmtp | kInFtp | kInQuic;
constexpr unsigned kInMessages = kNumbered | kInDns;
constexpr unsigned kInPackets = kInFlow | kInDrop | kInAlert | kInAnomaly | kInMessages;
constexpr unsigned kInAll = kInPackets | kInStats;
constexpr unsigned kWithHttp = kInHttp | kInAlert | kOptional;

constexpr EveField kFields[] = {
    {"timestamp", text, kInAll, "UTC with microseconds; of a flow the time of its last packet"},
    {"event_type", text, kInAll, "the kind of the event, as on this page"},
    {"flow_id", number, kInPackets | kOptional,
     "names the flow, below 2^53; absent where a refused packet has none"},
    {"pcap_cnt", number, kInPackets | kOptional | kReplayOnly,
     "place in the capture from 1; of a flow that of its first packet, of messages that of the "
     "last"},
    {"in_iface", text, kInPackets | kOptional | kLiveOnly, "port of the first or refused packet"},
    {"vlan", numbers, kInPackets | kOptional, "VLAN ids, outermost first, at most two"},
    {"src_ip", text, kInPackets | kOptional,
     "of a flow its initiator, of messages the client; absent where the frame is not IP"},
    {"src_port", number, kInPackets | kOptional, "TCP, UDP and SCTP"},
    {"dest_ip", text, kInPackets | kOptional, "of a flow its responder, of messages the server"},
    {"dest_port", number, kInPackets | kOptional, "TCP, UDP and SCTP"},
    {"proto", text, kInPackets | kOptional,
     "`TCP`, `UDP`, `ICMP`, `IPv6-ICMP`, `SCTP`, or the number as text"},
    {"icmp_type", number, kInPackets | kOptional, "ICMP; of a flow that of its first packet"},
    {"icmp_code", number, kInPackets | kOptional, "ICMP"},
    {"direction", text, kInDrop | kInAlert | kInAnomaly | kOptional,
     "`to_server` or `to_client`, where there is a flow"},
    {"community_id", text, kInPackets | kOptional,
     "Community ID v1, seed 0; absent without IP or where an ICMP type is not known"},
    {"flow.pkts_toserver", number, kInFlow | kInAlert,
     "packets of the initiator; of an interim event since the one before, of an alert up to the "
     "packet; an alert about a packet without a flow has no `flow`"},
    {"flow.pkts_toclient", number, kInFlow | kInAlert, "packets of the responder, likewise"},
    {"flow.bytes_toserver", number, kInFlow | kInAlert, "layer-2 bytes without FCS, likewise"},
    {"flow.bytes_toclient", number, kInFlow | kInAlert, "likewise"},
    {"flow.start", text, kInFlow | kInAlert, "time of the first packet"},
    {"flow.end", text, kInFlow, "time of the last packet"},
    {"flow.age", number, kInFlow, "seconds between the two"},
    {"flow.state", text, kInFlow,
     "`new`, `established` or `closed`, at the end that of the last packet; without TCP "
     "`established` once both sides have sent"},
    {"flow.reason", text, kInFlow,
     "`timeout`, `forced`, `shutdown`, or `unknown` for a flow that goes on"},
    {"flow.alerted", flag, kInFlow, "a rule decided about the flow"},
    {"flow.action", text, kInFlow | kOptional, "`drop` where the flow was refused in mode enforce"},
    {"tcp.tcp_flags", text, kInFlow | kOptional,
     "all flags seen, hexadecimal; TCP only, like the rest of `tcp`"},
    {"tcp.tcp_flags_ts", text, kInFlow | kOptional, "those of the initiator"},
    {"tcp.tcp_flags_tc", text, kInFlow | kOptional, "those of the responder"},
    {"tcp.syn", flag, kInFlow | kOptional, "seen at least once, else absent"},
    {"tcp.fin", flag, kInFlow | kOptional, "likewise"},
    {"tcp.rst", flag, kInFlow | kOptional, "likewise"},
    {"tcp.psh", flag, kInFlow | kOptional, "likewise"},
    {"tcp.ack", flag, kInFlow | kOptional, "likewise"},
    {"tcp.urg", flag, kInFlow | kOptional, "likewise"},
    {"tcp.ecn", flag, kInFlow | kOptional, "ECE, likewise"},
    {"tcp.cwr", flag, kInFlow | kOptional, "likewise"},
    {"tcp.state", text, kInFlow | kOptional,
     "`none`, `syn_sent`, `syn_recv`, `established`, `fin_wait1`, `closing` or `closed`"},
    {"drop.len", number, kInDrop | kOptional, "IPv4: total length; IPv6: payload length"},
    {"drop.tos", number, kInDrop | kOptional, "IPv4"},
    {"drop.ttl", number, kInDrop | kOptional, "IPv4"},
    {"drop.ipid", number, kInDrop | kOptional, "IPv4"},
    {"drop.tc", number, kInDrop | kOptional, "IPv6: traffic class"},
    {"drop.hoplimit", number, kInDrop | kOptional, "IPv6"},
    {"drop.tcpseq", number, kInDrop | kOptional, "TCP, like the next eight"},
    {"drop.tcpack", number, kInDrop | kOptional, "acknowledgement number"},
    {"drop.tcpwin", number, kInDrop | kOptional, "window as sent"},
    {"drop.syn", flag, kInDrop | kOptional, ""},
    {"drop.ack", flag, kInDrop | kOptional, ""},
    {"drop.psh", flag, kInDrop | kOptional, ""},
    {"drop.rst", flag, kInDrop | kOptional, ""},
    {"drop.urg", flag, kInDrop | kOptional, ""},
    {"drop.fin", flag, kInDrop | kOptional, ""},
    {"drop.udplen", number, kInDrop | kOptional, "UDP length with header"},
    {"drop.reason", text, kInDrop, "a drop reason of sluice"},
    {"alert.action", text, kInAlert, "`blocked` where the packet was refused, else `allowed`"},
    {"alert.gid", number, kInAlert, "group of the rule's number; 1 but for imported rules"},
    {"alert.signature_id", number, kInAlert, "the rule's id"},
    {"alert.rev", number, kInAlert, "its revision"},
    {"alert.signature", text, kInAlert, "its name"},
    {"alert.category", text, kInAlert, "its class"},
    {"alert.severity", number, kInAlert, "1 critical, 2 high, 3 medium, 4 low"},
    {"alert.metadata", texts_by_key, kInAlert | kOptional, "its metadata"},
    {"app_proto", text, kInAlert | kOptional, "the application, where the flow was recognised"},
    {"tx_id", number, kNumbered, "number of the client's message, from 0"},
    {"anomaly.type", text, kInAnomaly, "`decode`, `stream` or `applayer`"},
    {"anomaly.event", text, kInAnomaly,
     "`decoder.` and a drop reason, `stream.` and what was odd, or what the parser could not read"},
    {"anomaly.app_proto", text, kInAnomaly | kOptional, "`applayer` only: whose parser"},
    {"anomaly.layer", text, kInAnomaly | kOptional, "`applayer` only: `proto_parser`"},
    {"http.hostname", text, kWithHttp, "in lower case, without its port"},
    {"http.url", text, kWithHttp, "request target as it was sent, secrets taken out"},
    {"http.http_user_agent", text, kWithHttp, ""},
    {"http.http_refer", text, kWithHttp, "Referer header, secrets taken out"},
    {"http.http_method", text, kWithHttp, ""},
    {"http.http_content_type", text, kWithHttp,
     "of the response; of an alert that of the message that the rule held for"},
    {"http.protocol", text, kInHttp | kOptional, "version as the client wrote it"},
    {"http.status", number, kWithHttp, "absent where there was no response"},
    {"http.redirect", text, kInHttp | kOptional, "Location header, secrets taken out"},
    {"http.length", number, kInHttp | kOptional, "Content-Length header of the response"},
    {"dns.version", number, kInDns | kOptional, "2; answers only"},
    {"dns.type", text, kInDns, "`query` or `answer`"},
    {"dns.id", number, kInDns, "of the message"},
    {"dns.flags", text, kInDns | kOptional, "answers only: second word of the header, hexadecimal"},
    {"dns.qr", flag, kInDns | kOptional, "answers only"},
    {"dns.aa", flag, kInDns | kOptional, "the answer is authoritative, else absent"},
    {"dns.tc", flag, kInDns | kOptional, "it was cut, else absent"},
    {"dns.rd", flag, kInDns | kOptional, "recursion was asked for, else absent"},
    {"dns.ra", flag, kInDns | kOptional, "recursion is offered, else absent"},
    {"dns.opcode", number, kInDns, ""},
    {"dns.rrname", text, kInDns | kOptional, "name of the first question"},
    {"dns.rrtype", text, kInDns | kOptional, "its type"},
    {"dns.rcode", text, kInDns | kOptional, "answers only"},
    {"dns.tx_id", number, kInDns | kOptional, "queries only: number of the message in its flow"},
    {"dns.answers", objects, kInDns | kOptional,
     "the first eight, each with `rrname`, `rrtype`, `ttl` and, of the usual types, `rdata`"},
    {"tls.subject", text, kInTls | kOptional, "of the server's certificate, up to TLS 1.2"},
    {"tls.issuerdn", text, kInTls | kOptional, "likewise"},
    {"tls.serial", text, kInTls | kOptional, "likewise"},
    {"tls.fingerprint", text, kInTls | kOptional, "SHA-1, likewise"},
    {"tls.sni", text, kInTls | kOptional, "server name that the client asked for"},
    {"tls.version", text, kInTls | kOptional,
     "that the server chose; without its hello the highest that the client offered"},
    {"tls.ja3.hash", text, kInTls | kOptional, "of the ClientHello"},
    {"tls.ja3.string", text, kInTls | kOptional, ""},
    {"tls.ja3s.hash", text, kInTls | kOptional, "of the ServerHello"},
    {"tls.ja3s.string", text, kInTls | kOptional, ""},
    {"tls.ja4", text, kInTls | kOptional, ""},
    {"tls.client_alpns", texts, kInTls | kOptional, "applications that the client offered"},
    {"tls.server_alpns", texts, kInTls | kOptional, "what the server chose, up to TLS 1.2"},
    {"ssh.client.proto_version", text, kInSsh | kOptional, "of the client's banner"},
    {"ssh.client.software_version", text, kInSsh | kOptional, ""},
    {"ssh.client.hassh.hash", text, kInSsh | kOptional, "of the algorithms that the client offers"},
    {"ssh.client.hassh.string", text, kInSsh | kOptional,
     "those, where there is room for all: at most 700 bytes"},
    {"ssh.server.proto_version", text, kInSsh | kOptional, "of the server's banner"},
    {"ssh.server.software_version", text, kInSsh | kOptional, ""},
    {"ssh.server.hassh.hash", text, kInSsh | kOptional, "of the algorithms that the server offers"},
    {"ssh.server.hassh.string", text, kInSsh | kOptional, "as the client's"},
    {"smtp.helo", text, kInSmtp | kOptional, "name given with HELO or EHLO"},
    {"smtp.mail_from", text, kInSmtp | kOptional, "sender of the envelope"},
    {"smtp.rcpt_to", texts, kInSmtp | kOptional, "receivers of the envelope, as many as have room"},
    {"ftp.command", text, kInFtp | kOptional, "absent of the greeting"},
    {"ftp.command_data", text, kInFtp | kOptional, "what stands behind it; `***` of PASS and ACCT"},
    {"ftp.completion_code", texts, kInFtp | kOptional, "of the replies up to the next command"},
    {"ftp.reply", texts, kInFtp | kOptional, "their lines, as many as have room"},
    {"ftp.reply_received", text, kInFtp, "`yes` or `no`"},
    {"quic.sni", text, kInQuic | kOptional, "server name that the client asked for"},
    {"quic.ja3.hash", text, kInQuic | kOptional, "of the ClientHello"},
    {"quic.ja3.string", text, kInQuic | kOptional, ""},
    {"quic.ja4", text, kInQuic | kOptional, ""},
    {"payload", text, kInAlert | kOptional,
     "the beginning of the packet's payload in base64, at most 512 bytes of it; values of headers "
     "that hold secrets are overwritten with `*`"},
    {"payload_printable", text, kInAlert | kOptional, "the same as text"},
    {"stream", number, kInAlert,
     "1 where the rule held for bytes that were put in order, 0 for the packet"},
    {"verdict.action", text, kInDrop | kInAlert,
     "`drop`, or of an alert `reject` where its rule says so; `pass` where the packet went on: in "
     "mode monitor, or where no rule refused it"},
    {"stats.uptime", number, kInStats, "seconds; in a replay of capture time"},
    {"stats.capture.kernel_packets", number, kInStats, "packets that reached the ports"},
    {"stats.capture.kernel_drops", number, kInStats, "of these, lost in front of sluice"},
    {"stats.decoder.pkts", number, kInStats, "packets received"},
    {"stats.decoder.bytes", number, kInStats, "layer-2 bytes received"},
    {"stats.decoder.invalid", number, kInStats, "packets refused by the decoder"},
    {"stats.flow.total", number, kInStats, "flows made since the start"},
    {"stats.flow.active", number, kInStats, "flows in the tables now"},
    {"stats.ips.accepted", number, kInStats, "packets forwarded"},
    {"stats.ips.blocked", number, kInStats, "packets refused"},
    {"sluice.generation", number, kInAll,
     "of the policy that judged; of statistics the oldest in use"},
    {"sluice.worker", number, kInPackets | kLiveOnly, "who reported it"},
    {"sluice.mode", text, kInAll, "`enforce` or `monitor`"},
    {"sluice.capture", text, kInAll | kOptional | kReplayOnly, "name of the capture file"},
    {"sluice.interim", flag, kInFlow, "the flow goes on; counters are since the event before"},
    {"sluice.end", text, kInFlow | kOptional,
     "`timeout`, `closed`, `evicted`, `refused` or `shutdown`; not of an interim event"},
    {"sluice.midstream", flag, kInFlow | kOptional,
     "true where the flow was picked up without a handshake"},
    {"sluice.dropped_packets", number, kInFlow, "packets of the flow that were refused"},
    {"sluice.refused_reason", text, kInFlow | kOptional, "why the rest of the flow is refused"},
    {"sluice.rule_id", number, kInPackets | kOptional, "the rule that decided"},
    {"sluice.station", text, kInDrop, "the station that refused"},
    {"sluice.stage", text, kInAlert, "stage of the rule: `alert` or `enforce`"},
    {"sluice.frames", number, kInDrop, "frames refused with it: the fragments of a datagram"},
    {"sluice.wire_bytes", number, kInDrop, "their layer-2 bytes without FCS"},
    {"sluice.forwarded", number, kInStats, "packets forwarded"},
    {"sluice.forwarded_bytes", number, kInStats, "their layer-2 bytes"},
    {"sluice.dropped", number, kInStats, "packets refused"},
    {"sluice.held", number, kInStats,
     "fragments waiting now: packets received = forwarded + dropped + held"},
    {"sluice.generated", number, kInStats, "packets sluice made itself"},
    {"sluice.dropped_by_reason", counts, kInStats, "packets by drop reason; absent = 0"},
    {"sluice.would_drop_by_reason", counts, kInStats, "the same for mode monitor"},
    {"sluice.capacity_events", counts, kInStats, "limits of sluice itself that were hit"},
    {"sluice.records_lost", counts, kInStats,
     "events lost: `flow`, `drop` and `inspect` in front of the lanes, `queue` in front of the "
     "recorder, "
     "`file` in front of the file"},
    {"sluice.workers", number, kInStats | kLiveOnly, ""},
    {"sluice.workers_unreadable", number, kInStats | kLiveOnly,
     "workers whose counters are those of an earlier moment"},
    {"sluice.events_written", number, kInStats | kLiveOnly, "lines, by this control process"},
    {"sluice.lost_after_transmit", number, kInStats | kLiveOnly,
     "of the packets forwarded, those that a device or the kernel did not send"},
    {"sluice.half_open", number, kInStats | kLiveOnly, "half-open TCP connections now"},
    {"sluice.out_of_state", number, kInStats | kLiveOnly,
     "TCP packets that fit no state of their flow, whatever became of them"},
    {"sluice.midstream_flows", number, kInStats | kLiveOnly,
     "flows picked up without their handshake"},
    {"sluice.polls", number, kInStats | kLiveOnly, "turns of the workers"},
    {"sluice.busy_polls", number, kInStats | kLiveOnly, "turns that received something"},
    {"sluice.full_bursts", number, kInStats | kLiveOnly,
     "receive calls that returned a full burst"},
    {"sluice.handed_over", number, kInStats | kLiveOnly, "frames that another worker had received"},
    {"sluice.ports", counts, kInStats | kLiveOnly,
     "by port: `rx_packets`, `rx_bytes`, `tx_packets`, `tx_bytes`"},
};

constexpr std::string_view kIntroduction =
    "# Events\n\n"
    "One JSON object a line, with the names and the nesting of Suricata's EVE; what only sluice "
    "knows\n"
    "stands under `sluice`. This page is generated from the table of fields.\n\n"
    "* `flow`: at the end of a flow, and at `flows.record_interval` while it goes on "
    "(`sluice.interim`).\n"
    "  The event at the end tells the flow in whole, an interim event what came since the one "
    "before:\n"
    "  add up the ones or the others.\n"
    "* `drop`: a refused packet of one in `events.drop_sample` flows, chosen by a keyed hash; in "
    "mode\n"
    "  monitor a packet that would have been refused.\n"
    "* `alert`: a rule at stage `alert` or `enforce` held; never sampled.\n"
    "* `http`, `dns`, `tls`, `ssh`, `smtp`, `ftp`, `quic`: messages of an application, each under "
    "its "
    "option\n"
    "  `events.http` and so on.\n"
    "  A request is told with its response; without one, when its flow ends. Their time is that of "
    "the\n"
    "  last packet that added to them.\n"
    "* `anomaly`: what no honest host sends, as the decoder, the streams of TCP and the parsers "
    "find "
    "it,\n"
    "  under `events.anomaly`. Of each kind 32 a second, of more the fewer the more there are: "
    "those left\n"
    "  out are `anomaly_limit` of `sluice.capacity_events`. What `decode.malformed: pass` lets "
    "through "
    "is not\n"
    "  told.\n"
    "* `stats`: every `events.stats_interval`; exact sums over all workers. In a replay once, "
    "behind the\n"
    "  last event of each capture.\n\n"
    "A replay leaves out what depends on the number of workers. Text from outside has control\n"
    "characters escaped and bytes that are not UTF-8 replaced by U+FFFD.\n";

std::string_view word_of(EveType type) noexcept {
  switch (type) {
    case text:
      return "text";
    case number:
      return "number";
    case flag:
      return "true or false";
    case numbers:
      return "list of numbers";
    case texts:
      return "list of texts";
    case objects:
      return "list of objects";
    case texts_by_key:
      return "object of lists of texts";
    case counts:
      return "object of counts";
  }
  return "";
}

std::string_view presence(unsigned events) noexcept {
  if ((events & kReplayOnly) != 0) return "replay";
  if ((events & kLiveOnly) != 0) return (events & kOptional) != 0 ? "live, where known" : "live";
  return (events & kOptional) != 0 ? "where it applies" : "always";
}

void append_section(std::string& page, std::string_view event, unsigned bit) {
  page +=
      fmt::format("\n## {}\n\n| field | value | present | meaning |\n|---|---|---|---|\n", event);
  for (const EveField& field : kFields) {
    if ((field.events & bit) == 0) continue;
    page += fmt::format("| `{}` | {} | {} | {} |\n", field.path, word_of(field.type),
                        presence(field.events), field.meaning);
  }
}

void append_app_anomalies(std::string& page) {
  page +=
      "\nWhat parsers of applications tell (`applayer`), and what obeys `inspect.match_limit`, as "
      "rules "
      "see one reading of several then, or not all bytes:\n\n"
      "| event | meaning | obeys `inspect.match_limit` |\n|---|---|---|\n";
  constexpr unsigned kOfClient = 0;
  for (std::size_t i = 1; i < static_cast<std::size_t>(AppAnomaly::count_); ++i) {
    const auto anomaly = static_cast<AppAnomaly>(i);
    page += fmt::format("| `{}` | {} | {} |\n", name_of(anomaly), meaning_of(anomaly),
                        hides_bytes(kOfClient, anomaly) ? "yes" : "");
  }
}

}  // namespace

std::span<const EveField> eve_fields() noexcept { return kFields; }

std::string events_reference() {
  std::string page(kIntroduction);
  append_section(page, "flow", kInFlow);
  append_section(page, "drop", kInDrop);
  append_section(page, "alert", kInAlert);
  append_section(page, "anomaly", kInAnomaly);
  append_app_anomalies(page);
  append_section(page, "http", kInHttp);
  append_section(page, "dns", kInDns);
  append_section(page, "tls", kInTls);
  append_section(page, "ssh", kInSsh);
  append_section(page, "smtp", kInSmtp);
  append_section(page, "ftp", kInFtp);
  append_section(page, "quic", kInQuic);
  append_section(page, "stats", kInStats);
  return page;
}

}  // namespace sluice
