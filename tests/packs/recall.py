#!/usr/bin/env python3
"""What rules find of lists of payloads: one HTTP request a line, replayed, counted per list.

    tests/packs/recall.py --rules rules/packs/*.yaml --lists sqli=sqli.txt benign=words.txt

A list is CLASS=FILE, one payload a line; CLASS@uri=FILE where each line is a whole request target.
Of classes that begin with "benign" every alert is false, of others every line without one is missed.
--half even or odd takes the lines whose SHA-1, as a number, is even or odd: rules are written with the
one half and measured with the other. --gate ends with 1 where a class misses the bounds.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from http_capture import Capture, is_even, place_of, request

RECALL_MIN, FALSE_MAX = 95.0, 0.1


class List:
    """A file of payloads and what became of them."""

    def __init__(self, text):
        kind, separator, path = text.partition("=")
        if not separator or not kind:
            raise SystemExit(f"recall: '{text}' is no list: CLASS=FILE or CLASS@uri=FILE")
        self.name, _, place = kind.partition("@")
        if place not in ("", "uri"):
            raise SystemExit(f"recall: '{place}' in '{text}' is no place: uri")
        self.place, self.path = place, pathlib.Path(path)
        self.is_benign = self.name.startswith("benign")
        self.lines, self.found, self.refused = [], set(), set()

    def read(self, half, mislabelled):
        """The lines of that half; of benign lists without those that are attacks after all."""
        lines = dict.fromkeys(self.path.read_bytes().split(b"\n"))
        self.lines = [line for line in lines
                      if line.strip() and (half == "all" or is_even(line) == (half == "even"))
                      and not (mislabelled and self.is_benign and mislabelled.search(line))]


class Measurement:
    """The lines of all lists, as one capture, and the alerts of its replay."""

    def __init__(self, lists, place):
        self.lists, self.place = lists, place
        self.sent = {}  # by address of the client: list, place in it, where the line was put
        self.rules = collections.Counter()
        self.false_rules = collections.Counter()

    def write(self, path):
        with open(path, "wb") as file:
            capture = Capture(file)
            for one in self.lists:
                for number, line in enumerate(one.lines):
                    where = one.place or (place_of(line) if self.place == "mixed" else self.place)
                    self.sent[capture.add(request(line, where))] = (one, number, where)

    def read(self, events):
        for text in open(events, encoding="utf-8", errors="replace"):
            if '"event_type":"alert"' not in text:
                continue
            event = json.loads(text)
            one, number, _ = self.sent[event["src_ip"]]
            one.found.add(number)
            if event["sluice"]["stage"] == "enforce":
                one.refused.add(number)
            rule = (event["alert"]["signature_id"], event["alert"]["signature"])
            (self.false_rules if one.is_benign else self.rules)[rule] += 1

    def places(self):
        """(place, lines, found) of the attacks."""
        rows = collections.defaultdict(lambda: [0, 0])
        for one, number, where in self.sent.values():
            if not one.is_benign:
                rows[where][0] += 1
                rows[where][1] += number in one.found
        return sorted((where, *row) for where, row in rows.items())


def replay(sluiced, rules, capture, out):
    done = subprocess.run([sluiced, "replay", "--rules", *rules, "--in", capture, "--out", out],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"recall: the replay ended with {done.returncode}\n{done.stderr}")
    summary = json.loads((pathlib.Path(out) / "summary.json").read_text())
    events = summary["capacity_events"]
    undecided = events.pop("match_limit", 0)
    if events or summary["events_lost"]:
        raise SystemExit(f"recall: the replay ran out of room: {events}")
    return undecided


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def show_lists(lists):
    width = max(len(one.path.name) for one in lists)
    print(f"{'CLASS':<18} {'FILE':<{width}} {'LINES':>7} {'FOUND':>7} {'%':>8} {'REFUSED':>8}")
    for one in lists:
        print(f"{one.name:<18} {one.path.name:<{width}} {len(one.lines):>7} {len(one.found):>7} "
              f"{percent(len(one.found), len(one.lines)):>8.3f} {len(one.refused):>8}")


def judge_classes(lists):
    """Prints a row a class; the number of those out of bounds."""
    wrong = 0
    print(f"\n{'CLASS':<18} {'LINES':>7} {'FOUND':>7} {'%':>8} {'REFUSED':>8}")
    for name in dict.fromkeys(one.name for one in lists):
        of_class = [one for one in lists if one.name == name]
        lines, found, refused = (sum(len(getattr(one, what)) for one in of_class)
                                 for what in ("lines", "found", "refused"))
        share = percent(found, lines)
        good = share <= FALSE_MAX and refused == 0 if of_class[0].is_benign else share >= RECALL_MIN
        wrong += not good
        print(f"{name:<18} {lines:>7} {found:>7} {share:>8.3f} {refused:>8}"
              f"{'' if good else '  out of bounds'}")
    return wrong


def show_rules(title, rules):
    print(f"\n{title}")
    for (number, name), count in sorted(rules.items(), key=lambda item: -item[1]):
        print(f"{count:>8}  {number}  {name}")


def show_lines(lists, count):
    """The lines that are on the wrong side of each list."""
    for one in lists:
        wrong = [line for number, line in enumerate(one.lines)
                 if (number in one.found) == one.is_benign]
        print(f"\n{one.path}: {len(wrong)} {'false' if one.is_benign else 'missed'}")
        for line in wrong[:count]:
            print("   ", line.decode("utf-8", "backslashreplace"))


def arguments():
    parser = argparse.ArgumentParser(prog="recall.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluiced", default="build/sluiced")
    parser.add_argument("--rules", nargs="+", required=True, metavar="PACK")
    parser.add_argument("--lists", nargs="+", required=True, metavar="CLASS=FILE")
    parser.add_argument("--half", choices=("all", "even", "odd"), default="all")
    parser.add_argument("--place", default="mixed",
                        choices=("mixed", "query", "form", "json", "cookie", "referer"))
    parser.add_argument("--mislabelled", metavar="REGEX",
                        help="benign lines that match are attacks, and left out")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="so many wrong lines a list")
    parser.add_argument("--per-rule", action="store_true", help="how often each rule hit")
    parser.add_argument("--gate", action="store_true", help=f"at least {RECALL_MIN} %% found, at most "
                        f"{FALSE_MAX} %% false, none refused that is benign")
    return parser.parse_args()


def main():
    options = arguments()
    lists = [List(text) for text in options.lists]
    mislabelled = re.compile(options.mislabelled.encode()) if options.mislabelled else None
    for one in lists:
        one.read(options.half, mislabelled)
    measurement = Measurement(lists, options.place)
    with tempfile.TemporaryDirectory(prefix="sluice-recall-") as folder:
        capture = pathlib.Path(folder) / "requests.pcap"
        measurement.write(capture)
        undecided = replay(options.sluiced, options.rules, capture, folder)
        measurement.read(pathlib.Path(folder) / "eve.json")
    show_lists(lists)
    wrong = judge_classes(lists)
    print(f"\nrules that a limit left undecided: {undecided}")
    print("\nAttacks by place")
    for where, lines, found in measurement.places():
        print(f"  {where:<8} {lines:>7} {found:>7} {percent(found, lines):>8.3f}")
    if options.per_rule:
        show_rules("Alerts of attacks, by rule", measurement.rules)
        show_rules("False alerts, by rule", measurement.false_rules)
    if options.show:
        show_lines(lists, options.show)
    return 1 if options.gate and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
