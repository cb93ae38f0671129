"""Captures of HTTP requests, one connection each, as clients of the web would send them.

A line of a list is put where attackers and visitors put such values: into a query, a form, a JSON
body, a cookie or the Referer header; percent-encoded whole, as a form encodes it, or only as far as a
request needs it. Which of these it is follows from the line alone, so that every run is the same.
"""
import hashlib
import ipaddress
import json
import struct
import urllib.parse

CLIENTS = int(ipaddress.IPv4Address("10.16.0.0"))
SERVER = ipaddress.IPv4Address("10.200.0.10").packed
START_SECONDS = 1_700_000_000
SEGMENT = 1400
WINDOW = 16 * SEGMENT  # so many bytes are acknowledged at once
FIN, SYN, PUSH, ACK = 1, 2, 8, 16
PLACES = ("query", "query", "query", "query", "query", "form", "form", "json", "cookie", "referer")
ENCODINGS = ("whole", "whole", "form", "minimal")
AGENT = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/126.0.0.0 Safari/537.36")
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
# What no client can leave as it is: it would end the value, the request line or the header.
UNREADABLE = set(range(0x21)) | set(b"\"<>#&") | set(range(0x7f, 0x100))


def digest(line):
    return hashlib.sha1(line).digest()


def is_even(line):
    return digest(line)[-1] % 2 == 0


def place_of(line):
    return PLACES[digest(line)[0] % len(PLACES)]


def encoded(line, encoding):
    """`minimal` leaves what is percent-encoded already, as a browser does with an address."""
    if encoding == "whole":
        return urllib.parse.quote_from_bytes(line, safe="").encode()
    if encoding == "form":
        return urllib.parse.quote_plus(line).encode()
    return b"".join(b"%%%02X" % byte if byte in UNREADABLE else bytes([byte]) for byte in line)


def head(first_line, extra=()):
    lines = [first_line, b"Host: www.example.net", b"User-Agent: " + AGENT.encode(),
             b"Accept: " + ACCEPT.encode(), b"Accept-Language: en-GB,en;q=0.7,de;q=0.3",
             b"Accept-Encoding: gzip, deflate", b"Connection: keep-alive", *extra]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def post(content_type, body):
    return head(b"POST /account/save HTTP/1.1", (
        b"Content-Type: " + content_type, b"Content-Length: %d" % len(body))) + body


def request(line, place):
    """The bytes of the request that carries the line at this place."""
    encoding = ENCODINGS[digest(line)[1] % len(ENCODINGS)]
    value = encoded(line, encoding)
    if place == "uri":
        target = b"".join(b"%%%02X" % b if b <= 0x20 or b >= 0x7f else bytes([b]) for b in line)
        return head(b"GET " + target + b" HTTP/1.1")
    if place == "form":
        value = encoded(line, "form")
        return post(b"application/x-www-form-urlencoded", b"name=" + value + b"&send=1")
    if place == "json":
        text = json.dumps({"name": line.decode("utf-8", "replace"), "send": 1})
        return post(b"application/json", text.encode())
    if place == "cookie":
        return head(b"GET / HTTP/1.1", (b"Cookie: seen=1; name=" + value.replace(b";", b"%3B"),))
    if place == "referer":
        return head(b"GET / HTTP/1.1", (b"Referer: http://www.example.net/list?name=" + value,))
    return head(b"GET /list?name=" + value + b"&page=1 HTTP/1.1")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Capture:
    """A pcap file that grows by connections; the client of the n-th has the n-th address."""

    def __init__(self, file):
        self.file, self.flows, self.frames = file, 0, 0
        file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))

    def add(self, data):
        """One request, answered and closed. The address that sends it."""
        client = ipaddress.IPv4Address(CLIENTS + self.flows)
        self.flows += 1
        ends = (client.packed, 40000, SERVER, 80)
        back = (SERVER, 80, client.packed, 40000)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        self._frame(ends, 1, 0, SYN)
        self._frame(back, 1, 2, SYN | ACK)
        self._frame(ends, 2, 2, ACK)
        for at in range(0, len(data), SEGMENT):
            if at % WINDOW == 0 and at:
                self._frame(back, 2, 2 + at, ACK)
            self._frame(ends, 2 + at, 2, PUSH | ACK, data[at:at + SEGMENT])
        sent = 2 + len(data)
        self._frame(back, 2, sent, PUSH | ACK, answer)
        self._frame(back, 2 + len(answer), sent, FIN | ACK)
        self._frame(ends, sent, 3 + len(answer), FIN | ACK)
        self._frame(back, 3 + len(answer), sent + 1, ACK)
        return str(client)

    def _frame(self, ends, sequence, acknowledged, flags, data=b""):
        source, source_port, destination, destination_port = ends
        tcp = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, acknowledged, 0x50,
                          flags, 0xffff, 0, 0)
        pseudo = source + destination + struct.pack("!BBH", 0, 6, len(tcp) + len(data))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + data)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(data), 1, 0x4000, 64, 6, 0,
                         source, destination)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        to_server = source != SERVER
        macs = bytes.fromhex("02000000000202000000000a" if to_server else "02000000000a020000000002")
        frame = macs + b"\x08\x00" + ip + tcp + data
        seconds, ticks = divmod(self.frames, 1_000)
        self.frames += 1
        self.file.write(struct.pack("<IIII", START_SECONDS + seconds, ticks * 1_000_000, len(frame),
                                    len(frame)) + frame)
