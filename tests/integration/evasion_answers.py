"""Transforms of HTTP answers, from a server that Linux's sockets are to a client that they are too.
Python's http.client and zlib read what the client got."""
import http.client
import io
import itertools
import re
import socket
import struct
import zlib

from evasion_http import chunked, gzipped
from evasion_wire import listen
from operate_load import in_namespace

SERVER, ANSWER_PORT, FIRST_PORT, TURNS = "10.77.0.2", 7003, 22_000, {"monitor": 100, "enforce": 3}
SECRET = b"the secret ingredient"
PAGE = b"<p>This is " + SECRET + b" of it all.</p>"
NEAR = PAGE.replace(b"secret", b"second")


def member(data, flags=0, extra=b""):
    """Of a gzip file, with what its header may have."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\3" + extra + packer.compress(data)
            + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data)))


def packed(level=9, strategy=zlib.Z_DEFAULT_STRATEGY, step=0, bits=31):
    def pack(data):
        packer = zlib.compressobj(level, zlib.DEFLATED, bits, 8, strategy)
        parts = [data] if not step else [data[at:at + step] for at in range(0, len(data), step)]
        return b"".join(packer.compress(part) + (packer.flush(zlib.Z_FULL_FLUSH) if step else b"")
                        for part in parts) + packer.flush()
    return pack


def answer(body, head=b"", status=b"HTTP/1.1 200 OK", length=True):
    lines = status + b"\r\n" + head
    return lines + (b"Content-Length: %d\r\n" % len(body) if length else b"") + b"\r\n" + body


def answers():
    """name -> function of a page."""
    te = b"Transfer-Encoding: chunked\r\n"
    yield "a length", answer
    yield "until the close", lambda page: answer(page, length=False)
    yield "HTTP/1.0", lambda page: answer(page, status=b"HTTP/1.0 200 OK", length=False)
    yield "no reason", lambda page: answer(page, status=b"HTTP/1.1 200")
    yield "LF only", lambda page: answer(page).replace(b"\r\n", b"\n")
    yield "behind an interim answer", lambda page: b"HTTP/1.1 100 Continue\r\n\r\n" + answer(page)
    yield "behind 20,000 bytes", lambda page: answer(b"." * 20000 + page)
    yield "a folded header", lambda page: answer(page, b"X-Folded: a\r\n b\r\n")
    yield "many headers", lambda page: answer(page, b"".join(b"X-%d: y\r\n" % i for i in range(80)))
    for size in (1, 2, 3, 7, 100):
        yield f"chunks of {size}", lambda page, size=size: answer(
            chunked(page, size), te, length=False)
    yield "chunks with extensions", lambda page: answer(
        chunked(page, 9, b";a=b"), te, length=False)
    yield "chunks with zeros in front", lambda page: answer(
        chunked(page, 9, form=b"0000%x"), te, length=False)
    yield "chunks and a length", lambda page: answer(chunked(page, 9), te)
    yield "chunks in odd case", lambda page: answer(
        chunked(page, 9), b"tRANSFER-eNCODING: Chunked\r\n", length=False)
    codings = {
        "gzip": (b"gzip", gzipped), "x-gzip": (b"x-gzip", gzipped),
        "gzip in odd case": (b"GZip", gzipped),
        "gzip with a name": (b"gzip", lambda page: member(page, 8, b"page.html\0")),
        "gzip with a comment": (b"gzip", lambda page: member(page, 16, b"nothing\0")),
        "gzip with an extra field": (b"gzip", lambda page: member(page, 4, b"\4\0abcd")),
        "gzip with all of them": (b"gzip", lambda page: member(page, 28, b"\4\0abcdname\0text\0")),
        "gzip, stored": (b"gzip", packed(0)), "gzip, fixed codes": (b"gzip", packed(
            9, zlib.Z_FIXED)), "gzip, Huffman only": (b"gzip", packed(9, zlib.Z_HUFFMAN_ONLY)),
        "gzip in blocks of 5": (b"gzip", packed(step=5)),
        "gzip in two members": (b"gzip", lambda page: member(page[:20]) + member(page[20:])),
        "deflate": (b"deflate", zlib.compress), "deflate, raw": (b"deflate", packed(bits=-15)),
        "deflate, stored": (b"deflate", packed(0, bits=15)),
    }
    for name, (coding, pack) in codings.items():
        head = b"Content-Encoding: " + coding + b"\r\n"
        yield name, lambda page, pack=pack, head=head: answer(pack(page), head)
        yield f"{name}, in chunks", lambda page, pack=pack, head=head: answer(
            chunked(pack(page), 7), head + te, length=False)


class Answer:
    """One answer and how it is cut into segments."""
    family = "HTTP answers"

    def __init__(self, name, make, step):
        self.title, self.step = f"{self.family}: {name}{', byte by byte' if step else ''}", step
        self.data = {"attack": make(PAGE), "benign": make(NEAR)}


def cases():
    for name, make in answers():
        for step in (0, 1) if len(make(PAGE)) < 300 else (0,):
            yield Answer(name, make, step)


class Exchange:
    """All answers in one mode and of one twin."""

    def __init__(self, lab, receivers, wire, cases_of):
        self.lab, self.receivers, self.wire = lab, receivers, wire
        self.cases, self.got, self.sent, self.twin, self.clients = list(cases_of), [], 0, "", []
        # A connection that was refused stays so: none may come from a port that one before had.
        self.ports = itertools.count(FIRST_PORT)
        self.listener = in_namespace(lab.server, lambda: listen(ANSWER_PORT, TCP_NODELAY=1))
        receivers.watch(self.listener, self._accept)

    def go(self, mode, twin):
        """What each client got."""
        self.got, self.sent, self.twin = [b""] * len(self.cases), 0, twin
        wanted = [case.data[twin] for case in self.cases]
        for number in range(len(self.cases)):
            self._ask(number)
        self._settle_until(lambda: self.sent == len(self.cases), TURNS["monitor"])
        self._settle_until(lambda: self.got == wanted,
                           TURNS["enforce" if twin == "attack" else "monitor"]
                           if mode == "enforce" else TURNS["monitor"])
        for client in self.clients:
            self.receivers.forget(client)
        self.clients = []
        return {case.title: got for case, got in zip(self.cases, self.got)}

    def _settle_until(self, is_there, turns):
        for _ in range(turns):
            self.wire.settle()
            if is_there():
                return

    def _ask(self, number):
        client = in_namespace(self.lab.client, lambda: socket.create_connection(
            (SERVER, ANSWER_PORT), 20, ("", next(self.ports))))
        client.sendall(b"GET /%d HTTP/1.1\r\nHost: lab\r\n\r\n" % number)
        client.setblocking(False)
        self.clients.append(client)
        self.receivers.watch(client, self._take, number)
        self.receivers.poll()

    def _accept(self, listener, _):
        connection, _ = listener.accept()
        self.receivers.watch(connection, self._answer)

    def _answer(self, connection, _):
        request = re.match(rb"GET /(\d+) ", connection.recv(1 << 16))
        case = self.cases[int(request[1])]
        data = case.data[self.twin]
        for at in range(0, len(data), case.step or len(data)):
            connection.sendall(data[at:at + (case.step or len(data))])
        connection.shutdown(socket.SHUT_WR)
        self.receivers.selector.unregister(connection)
        self.sent += 1

    def _take(self, client, number):
        try:
            data = client.recv(1 << 16)
        except OSError:
            data = b""
        self.got[number] += data
        if not data:
            self.receivers.selector.unregister(client)


class Whole:
    """What http.client takes for a socket."""

    def __init__(self, data):
        self.data = data

    def makefile(self, _mode):
        return io.BytesIO(self.data)


def reads_secret(received):
    """What a browser would show has it. Of a body that breaks off, its beginning counts too."""
    response = http.client.HTTPResponse(Whole(received), method="GET")
    try:
        response.begin()
    except (http.client.HTTPException, ValueError):
        return False
    try:
        body = response.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial
    coding = (response.getheader("Content-Encoding") or "").lower()
    return SECRET in (unpacked(body, coding) if coding else body)


def unpacked(body, coding):
    plain = b""
    while body:
        for bits in (31, 15, -15) if coding == "deflate" else (31,):
            unpacker = zlib.decompressobj(bits)
            try:
                plain += unpacker.decompress(body)
                break
            except zlib.error:
                continue
        else:
            return plain
        body = unpacker.unused_data
    return plain
