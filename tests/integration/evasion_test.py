#!/usr/bin/python3
"""evasion_test.py BUILD_DIR: one attack in many disguises through a running gateway to Linux.

Each transform goes through the gateway four times: the attack and a benign twin, in mode monitor
and in mode enforce. In mode monitor Linux shows what it makes of it: where its socket gets the
attack, the transform is one. In mode enforce no receiver may get the attack, however often it is
sent, and the benign twin must arrive as before. docs/evasion.md tells of the families.
"""
import collections
import contextlib
import sys
import time

import evasion_answers
import evasion_decoys
import evasion_http
import evasion_ip
import evasion_links
import evasion_readers
import evasion_tcp
from evasion_run import Run
from evasion_wire import OWN, Receivers, Wire
from operate_link import Control
from trial import SMALL, main, wait_until

LETTER, TRANSFORMS_MIN = "v", 1000
RULE = """
  - id: {id}
    name: an attack in the lab
    severity: high
    stage: enforce
    action: drop
    when: {{{when}}}
    match: [{match}]
"""
HTTP = "proto: tcp, service: http, direction: to_server"
RULES = "pack: lab\nversion: 1\nrules:" + "".join(
    RULE.format(id=7001 + i, when=when, match=match) for i, (when, match) in enumerate([
        ("proto: tcp, direction: to_server, flow: established",
         'payload: {contains: "UNION SELECT password FROM users"}'),
        ("proto: udp, direction: to_server",
         'payload: {contains: "UNION SELECT password FROM users"}'),
        (HTTP, 'http.uri: {contains: "/etc/passwd"}'),
        (HTTP, "http.uri: {pcre: 'union[\\s+]+select[\\s+]+secret', nocase: true}"),
        (HTTP, 'http.request_body: {contains: "union select secret", nocase: true}'),
        (HTTP, 'file.data: {contains: "union select secret", nocase: true}'),
        (HTTP, '{http.uri: {contains: "/etc/passwd"}, transforms: [url_decode]}'),
        (HTTP, 'http.user_agent: {contains: "evilscan"}'),
        ("proto: tcp, service: http, direction: to_client",
         'http.response_body: {contains: "the secret ingredient"}'),
        (HTTP, 'http.cookie: {contains: "token=evil"}')]))


def evasion(trial):
    families = (evasion_tcp, evasion_decoys, evasion_ip, evasion_links, evasion_http)
    cases = [case for family in families for case in family.cases()]
    with trial.lab() as lab:
        (lab.directory / "rules.yaml").write_text(RULES)
        trial.start(lab, lab.configuration("af_packet", SMALL + (
            "mode: monitor\n"
            f"rules: {{files: ['{lab.directory}/rules.yaml']}}\n"
            "inspect: {memory: 64MiB}\n"), checksums="verify"))
        receivers = Receivers(lab)
        try:
            receivers.up()
            with Control(lab.directory / "run/control.sock") as link:
                wait_until(lambda: link.ask("status")["rules"]["state"] == "in_force", 120,
                           "the ruleset")
                runs = send_all(trial, lab, link, receivers, cases)
            received = {(case.title, mode): Read(case, run.received(case.title))
                        for (mode, twin), run in runs.items() if twin == "attack"
                        for case in cases}
            ask_readers(trial, lab, received.values())
            trial.stop(lab, "evasion")
        finally:
            receivers.down()
        report(trial, lab, runs, received, cases)
        trial.check_equations(lab, "evasion")


def send_all(trial, lab, link, receivers, cases):
    """The runs, by mode and twin."""
    began, wire = time.monotonic(), Wire(lab, receivers)
    exchange = evasion_answers.Exchange(lab, receivers, wire, evasion_answers.cases())
    answers = {}
    titles = [case.title for case in cases]
    trial.check("no two transforms have one name", len(set(titles)) == len(titles))
    runs = {}
    for mode in ("monitor", "enforce"):
        link.ask("mode", {"mode": mode})
        for twin in ("attack", "benign"):
            runs[mode, twin] = Run(wire, receivers, mode, twin, cases)
            for is_midway in (False, True):
                runs[mode, twin].go(is_midway, lambda: bypassed(link),
                                    is_sent_twice=(mode, twin) == ("enforce", "attack"))
            answers[mode, twin] = exchange.go(mode, twin)
        if mode == "monitor":
            wait_for_transforms(runs, cases)
    wait_for_twins(runs, cases)
    wire.close()
    trial.note(f"{wire.frames} frames in {time.monotonic() - began:.1f} s")
    judge_answers(trial, answers)
    return runs


