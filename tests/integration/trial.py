"""What the tests in namespaces share: counting promises, a lab of one's own, looking for residue.

A test is a function that gets a Trial. It never sleeps for a fixed time and asserts no time of
traffic: these run while the machine compiles. Times that sluice promises are printed.
"""
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import lab_network  # noqa: E402
from lab_network import Lab, LabError, sh, wait_until  # noqa: E402

TRAFFIC = ROOT / "scripts/traffic.py"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# A small gateway that does not depend on what else uses hugepages on this host.
SMALL = "memory: {budget: 256MiB, hugepages: 'off'}\n"


def in_base_36(number):
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


class Trial:
    """Counts promises. `letter` begins the names of the labs, which carry the test's pid."""

    def __init__(self, letter, build):
        self.letter, self.build = letter, pathlib.Path(build).resolve()
        self.passed = self.failed = 0
        self.lab_now = None

    def check(self, promise, is_kept, detail=""):
        self.passed += 1 if is_kept else 0
        self.failed += 0 if is_kept else 1
        print(f"{'ok  ' if is_kept else 'FAIL'} {promise}"
              f"{f': {detail}' if detail != '' and not is_kept else ''}", flush=True)
        return is_kept

    def note(self, text):
        print(f"     {text}", flush=True)

    def lab(self, mtu=1500):
        """A lab that is gone when the test is, even if the test is killed."""
        remove_orphans(self.letter)
        self.lab_now = Lab(f"{self.letter}_{in_base_36(os.getpid())}", mtu, self.build,
                           ends_with_us=True)
        return self.lab_now

    # -- the gateway's start and stop -----------------------------------------------------------

    def start(self, lab, configuration):
        """Starts the gateway with a new event file; returns its pid."""
        (lab.directory / "eve.json").unlink(missing_ok=True)
        began = time.monotonic()
        lab.start_gateway(configuration, 60)
        self.note(f"forwards after {time.monotonic() - began:.2f} s")
        return lab.daemon.pid

    def stop(self, lab, name):
        """SIGTERM: exit status 0, nothing left. Returns the seconds it took."""
        pid = lab.daemon.pid
        began = time.monotonic()
        code = lab.stop_gateway(20)
        seconds = time.monotonic() - began
        self.note(f"{name}: SIGTERM took {seconds:.2f} s")
        self.check(f"{name}: SIGTERM ends it with 0", code == 0, f"{code}, log:\n{lab.log()}")
        left = residue(lab, pid)
        self.check(f"{name}: nothing is left", not left, "; ".join(left))
        return seconds

    def check_equations(self, lab, name):
        """The newest statistics add up, over all packets and over the ports."""
        stats = lab.events("stats")
        if not self.check(f"{name}: statistics were written", bool(stats)):
            return {}
        newest = stats[-1]
        counters = newest["sluice"]
        received = newest["stats"]["decoder"]["pkts"]
        dropped, forwarded = counters["dropped"], counters["forwarded"]
        self.check(f"{name}: rx = forwarded + dropped + held",
                   received == forwarded + dropped + counters["held"] and received > 0, counters)
        self.check(f"{name}: dropped is the sum over reasons",
                   dropped == sum(counters["dropped_by_reason"].values()), counters)
        ports = counters["ports"].values()
        self.check(f"{name}: the ports' rx is the sum",
                   sum(port["rx_packets"] for port in ports) == received, counters["ports"])
        self.check(f"{name}: the ports' tx is forwarded + generated",
                   sum(port["tx_packets"] for port in ports) == forwarded + counters["generated"],
                   counters["ports"])
        return counters


def remove_orphans(letter):
    """What tests left that were killed; their processes ended with them."""
    def orphans(directory):
        for path in pathlib.Path(directory).glob(f"{letter}_*-*"):
            match = re.match(rf"{letter}_([0-9a-z]{{1,5}})-", path.name)
            if match and not os.path.exists(f"/proc/{int(match[1], 36)}"):
                yield path

    for namespace in orphans("/run/netns"):
        sh("ip", "netns", "del", namespace.name, check=False)
    for directory in orphans(tempfile.gettempdir()):
        shutil.rmtree(directory, ignore_errors=True)


def links_of(lab):
    """State of all interfaces in the gateway's namespace, without counters."""
    text = sh("ip", "-n", lab.gateway, "-d", "-o", "link", "show").stdout
    offloads = "".join(lab.exec(lab.gateway, "ethtool", "-k", port).stdout
                       for port in (lab.outside, lab.inside))
    return text + offloads


def residue(lab, pid):
    """What a gateway that ended left behind, as sentences."""
    left = []
    text = sh("ip", "-n", lab.gateway, "-d", "-o", "link", "show").stdout
    left += [f"XDP program: {line}" for line in text.splitlines() if "xdp" in line]
    left += [f"promiscuous: {line}" for line in text.splitlines()
             if re.search(r"promiscuity [1-9]", line)]
    for directory in ("/var/run/dpdk", "/dev/hugepages"):
        left += [str(path) for path in pathlib.Path(directory).glob(f"*sluice-{pid}*")]
    children = sh("ip", "netns", "pids", lab.gateway, check=False).stdout.split()
    left += [f"process {child}" for child in children]
    return left


def python(lab, namespace, *arguments, **options):
    """Runs a verb of scripts/traffic.py to its end; returns what it printed."""
    return lab.exec(namespace, "/usr/bin/python3", TRAFFIC, *arguments, **options).stdout


def main(letter, test):
    """Runs `test(trial)`, cleans up whatever happens, and prints the closing line."""
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} BUILD_DIR", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("needs root\n0 passed, 0 failed, 1 skipped")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    trial = Trial(letter, sys.argv[1])
    try:
        test(trial)
    except Exception:  # a test that cannot go on has failed, and says where
        log = trial.lab_now.log() if trial.lab_now and trial.lab_now.directory else ""
        trial.check("the test runs to its end", False, f"{traceback.format_exc()}\n{log}")
    finally:
        if trial.lab_now:
            trial.lab_now.down()
    print(f"{trial.passed} passed, {trial.failed} failed")
    return 1 if trial.failed or not trial.passed else 0
