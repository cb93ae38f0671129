"""The control socket from a test's side: requests as JSON lines, answers; pages over HTTP."""
import http.client
import json
import socket
import time

from operate_load import in_namespace

PATIENCE_SECONDS = 60


class Refused(Exception):
    """The daemon's error."""

    def __init__(self, error):
        super().__init__(f"{error.get('kind')}: {error.get('message')}")
        self.kind, self.message = error.get("kind"), error.get("message", "")


class Control:
    """One connection. `ask` waits for the answer, `send` and `take` do it in two halves."""

    def __init__(self, path, patience=PATIENCE_SECONDS):
        """Waits for a daemon that is being started."""
        until = time.monotonic() + patience
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(patience)
            try:
                self.socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self.socket.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        self.input, self.number = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, verb, args=None):
        self.number += 1
        request = {"id": self.number, "verb": verb, "args": args or {}}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def line(self):
        """The next line as an object; ConnectionError where the daemon closed."""
        while b"\n" not in self.input:
            part = self.socket.recv(1 << 16)
            if not part:
                raise ConnectionError("the daemon closed the connection")
            self.input += part
        line, self.input = self.input.split(b"\n", 1)
        return json.loads(line)

    def take(self):
        answer = self.line()
        if not answer.get("ok"):
            raise Refused(answer.get("error", {}))
        return answer["result"]

    def try_take(self):
        """The answer that is there already, or None."""
        self.socket.setblocking(False)
        try:
            return self.take()
        except BlockingIOError:
            return None
        finally:
            self.socket.settimeout(PATIENCE_SECONDS)

    def ask(self, verb, args=None):
        self.send(verb, args)
        return self.take()

    def all_items(self, verb, args=None):
        items, cursor = [], None
        while True:
            page = self.ask(verb, {**(args or {}), "limit": 1000,
                                   **({"cursor": cursor} if cursor is not None else {})})
            items += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return items


def refusal(link, verb, args=None):
    """The kind of error that the request meets, or "" where it meets none."""
    try:
        link.ask(verb, args)
        return ""
    except Refused as refused:
        return refused.kind


def page(namespace, port, path, seconds=20):
    """(status, body) of a page on the loopback address of `namespace`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    connection.sock = in_namespace(
        namespace, lambda: socket.create_connection(("127.0.0.1", port), seconds))
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
