"""All transforms at once, each a connection of its own, in rounds: every one sends until it has to
wait, then the wire is settled, then those whose condition came true go on."""
from evasion_case import Connection

FIRST_PORT, TURNS = 10_000, {"monitor": 100, "enforce": 3}


class Run:
    """One mode, one twin. Ports are the run's own, so that no flow is met again."""

    def __init__(self, wire, receivers, mode, twin, cases):
        number = {"monitor": 0, "enforce": 2}[mode] + {"attack": 0, "benign": 1}[twin]
        self.wire, self.receivers, self.mode, self.twin = wire, receivers, mode, twin
        first = FIRST_PORT + number * len(cases)
        self.connections = {case.title: Connection(case, twin, first + i, receivers)
                            for i, case in enumerate(cases)}

    def go(self, is_midway, pass_by, is_sent_twice=False):
        """`pass_by`: what is sent within does not meet the gateway. `is_sent_twice`: what was
        refused once is tried again, frame by frame."""
        chosen = [connection for connection in self.connections.values()
                  if connection.case.is_midway == is_midway]
        for connection in chosen:
            self.wire.connections[connection.local] = connection
            if connection.case.tunnel:
                self.receivers.links[connection.local] = connection.link
            opening = connection.opening() if connection.case.opens and not connection.case.udp \
                else []
            connection.items, connection.sent, connection.turns = opening, [], 0
        if is_midway:
            with pass_by():
                self._send_all(chosen)
        for connection in chosen:
            connection.items.append(lambda c=connection: c.case.script(c))
            connection.sent = []
        self._send_all(chosen)
        if is_sent_twice:
            for connection in chosen:
                self.wire.send(connection.sent)
        self.wire.settle()
        return self

    def _send_all(self, active):
        while active:
            for connection in active:
                self._send_on(connection)
            self.wire.settle()
            active = [connection for connection in active if self._is_ready(connection)]

    def _send_on(self, connection):
        while connection.items and not callable(connection.items[0]):
            frames = connection.items.pop(0)
            connection.sent += frames
            self.wire.send(frames)

    def _is_ready(self, connection):
        """False: it has sent all. What it waits for in vain is given up: an attacker goes on."""
        if not connection.items:
            return False
        answer = connection.items[0]()
        connection.turns = 0 if answer else connection.turns + 1
        if not answer and connection.turns < TURNS[self.mode]:
            return True
        connection.items[:1] = answer if isinstance(answer, list) else []
        return bool(connection.items)

    def received(self, title):
        port = self.connections[title].local
        heard = self.receivers.heard if self.connections[title].case.udp else self.receivers.streams
        return heard.get(port, b"")

    def wait_for(self, is_there):
        """Settles until it is there; for what has to come."""
        for _ in range(TURNS["monitor"]):
            if is_there():
                return True
            self.wire.settle()
        return False
