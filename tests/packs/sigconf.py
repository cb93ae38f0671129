#!/usr/bin/env python3
"""Rules of Suricata with captures and the alerts that Suricata raises: does sluice raise the same?

    tests/packs/sigconf.py --expected sigconf-expected.csv --root DIR

The table has the columns dir, pcap, sid, expected_count, simple and args; a directory below --root holds
rules (*.rules) and captures. Only checks with simple=1 count. A rule that is not imported, and one about
what --without names, is skipped and told; the others are imported as written and replayed in mode
monitor, which is how a sensor looks at packets.
"""
import argparse
import collections
import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HOME = "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"
VARIABLES = {
    "HOME_NET": HOME, "EXTERNAL_NET": "!" + HOME,
    "HTTP_SERVERS": HOME, "SMTP_SERVERS": HOME, "SQL_SERVERS": HOME,
    "DNS_SERVERS": HOME, "TELNET_SERVERS": HOME, "HTTP_PORTS": "80",
    "SHELLCODE_PORTS": "!80", "ORACLE_PORTS": "1521", "SSH_PORTS": "22",
}
CONFIG = "mode: monitor\nflows:\n  midstream: {midstream}\n  midstream_grace: 0s\n"
SID = re.compile(r"\bsid\s*:\s*(\d+)")


class Row:
    """One check of the table."""

    def __init__(self, columns):
        self.directory, self.capture = columns["dir"], columns["pcap"]
        self.sid, self.expected = int(columns["sid"]), int(columns["expected_count"])
        self.arguments = columns["args"]
        self.counted, self.skipped = None, ""

    def is_equal(self):
        return self.counted == self.expected


def rule_texts(files):
    """The enabled rules by sid."""
    texts = {}
    for file in files:
        joined = re.sub(r"\\\r?\n", " ", file.read_text(errors="replace"))
        for line in joined.split("\n"):
            found = SID.search(line)
            if found and not line.lstrip().startswith("#"):
                texts[int(found.group(1))] = line
    return texts


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)


class Directory:
    """The checks of one directory and capture, as one import and one replay."""

    def __init__(self, sluiced, root, rows):
        self.sluiced, self.rows = sluiced, rows
        self.folder = root / rows[0].directory
        self.files = sorted(self.folder.glob("*.rules"))

    def measure(self, without):
        texts = rule_texts(self.files)
        for row in self.rows:
            if row.sid not in texts:
                row.skipped = "no such rule"
            elif without and without.search(texts[row.sid]):
                row.skipped = f"about {without.search(texts[row.sid]).group(0).strip()}"
        with tempfile.TemporaryDirectory(prefix="sluice-sigconf-") as work:
            self._replay(pathlib.Path(work))

    def _replay(self, work):
        variables = [word for name, value in VARIABLES.items() for word in ("--var", f"{name}={value}")]
        pack, report = work / "pack.yaml", work / "report.json"
        run(self.sluiced, "rules", "import", "suricata", *self.files, "--out", pack, "--report", report,
            "--as-is", *variables)
        if not report.is_file():
            return self._skip_all("the import failed")
        self._skip_refused(json.loads(report.read_text()))
        arguments = self.rows[0].arguments
        config = work / "sluice.yaml"
        is_midway = "midstream=true" in arguments or "async-oneside=true" in arguments
        config.write_text(CONFIG.format(midstream="pass" if is_midway else "drop_packet"))
        done = run(self.sluiced, "replay", "--config", config, "--rules", pack, "--in",
                   self.folder / self.rows[0].capture, "--out", work)
        if done.returncode != 0:
            return self._skip_all("the replay failed: " + done.stderr.strip().split("\n")[0][:100])
        self._count(work / "eve.json")

    def _skip_all(self, reason):
        for row in self.rows:
            row.skipped = row.skipped or reason

    def _skip_refused(self, report):
        refused = {entry["sid"]: f"refused: {entry['keyword']}" for entry in report["refused"]}
        for row in self.rows:
            row.skipped = row.skipped or refused.get(row.sid, "")

    def _count(self, events):
        counts = collections.Counter()
        for text in open(events, encoding="utf-8", errors="replace"):
            if '"event_type":"alert"' in text:
                counts[json.loads(text)["alert"]["signature_id"]] += 1
        for row in self.rows:
            row.counted = counts[row.sid]


def arguments():
    parser = argparse.ArgumentParser(prog="sigconf.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluiced", default="build/sluiced")
    parser.add_argument("--expected", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--without", default="", metavar="REGEX",
                        help="leave out rules whose text has this")
    parser.add_argument("--show-skipped", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    without = re.compile(options.without) if options.without else None
    groups = collections.defaultdict(list)
    with open(options.expected, newline="") as table:
        for columns in csv.DictReader(table):
            if columns["simple"] == "1":
                groups[columns["dir"], columns["pcap"]].append(Row(columns))
    for rows in groups.values():
        Directory(options.sluiced, options.root, rows).measure(without)
    rows = [row for group in groups.values() for row in group]
    judged = [row for row in rows if not row.skipped]
    equal = [row for row in judged if row.is_equal()]
    for row in judged:
        if not row.is_equal():
            print(f"{row.directory} {row.capture} sid {row.sid}: {row.counted}, "
                  f"where {row.expected} were to come")
    reasons = collections.Counter(row.skipped for row in rows if row.skipped)
    print("\nskipped: " + ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()))
    if options.show_skipped:
        for row in rows:
            if row.skipped:
                print(f"  {row.directory} sid {row.sid}: {row.skipped}")
    print(f"{len(equal)} of {len(judged)} checks equal, {len(rows) - len(judged)} skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
