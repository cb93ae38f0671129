#!/usr/bin/python3
"""inspect_test.py BUILD_DIR: rules in a running gateway: refused, changed, broken, compiled late.

A byte stream through the gateway is echoed; what a rule describes never comes back, and a
connection that no rule concerns goes on through every change of the rules without a loss.
"""
import json
import socket
import sys
import threading
import time

from operate_link import Control, Refused
from operate_load import in_namespace
from trial import SMALL, main, wait_until

LETTER = "i"
SERVER, PORT, PATIENCE = "10.77.0.2", 8080, 10
RULES = """pack: lab
version: 1
rules:
  - id: 4711
    name: a word that the lab does not want
    severity: high
    stage: enforce
    action: drop
    when: {{proto: tcp, direction: to_server, flow: established}}
    match:
      - payload: {{contains: "{word}"}}
"""
SET_RULES = """pack: lab
version: 1
rules:
  - id: 4712
    name: a page that is in a set
    severity: high
    stage: enforce
    action: drop
    when: {proto: tcp, service: http, direction: to_server}
    match:
      - http.uri: {in_set: pages}
"""
BROKEN = "pack: lab\nversion: 1\nrules: [{id: 1, nonsense: 2}]\n"


class Echo(threading.Thread):
    """A server in the lab that sends back what it gets."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.socket = in_namespace(lab.server, self._listen)

    @staticmethod
    def _listen():
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", PORT))
        server.listen(16)
        return server

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self._echo, args=[connection], daemon=True).start()

    @staticmethod
    def _echo(connection):
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except OSError:
            pass


class Client:
    """One connection through the gateway."""

    def __init__(self, lab, patience=PATIENCE):
        self.socket = in_namespace(
            lab.client, lambda: socket.create_connection((SERVER, PORT), patience))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.patience = patience

    def comes_back(self, *pieces, patience=None):
        """Whether all of it is echoed; each piece is a segment of its own."""
        self.socket.settimeout(patience or self.patience)
        try:
            for piece in pieces:
                self.socket.sendall(piece)
                time.sleep(0.01)
            left = sum(map(len, pieces))
            while left:
                data = self.socket.recv(left)
                if not data:
                    return False
                left -= len(data)
            return True
        except OSError:
            return False


def is_refused(lab, word):
    """The word in two segments, so that only the stream has it whole."""
    half = len(word) // 2
    return not Client(lab).comes_back(b"before " + word[:half], word[half:] + b" after", patience=2)


def configuration(lab, rules):
    return lab.configuration("af_packet", SMALL) + (
        f"rules: {{files: ['{rules}']}}\n")


def rules_state(link):
    return link.ask("status")["rules"]


def live(trial):
    with trial.lab() as lab:
        rules = lab.directory / "rules.yaml"
        rules.write_text(RULES.format(word="malice"))
        echo = Echo(lab)
        echo.start()
        trial.start(lab, configuration(lab, rules))
        with Control(lab.directory / "run/control.sock") as link:
            began = time.monotonic()
            wait_until(lambda: rules_state(link)["state"] == "in_force", 120, "the first ruleset")
            trial.note(f"rules in force {time.monotonic() - began:.2f} s later")
            trial.check("one rule is in force", rules_state(link)["count"] == 1, rules_state(link))
            steady = Client(lab)
            trial.check("what no rule describes passes", steady.comes_back(b"good " * 100))
            trial.check("a word over two segments is refused", is_refused(lab, b"malice"))
            trial.check("another word passes", not is_refused(lab, b"mischief"))
            hits = stages(trial, lab, link)
            rules.write_text(RULES.format(word="mischief"))
            changed = link.ask("reload")
            trial.check("a reload with other rules is a change", changed["changed"] == 1, changed)
            trial.check("the new word is refused", is_refused(lab, b"mischief"))
            trial.check("the old word passes", not is_refused(lab, b"malice"))
            trial.check("a rule that stays keeps its counts", row_of_rule(link)["hits"] > hits)
            trial.check("the open connection goes on", steady.comes_back(b"good " * 100))
            broken(trial, lab, link, rules)
            link.ask("revert")
            trial.check("after a revert the first word is refused", is_refused(lab, b"malice"))
            trial.check("and the second passes", not is_refused(lab, b"mischief"))
            trial.check("the open connection still goes on", steady.comes_back(b"good " * 100))
        trial.stop(lab, "live")
        alerts = lab.events("alert")
        trial.check("alerts name the rule",
                    alerts and all(event["alert"]["signature_id"] == 4711 and
                                   "lab does not want" in event["alert"]["signature"]
                                   for event in alerts), json.dumps(alerts[:1]))
        trial.check_equations(lab, "live")


def row_of_rule(link):
    """As `rules.list` has it, once the texts of the rules in force are known."""
    rows = []

    def is_known():
        try:
            rows[:] = link.ask("rules.list")["items"]
        except Refused:
            return False
        return True

    wait_until(is_known, PATIENCE, "the texts of the rules")
    return rows[0]


def stages(trial, lab, link):
    """Another stage holds at once, also for connections that are open; returns the rule's hits."""
    trial.check("what was refused is counted", row_of_rule(link)["refused"] > 0, row_of_rule(link))
    link.ask("rules.stage", {"rules": ["4711"], "stage": "shadow", "reason": "lab"})
    before = row_of_rule(link)
    client = Client(lab)
    trial.check("at stage shadow the word passes", client.comes_back(b"some malice"))
    after = row_of_rule(link)
    trial.check("and is counted", after["hits"] > before["hits"] and after["stage"] == "shadow",
                (before, after))
    trial.check("but not as refused", after["refused"] == before["refused"])
    link.ask("reload")
    trial.check("a reload leaves the stage", row_of_rule(link)["stage"] == "shadow")
    link.ask("rules.stage", {"rules": ["1:4711"], "stage": "enforce"})
    trial.check("the open connection goes on", client.comes_back(b"good " * 100))
    trial.check("and the word is refused on it", not client.comes_back(b"malice", patience=2))
    trial.check("the rule tops the list",
                link.ask("rules.top", {"by": "hits"})["items"][0]["id"] == 4711)
    trial.check("nothing is left set", not link.ask("rules.list", {"changed": True})["items"])
    return row_of_rule(link)["hits"]


