#!/usr/bin/env python3
"""The shipped packs find the samples beside this file, and leave the benign ones alone.

    tests/packs/samples_test.py BUILD
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PACKS = sorted((HERE.parent.parent / "rules/packs").glob("*.yaml"))
LISTS = ("sql-injection=sql-injection.txt", "cross-site-scripting=cross-site-scripting.txt",
         "command-injection=command-injection.txt", "path-traversal=path-traversal.txt",
         "benign=benign.txt", "benign-targets@uri=benign-targets.txt")


def main():
    sluiced = pathlib.Path(sys.argv[1]) / "sluiced"
    lists = ["=".join((kind, str(HERE / "samples" / file)))
             for kind, _, file in (text.partition("=") for text in LISTS)]
    done = subprocess.run(["/usr/bin/python3", str(HERE / "recall.py"), "--sluiced", str(sluiced),
                           "--rules", *map(str, PACKS), "--gate", "--show", "20", "--lists", *lists],
                          stdin=subprocess.DEVNULL)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
