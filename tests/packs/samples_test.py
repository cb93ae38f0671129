#!/usr/bin/env python3
"""The shipped packs find the samples beside this file, leave the benign ones alone, and refuse none of
the ordinary requests that are made from a seed.

    tests/packs/samples_test.py BUILD
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from http_capture import Capture
from ordinary_traffic import Visitor
from recall import replay

HERE = pathlib.Path(__file__).resolve().parent
PACKS = sorted((HERE.parent.parent / "rules/packs").glob("*.yaml"))
LISTS = ("sql-injection=sql-injection.txt", "cross-site-scripting=cross-site-scripting.txt",
         "command-injection=command-injection.txt", "path-traversal=path-traversal.txt",
         "benign=benign.txt", "benign-targets@uri=benign-targets.txt")
ORDINARY = 1_000


def refused_of_ordinary(sluiced):
    """Prints what a rule at stage enforce found of them; how many that are."""
    visitor, sent, refused = Visitor(), {}, {}
    with tempfile.TemporaryDirectory(prefix="sluice-ordinary-") as folder:
        path = pathlib.Path(folder) / "requests.pcap"
        with open(path, "wb") as file:
            capture = Capture(file)
            for _ in range(ORDINARY):
                request = visitor.request()
                sent[capture.add(request)] = request
        replay(sluiced, PACKS, path, folder)
        for line in (pathlib.Path(folder) / "eve.json").read_text(errors="replace").splitlines():
            event = json.loads(line)
            if event["event_type"] == "alert" and event["sluice"]["stage"] == "enforce":
                refused[event["src_ip"]] = event["alert"]["signature_id"]
    print(f"\nordinary requests: {ORDINARY}, refused: {len(refused)}")
    for client, rule in refused.items():
        print(f"  rule {rule}: {sent[client][:2000]!r}")
    return len(refused)


def main():
    sluiced = pathlib.Path(sys.argv[1]) / "sluiced"
    lists = ["=".join((kind, str(HERE / "samples" / file)))
             for kind, _, file in (text.partition("=") for text in LISTS)]
    done = subprocess.run(["/usr/bin/python3", str(HERE / "recall.py"), "--sluiced", str(sluiced),
                           "--rules", *map(str, PACKS), "--gate", "--show", "20", "--lists", *lists],
                          stdin=subprocess.DEVNULL)
    return 1 if refused_of_ordinary(sluiced) else done.returncode


if __name__ == "__main__":
    sys.exit(main())