@contextlib.contextmanager
def bypassed(link):
    """As if the gateway were not there yet."""
    made = link.ask("bypass.on", {"pair": "lab", "for": "10min", "reason": "met midway"})
    yield
    link.ask("bypass.off", {"id": made["id"]})


def judge_answers(trial, answers):
    transforms = 0
    for title, got in answers["monitor", "attack"].items():
        transforms += trial.check(f"{title}: somebody takes it for the attack",
                                  evasion_answers.reads_secret(got), got)
        stopped = answers["enforce", "attack"][title]
        trial.check(f"{title}: is stopped", not evasion_answers.reads_secret(stopped), stopped)
        trial.check(f"{title}: its benign twin arrives as before",
                    answers["enforce", "benign"][title] == answers["monitor", "benign"][title],
                    answers["enforce", "benign"][title])
    trial.note(f"HTTP answers: {transforms}")


class Read:
    """What a receiver got, and who takes it for the attack."""

    def __init__(self, case, received):
        self.case, self.received = case, received
        self.readers = ["Linux"] if not case.marker and case.arrived(received) else []


def ask_readers(trial, lab, streams):
    """Of what is HTTP."""
    began, nginx = time.monotonic(), evasion_readers.Nginx(lab)
    nginx.up()
    asked = [read for read in streams if read.case.marker and read.received]
    readers = evasion_readers.readers_of(
        nginx, [(read.received, read.case.marker) for read in asked])
    for read in asked:
        read.readers = readers[read.received, read.case.marker]
    trial.note(f"{len(readers)} streams read in {time.monotonic() - began:.1f} s")


def wait_for_transforms(runs, cases):
    run = runs["monitor", "attack"]
    run.wait_for(lambda: all(case.judged or case.arrived(run.received(case.title))
                             for case in cases))


def arrives_as_before(runs, case):
    return runs["enforce", "benign"].received(case.title) == \
        runs["monitor", "benign"].received(case.title)


def wait_for_twins(runs, cases):
    runs["enforce", "benign"].wait_for(
        lambda: all(case.loses or arrives_as_before(runs, case) for case in cases))


def reasons_by_sender(lab):
    """Of drops. A fragment has no ports, so its sender is known by an address of its own."""
    reasons = collections.defaultdict(set)
    for event in lab.events("drop"):
        for sender in (event.get("src_port"), event.get("src_ip")):
            reasons[sender].add(event["drop"]["reason"])
    return reasons


def report(trial, lab, runs, received, cases):
    transforms = [case for case in cases if received[case.title, "monitor"].readers]
    for case in cases:
        if not case.judged:
            trial.check(f"{case.title}: somebody takes it for the attack", case in transforms,
                        received[case.title, "monitor"].received)
    stopped = 0
    for case in cases:
        got = received[case.title, "enforce"]
        stopped += trial.check(f"{case.title}: is stopped", not got.readers,
                               (got.readers, got.received))
    reasons, refused = reasons_by_sender(lab), collections.Counter()
    for case in cases:
        run, is_as_before = runs["enforce", "benign"], arrives_as_before(runs, case)
        sender = run.connections[case.title]
        told = reasons[sender.client if case.ends is OWN else sender.local]
        refused[case.loses] += not is_as_before
        trial.check(f"{case.title}: its benign twin arrives as before"
                    + (f", or is refused for {case.loses}" if case.loses else ""),
                    is_as_before or case.loses in told,
                    (run.received(case.title), runs["monitor", "benign"].received(case.title),
                     told))
    for family, count in collections.Counter(case.family for case in transforms).items():
        trial.note(f"{family}: {count}")
    for reason, count in sorted((+refused).items()):
        trial.note(f"benign twins refused for {reason}: {count}")
    trial.check(f"there are at least {TRANSFORMS_MIN} transforms",
                len(transforms) >= TRANSFORMS_MIN)
    trial.note(f"{len(transforms)} transforms of {len(cases)} trials, {stopped} stopped; "
               f"{refused.total()} benign twins refused by design")


if __name__ == "__main__":
    sys.exit(main(LETTER, evasion))
