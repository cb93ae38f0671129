#!/usr/bin/python3
"""operate_abuser.py SOCKET KIND: misuses a control socket until standard input ends; prints one
JSON object when it has begun, and one with what it met.

  connects   10,000 connections, each closed at once
  halves     as many connections as there may be, each with half a request
  junk       bytes that are no requests, and lines that are too long
  readers    followers of events, and askers of long lists, that never read
"""
import json
import os
import socket
import sys
import time

CONNECTS, CLIENTS, LINES = 10_000, 80, 300
CLIENTS_MAX = 64  # of a control socket
PATIENCE_SECONDS = 10
LONG_LINE = b'{"id": 1, "verb": "' + b"x" * 70_000


def connected(path):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.connect(path)  # waits for its turn where many do
    made.settimeout(20)
    return made


def connects(path):
    met = 0
    for _ in range(CONNECTS):
        connected(path).close()
        met += 1
    return {"connections": met}


def held(path, content):
    """Connections with `content`, open until we end; those beyond what there may be are told so."""
    clients = []
    for _ in range(CLIENTS):
        client = connected(path)
        try:
            client.sendall(content)
        except OSError:
            pass
        clients.append(client)
    return clients


def is_refused(client):
    """Looks at what came without taking it."""
    client.setblocking(False)
    try:
        return b'"limit"' in client.recv(4096, socket.MSG_PEEK)
    except OSError:
        return False


def answers(path, line):
    """What one line is answered with."""
    with connected(path) as client:
        try:
            client.sendall(line + b"\n")
            return client.recv(4096)
        except OSError:
            return b""


def junk(path):
    kinds = {}
    for number in range(LINES):
        line = LONG_LINE if number % 50 == 0 else os.urandom(1 + number).replace(b"\n", b"")
        answer = answers(path, line)
        try:
            kind = json.loads(answer.split(b"\n")[0])["error"]["kind"] if answer else "closed"
        except (ValueError, KeyError, TypeError):
            kind = "no error: " + repr(answer[:80])
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


def main(path, kind):
    print(json.dumps({"began": True}), flush=True)
    clients, refused = [], 0
    if kind == "connects":
        told = connects(path)
    elif kind == "junk":
        told = junk(path)
    else:
        follow = b'{"id": 1, "verb": "events.follow"}\n{"id": 2, "verb": "flows.list"}\n'
        clients = held(path, b'{"id": 1, "verb": ' if kind == "halves" else follow)
        until = time.monotonic() + PATIENCE_SECONDS
        while refused < CLIENTS - CLIENTS_MAX and time.monotonic() < until:
            time.sleep(0.01)
            refused = sum(map(is_refused, clients))
        told = {"open": len(clients), "refused": refused}
    print(json.dumps(told), flush=True)
    sys.stdin.read()
    del clients


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
