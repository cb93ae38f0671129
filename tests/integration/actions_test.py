#!/usr/bin/python3
"""actions_test.py BUILD_DIR: what rules do beside dropping, seen by real hosts at both ends.

A rejected connection is reset for its client and its server, a rejected datagram comes back as
port unreachable, a limit lets its rate through and no more, and a source that a rule blocks is
refused until the block runs out.
"""
import socket
import sys
import threading
import time

from inspect_test import PORT, SERVER, Client, Echo, configuration, rules_state
from operate_link import Control
from operate_load import in_namespace
from trial import main, wait_until

LETTER = "j"
PATIENCE = 10
BURST, TRIES = 5, 60
LIMITS = f"rule_limits: [{{name: slow, packets: 1/s, packets_burst: {BURST}}}]\n"
RULES = """pack: lab
version: 1
rules:
  - {id: 4801, name: a rejected stream, stage: enforce, action: reject,
     when: {proto: tcp, direction: to_server, flow: established},
     match: [{payload: {contains: "malice"}}]}
  - {id: 4802, name: a rejected datagram, stage: enforce, action: reject,
     when: {proto: udp}, match: [{payload: {contains: "malice"}}]}
  - {id: 4803, name: a question, stage: enforce, action: {limit: slow},
     when: {proto: udp, direction: to_server}, match: [{payload: {contains: "question"}}]}
  - {id: 4804, name: poison, stage: enforce, action: {block: source, for: 4s},
     when: {proto: udp, direction: to_server}, match: [{payload: {contains: "poison"}}]}
"""
UNKNOWN_LIMIT = RULES.replace("limit: slow", "limit: sluggish")


class Datagrams(threading.Thread):
    """A server in the lab that sends back every datagram, over both families."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.socket = in_namespace(lab.server, lambda: socket.socket(socket.AF_INET6,
                                                                     socket.SOCK_DGRAM))
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::", PORT))

    def run(self):
        while True:
            data, sender = self.socket.recvfrom(1 << 16)
            self.socket.sendto(data, sender)


class Watched(Echo):
    """An echo that remembers whose connection was reset under it."""

    resets = 0

    def _echo(self, connection):
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except ConnectionResetError:
            Watched.resets += 1
        except OSError:
            pass


def datagram_client(lab, address):
    def make():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.settimeout(PATIENCE)
        made.connect((address, PORT))
        return made
    return in_namespace(lab.client, make)


def is_unreachable(lab, address, data):
    """Whether the datagram comes back as an ICMP error."""
    with datagram_client(lab, address) as client:
        client.send(data)
        try:
            client.recv(1 << 16)
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        return False


def is_answered(lab, data, patience):
    with datagram_client(lab, SERVER) as client:
        client.settimeout(patience)
        try:
            client.send(data)
            return client.recv(1 << 16) == data
        except OSError:
            return False


def rejected(trial, lab):
    client = Client(lab)
    trial.check("an ordinary word passes", client.comes_back(b"good"))
    client.socket.sendall(b"malice")
    try:
        told = client.socket.recv(1)
    except ConnectionResetError:
        told = "reset"
    except OSError as error:
        told = str(error)
    trial.check("a rejected client is told at once: connection reset", told == "reset", told)
    try:
        wait_until(lambda: Watched.resets == 1, PATIENCE, "the server's reset")
        is_told = True
    except Exception:
        is_told = False
    trial.check("and so is its server", is_told)
    for address in (SERVER, "fd77::2"):
        trial.check(f"a rejected datagram to {address} comes back as port unreachable",
                    is_unreachable(lab, address, b"malice"))
        trial.check(f"another datagram to {address} does not",
                    not is_unreachable(lab, address, b"good"))


def limited(trial, lab):
    """The whole burst passes, and not much more in the time that this takes."""
    client = datagram_client(lab, SERVER)
    began, back = time.monotonic(), 0
    for number in range(TRIES):
        client.send(b"question %d" % number)
    client.send(b"the end")
    while (answer := client.recv(1 << 16)) != b"the end":
        back += 1 if answer.startswith(b"question") else 0
    allowed = BURST + int(time.monotonic() - began) + 1
    client.close()
    trial.check("a limit lets its burst pass", back >= BURST, back)
    trial.check("and refuses the excess", back <= allowed < TRIES, (back, allowed))


def blocked(trial, lab, link):
    trial.check("a source that a rule blocks is refused at once",
                not is_answered(lab, b"poison", 0.5))

    def blocks():
        return [(item["what"], item["owner"], item["reason"])
                for item in link.ask("blocks.list")["items"]]
    wait_until(blocks, PATIENCE, "the block")
    trial.check("its block names the rule",
                blocks() == [("10.77.0.1", "rule", "rule 4804 poison")], blocks())
    trial.check("while it lasts nothing of the source passes", not is_answered(lab, b"good", 0.5))
    wait_until(lambda: is_answered(lab, b"good", 0.5), 30, "the end of the block")
    trial.check("when it has run out the source passes", not blocks(), blocks())
    audit = (lab.directory / "state/audit.json").read_text()
    trial.check("the audit log has it", '"user":"rule"' in audit and "10.77.0.1" in audit, audit)


def acting(trial):
    with trial.lab() as lab:
        rules = lab.directory / "rules.yaml"
        rules.write_text(RULES)
        Watched(lab).start()
        Datagrams(lab).start()
        trial.start(lab, configuration(lab, rules) + LIMITS)
        with Control(lab.directory / "run/control.sock") as link:
            wait_until(lambda: rules_state(link)["state"] == "in_force", 120, "the ruleset")
            rejected(trial, lab)
            limited(trial, lab)
            blocked(trial, lab, link)
            rules.write_text(UNKNOWN_LIMIT)
            checked = link.ask("check")
            trial.check("a limit that is not there is an error", checked["errors"] == 1 and
                        "rule 4803" in str(checked) and "sluggish" in str(checked), checked)
        trial.stop(lab, "acting")
        counters = trial.check_equations(lab, "acting")
        trial.check("generated: two resets, two errors", counters.get("generated") == 4, counters)
        alerts = {event["alert"]["signature_id"]: event for event in lab.events("alert")}
        verdicts = {rule: event["verdict"]["action"] for rule, event in alerts.items()}
        trial.check("verdicts say what was done", verdicts == {
            4801: "reject", 4802: "reject", 4803: "drop", 4804: "drop"}, verdicts)


if __name__ == "__main__":
    sys.exit(main(LETTER, acting))
