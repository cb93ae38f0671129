#!/usr/bin/python3
"""operate_load.py CLIENT SERVER: steady traffic between two namespaces, counted to the packet.

Numbered datagrams both ways, two sources whose datagrams may be refused, and short TCP connections.
Reads words from standard input, one a line, and answers each with a JSON object on one line:

  mark   what became of everything that was sent since the mark before; traffic goes on
  stop   the same, and ends
"""
import ctypes
import hashlib
import json
import os
import select
import socket
import sys
import threading
import time

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
PROBES = ("10.77.0.11", "10.77.0.12")
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; not in the socket module
CATCH_UP = 64        # datagrams at once after this process was kept from running
GRACE_SECONDS = 3.0  # a datagram that others overtook is lost then
TCP_BYTES = 24_000
TCP_PAUSE_SECONDS = 0.05
TCP_PATIENCE_SECONDS = 30


def enter(namespace):
    """This thread's sockets are made in `namespace` from now on."""
    with open(f"/run/netns/{namespace}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def in_namespace(namespace, make):
    """What `make` returns, called in `namespace`; this thread is back where it was afterwards."""
    with open("/proc/thread-self/ns/net", "rb") as before:
        enter(namespace)
        try:
            return make()
        finally:
            ctypes.CDLL(None).setns(before.fileno(), 0)


def datagram_socket(namespace, address, port):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        made.setblocking(False)
        made.bind((address, port))
        return made
    return in_namespace(namespace, make)


class Stream:
    """Datagrams from one socket to another, and which of them are still on their way."""

    def __init__(self, sender, receiver, rate):
        self.sender, self.receiver, self.rate = sender, receiver, rate
        self.destination = receiver.getsockname()
        self.next = self.due = self.unasked = self.marked = 0
        self.newest = -1
        self.waiting = set()

    def send(self, seconds):
        self.due = min(self.due + seconds * self.rate, CATCH_UP)
        while self.due >= 1:
            self.due -= 1
            try:
                self.sender.sendto(self.next.to_bytes(8, "big") + b"x" * 92, self.destination)
            except OSError:
                continue
            self.waiting.add(self.next)
            self.next += 1

    def receive(self):
        try:
            while True:
                number = int.from_bytes(self.receiver.recv(2048)[:8], "big")
                if number in self.waiting:
                    self.waiting.remove(number)
                    self.newest = max(self.newest, number)
                else:
                    self.unasked += 1
        except BlockingIOError:
            pass

    def is_due(self, mark):
        return any(number < mark for number in self.waiting)

    def report(self, mark):
        """Of all numbers below `mark` that no report held yet."""
        lost = {number for number in self.waiting if number < mark}
        self.waiting -= lost
        told = {"sent": mark - self.marked, "lost": len(lost), "unasked": self.unasked}
        self.marked, self.unasked = mark, 0
        return told


class Connections:
    """One TCP connection after another: some bytes there and back, compared."""

    def __init__(self, client, server):
        self.good = self.bad = 0
        self.slowest = 0.0
        self.client = client
        self.listener = in_namespace(server, lambda: socket.create_server((SERVER, 6100)))
        threading.Thread(target=self._echo, daemon=True).start()
        threading.Thread(target=self._ask, daemon=True).start()

    def _echo(self):
        while True:
            peer, _ = self.listener.accept()
            try:
                with peer:
                    peer.settimeout(TCP_PATIENCE_SECONDS)
                    peer.sendall(take(peer))
            except OSError:
                continue

    def _ask(self):
        enter(self.client)
        while True:
            began, content = time.monotonic(), os.urandom(TCP_BYTES)
            try:
                with socket.create_connection((SERVER, 6100), TCP_PATIENCE_SECONDS) as peer:
                    peer.sendall(content)
                    is_same = hashlib.sha1(take(peer)).digest() == hashlib.sha1(content).digest()
            except OSError:
                is_same = False
            self.good, self.bad = self.good + is_same, self.bad + (not is_same)
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(TCP_PAUSE_SECONDS)

    def report(self):
        told = {"good": self.good, "bad": self.bad, "slowest": round(self.slowest, 3)}
        self.good = self.bad = 0
        self.slowest = 0.0
        return told


def take(peer):
    content = bytearray()
    while len(content) < TCP_BYTES:
        part = peer.recv(65536)
        if not part:
            break
        content += part
    return bytes(content)


class Load:
    def __init__(self, client, server):
        near, far = datagram_socket(client, CLIENT, 6000), datagram_socket(server, SERVER, 6001)
        self.streams = {"up": Stream(near, far, 2000), "down": Stream(far, near, 2000)}
        for number, address in enumerate(PROBES):
            port = 6010 + number
            self.streams[address] = Stream(datagram_socket(client, address, port),
                                           datagram_socket(server, SERVER, port), 100)
        self.connections = Connections(client, server)
        self.last = time.monotonic()

    def turn(self):
        now = time.monotonic()
        for stream in self.streams.values():
            stream.send(now - self.last)
            stream.receive()
        self.last = now

    def mark(self):
        """Goes on sending until all that was sent before has come, or has had its time. Of the
        sources that may be refused all has come when what was sent later has."""
        marks = {name: stream.next for name, stream in self.streams.items()}
        steady = [(self.streams[name], marks[name]) for name in ("up", "down")]
        until = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < until and any(
                stream.is_due(mark) or stream.newest <= mark for stream, mark in steady):
            self.turn()
            time.sleep(0.002)
        self.turn()
        told = {name: stream.report(marks[name]) for name, stream in self.streams.items()}
        return {**told, "tcp": self.connections.report()}

    def run(self):
        while True:
            self.turn()
            if not select.select([sys.stdin], [], [], 0.002)[0]:
                continue
            word = sys.stdin.readline().strip()
            print(json.dumps(self.mark()), flush=True)
            if word != "mark":
                return


if __name__ == "__main__":
    Load(sys.argv[1], sys.argv[2]).run()
