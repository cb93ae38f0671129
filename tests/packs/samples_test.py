#!/usr/bin/env python3
"""The shipped packs find the samples beside this file, leave the benign ones alone, refuse none of the
ordinary requests that are made from a seed, and tell of no file that is uploaded.

    tests/packs/samples_test.py BUILD
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from binary_uploads import Uploader
from http_capture import Capture
from ordinary_traffic import Visitor
from recall import replay

HERE = pathlib.Path(__file__).resolve().parent
PACKS = sorted((HERE.parent.parent / "rules/packs").glob("*.yaml"))
LISTS = ("sql-injection=sql-injection.txt", "cross-site-scripting=cross-site-scripting.txt",
         "command-injection=command-injection.txt", "path-traversal=path-traversal.txt",
         "benign=benign.txt", "benign-targets@uri=benign-targets.txt")
ORDINARY, UPLOADS = 1_000, 64


def found(sluiced, what, requests, stages):
    """Prints which rules at one of these stages found something of the requests; how many requests."""
    sent, rules = {}, {}
    with tempfile.TemporaryDirectory(prefix="sluice-ordinary-") as folder:
        path = pathlib.Path(folder) / "requests.pcap"
        with open(path, "wb") as file:
            capture = Capture(file)
            for request in requests:
                sent[capture.add(request)] = request
        replay(sluiced, PACKS, path, folder)
        for line in (pathlib.Path(folder) / "eve.json").read_text(errors="replace").splitlines():
            event = json.loads(line)
            if event["event_type"] == "alert" and event["sluice"]["stage"] in stages:
                rules[event["src_ip"]] = event["alert"]["signature_id"]
    print(f"\n{what}: {len(sent)}, found at stage {' or '.join(stages)}: {len(rules)}")
    for client, rule in rules.items():
        print(f"  rule {rule}: {sent[client][:2000]!r}")
    return len(rules)


def main():
    sluiced = pathlib.Path(sys.argv[1]) / "sluiced"
    lists = ["=".join((kind, str(HERE / "samples" / file)))
             for kind, _, file in (text.partition("=") for text in LISTS)]
    done = subprocess.run(["/usr/bin/python3", str(HERE / "recall.py"), "--sluiced", str(sluiced),
                           "--rules", *map(str, PACKS), "--gate", "--show", "20", "--lists", *lists],
                          stdin=subprocess.DEVNULL)
    visitor, uploader = Visitor(), Uploader()
    wrong = found(sluiced, "ordinary requests", (visitor.request() for _ in range(ORDINARY)),
                  ("enforce",))
    wrong += found(sluiced, "uploads", (uploader.request() for _ in range(UPLOADS)),
                   ("alert", "enforce"))
    return 1 if wrong else done.returncode


if __name__ == "__main__":
    sys.exit(main())
