"""Queries and answers over UDP as a resolver and its clients exchange them.

  loadtest_dns.py serve PORT READY            answers each query until it is ended
  loadtest_dns.py ask SERVER PORT RATE SECONDS  asks at RATE/s; prints a JSON object

A query that has no answer after two seconds has failed: it is not sent again.
"""
import json
import pathlib
import select
import socket
import struct
import sys
import time

PATIENCE_SECONDS = 2.0
IN_FLIGHT_MAX = 1000
QUESTION = b"\x03www\x07example\x03com\x00\x00\x01\x00\x01"
ANSWER = b"\xc0\x0c\x00\x01\x00\x01" + struct.pack(">IH", 300, 4) + bytes([192, 0, 2, 1])


def serve(port, ready):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind(("0.0.0.0", int(port)))
        pathlib.Path(ready).touch()
        while True:
            query, peer = server.recvfrom(2048)
            flags = struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            server.sendto(query[:2] + flags + query[12:] + ANSWER, peer)


class Asker:
    """One socket per 65,536 queries is enough: their numbers come round after seconds."""

    def __init__(self, server, port, rate):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.connect((server, port))
        self.socket.setblocking(False)
        self.rate, self.next, self.due = rate, 0, 0.0
        self.asked, self.seconds, self.failed = {}, [], 0

    def ask(self, seconds):
        self.due = min(self.due + seconds * self.rate, 64)
        while self.due >= 1 and len(self.asked) < IN_FLIGHT_MAX:
            self.due -= 1
            number, self.next = self.next & 0xFFFF, self.next + 1
            header = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0)
            self.asked[number] = time.monotonic()
            self.socket.send(header + QUESTION)

    def listen(self):
        try:
            while True:
                answer = self.socket.recv(2048)
                began = self.asked.pop(int.from_bytes(answer[:2], "big"), None)
                if began is not None:
                    self.seconds.append(time.monotonic() - began)
        except BlockingIOError:
            pass

    def give_up(self, now):
        late = [number for number, began in self.asked.items() if now - began > PATIENCE_SECONDS]
        for number in late:
            del self.asked[number]
        self.failed += len(late)


def ask(server, port, rate, seconds):
    asker = Asker(server, int(port), int(rate))
    began = last = time.monotonic()
    while last - began < float(seconds) or asker.asked:
        now = time.monotonic()
        if now - began < float(seconds):
            asker.ask(now - last)
        asker.listen()
        asker.give_up(now)
        last = now
        select.select([asker.socket], [], [], 0.0005)
    ordered = sorted(asker.seconds) or [0.0]
    at = {f"p{percent}_us": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1e6
          for percent in (50, 95, 99)}
    print(json.dumps({"rate": len(asker.seconds) / float(seconds), "transactions": asker.next,
                      "failed": asker.failed, **at}))


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