def broken(trial, lab, link, rules):
    rules.write_text(BROKEN)
    told = ""
    try:
        link.ask("reload")
    except Refused as refused:
        told = refused.message
    trial.check("broken rules are refused, and told where", "rules.yaml:3" in told, told)
    trial.check("the rules before them stay", is_refused(lab, b"mischief"))
    trial.check("a check tells the same", link.ask("check")["errors"] > 0)


def gets(lab, page):
    """Whether a request for the page comes back from the echo."""
    return Client(lab).comes_back(b"GET " + page + b" HTTP/1.1\r\nHost: lab\r\n\r\n", patience=2)


def live_sets(trial):
    with trial.lab() as lab:
        rules = lab.directory / "rules.yaml"
        rules.write_text(SET_RULES)
        pages = lab.directory / "pages.txt"
        pages.write_text("/listed\n")
        echo = Echo(lab)
        echo.start()
        trial.start(lab, configuration(lab, rules) +
                    f"sets: [{{name: pages, kind: text, file: '{pages}', capacity: 3}}]\n")
        with Control(lab.directory / "run/control.sock") as link:
            wait_until(lambda: rules_state(link)["state"] == "in_force", 120, "the first ruleset")
            trial.check("an entry of the file is refused", not gets(lab, b"/listed"))
            trial.check("another page passes", gets(lab, b"/other"))
            added = link.ask("sets.add", {"set": "pages", "entries": ["/other"], "for": "6s"})
            trial.check("an entry is added", added["added"] == 1, added)
            trial.check("and refused at once", not gets(lab, b"/other"))
            trial.check("near misses pass", gets(lab, b"/others"))
            link.ask("sets.add", {"set": "pages", "entries": ["/third"]})
            told = ""
            try:
                link.ask("sets.add", {"set": "pages", "entries": ["/fourth"]})
            except Refused as refused:
                told = refused.message
            trial.check("what exceeds the capacity is refused", "capacity of 3" in told, told)
            link.ask("reload")
            trial.check("a reload leaves what was added", not gets(lab, b"/third"))
            wait_until(lambda: gets(lab, b"/other"), 20, "the end of the entry")
            link.ask("sets.remove", {"set": "pages", "entries": ["/third"]})
            trial.check("what was removed passes", gets(lab, b"/third"))
            items = link.ask("sets.list")["items"]
            trial.check("nothing is left but the file's", items[0]["live_entries"] == 0 and
                        items[0]["file_entries"] == 1, items)
        trial.stop(lab, "live sets")
        trial.check_equations(lab, "live sets")


def everything(trial):
    live(trial)
    live_sets(trial)


if __name__ == "__main__":
    sys.exit(main(LETTER, everything))
