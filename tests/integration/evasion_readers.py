"""Who reads HTTP: nginx, Python's http.server, and applications that decode more than once or take
what old servers took. They read what a receiver behind the gateway got."""
import http.server
import io
import json
import posixpath
import re
import socket
import urllib.parse
import zlib

from operate_load import in_namespace
from trial import wait_until

PATIENCE = 20


class Nginx:
    """Reads streams as a server does, and logs what it took them for."""

    def __init__(self, lab):
        self.lab, self.directory = lab, lab.directory
        self.log = self.directory / "read.log"

    def up(self):
        places = "".join(f"{kind}_temp_path {self.directory}/{kind}; " for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        told = ('{"port":$remote_port,"status":$status,"text":["$uri","$args","$request_body",'
                '"$http_user_agent","$http_cookie"]}')
        conf = self.directory / "reader.conf"
        conf.write_text(
            f"pid {self.directory}/reader.pid; error_log stderr crit; daemon off;\n"
            "master_process off;\n"
            f"events {{ worker_connections 4096; }} http {{ {places}\n"
            f"log_format told escape=json '{told}'; access_log {self.log} told;\n"
            "merge_slashes on; large_client_header_buffers 8 16k; lingering_close off;\n"
            "server { listen 80; location / { proxy_pass http://127.0.0.1:81/sink; } }\n"
            "server { listen 81; access_log off; location / { return 200; } } }\n")
        self.lab.spawn(self.lab.server, "nginx", "-c", conf, "-p", self.directory)
        wait_until(lambda: self._connect() is not None, 20, "nginx, who reads")

    def _connect(self):
        try:
            return in_namespace(self.lab.server, lambda: socket.create_connection(
                ("127.0.0.1", 80), PATIENCE))
        except OSError:
            return None

    def read(self, streams):
        """For each stream, the texts of its requests."""
        ports = []
        for stream in streams:
            connection = self._connect()
            ports.append(connection.getsockname()[1])
            try:
                connection.sendall(stream)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
            except OSError:
                pass  # it may close before all was sent
            connection.close()
        told = {}
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            entry = json.loads(line)
            if entry["status"] != 400:
                told.setdefault(entry["port"], []).extend(entry["text"])
        return [told.get(port, []) for port in ports]


class PythonReader(http.server.BaseHTTPRequestHandler):
    """What Python's server makes of the requests of a stream."""

    def __init__(self, stream):  # pylint: disable=super-init-not-called
        self.rfile, self.texts = io.BytesIO(stream), []
        self.client_address = ("lab", 0)
        while self._read_one():
            pass

    def _read_one(self):
        self.raw_requestline = self.rfile.readline(65537)
        while self.raw_requestline in (b"\r\n", b"\n"):
            self.raw_requestline = self.rfile.readline(65537)
        # It would take a head that has not ended yet for one without more headers.
        rest = self.rfile.getvalue()[self.rfile.tell():]
        is_simple = b"HTTP/" not in self.raw_requestline and self.raw_requestline.endswith(b"\n")
        has_ended = re.match(rb"\r?\n|(?s:.*?)\n\r?\n", rest) is not None or is_simple
        if not self.raw_requestline or not has_ended or not self.parse_request():
            return False
        self.texts.append(self.path)
        if not is_simple:
            self.texts += map(str, self.headers.values())
            self.texts.append(read_body(self.headers, self.rfile).decode("latin1"))
        return not is_simple

    def send_error(self, *_args, **_kwargs):
        pass

    def handle_expect_100(self):
        return True


def read_body(headers, file):
    """As a library of any server does: by chunks or by length, with what is coded undone."""
    body = b""
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        while (size := re.match(rb"[0-9A-Fa-f]+", file.readline())) and int(size[0], 16):
            body += file.read(int(size[0], 16))
            file.readline()
        while file.readline().strip():
            pass
    else:
        body = file.read(int(headers.get("Content-Length", 0)))
    if "Content-Encoding" not in headers:
        return body
    for bits in (47, -15):
        try:
            return zlib.decompressobj(bits).decompress(body)
        except zlib.error:
            continue
    return body


def read_by_python(stream):
    return PythonReader(stream).texts


def read_leniently(stream):
    """The target as applications take it that decode twice, and what old servers decoded."""
    head, end, _ = stream.lstrip(b"\r\n").partition(b"\r\n\r\n")
    texts = head.decode("latin1").split("\r\n", 1) if end else []
    for _ in range(2):
        texts = [re.sub(r"%u([0-9a-fA-F]{4})", lambda found: chr(
            int(found[1], 16) - (0xfee0 if found[1].lower() > "ff00" else 0)), text)
                 for text in texts]
        texts = [urllib.parse.unquote(text, "latin1").replace("\xc0\xaf", "/").replace("\\", "/")
                 for text in texts]
    return texts


def reads(texts, marker):
    """The marker is in one of the texts, however its letters and blanks are."""
    return any(marker in re.sub(r"\s+", " ", text.lower()) for text in texts if text)


def paths_of(texts):
    """Targets as an application has them: the path resolved, everything decoded once."""
    for text in texts:
        path, mark, query = text.partition("?")
        path = re.sub(r"^[a-z]+://[^/]*", "", path, flags=re.I)
        yield posixpath.normpath(urllib.parse.unquote(path, "latin1")) + mark \
            + urllib.parse.unquote_plus(query, "latin1")


def readers_of(nginx, streams):
    """(stream, marker) -> names of those who read the attack."""
    wanted = sorted(set(streams))
    by_nginx = nginx.read([stream for stream, _ in wanted])
    readers = {}
    for (stream, marker), told in zip(wanted, by_nginx):
        python = read_by_python(stream)
        texts = {"nginx": told + list(map(urllib.parse.unquote_plus, told[1::5])),
                 "python": python + list(paths_of(python)), "lenient": read_leniently(stream)}
        readers[stream, marker] = [name for name, read in texts.items() if reads(read, marker)]
    return readers
