#!/usr/bin/python3
"""processes_test.py BUILD_DIR: the gateway's two processes killed under load, and wrong starts.

A stream of numbered datagrams far below capacity runs while the control process is killed; every
one must arrive. Five gateways share the thirty kills, because the pause before a restart grows.
"""
import ctypes
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time

from trial import (SMALL, TRAFFIC, LabError, lab_network, links_of, main, residue, wait_until)

SERVER4 = lab_network.SERVER_IP4
RATE = 2000
KILLS_PER_GATEWAY = 6
HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
HUGEPAGES_NEEDED = 128


# -- a stream and what became of it ----------------------------------------------------------------

class Stream:
    """Numbered datagrams from client to server for as long as the block runs."""

    def __init__(self, lab):
        self.lab = lab
        self.ready, self.over = lab.directory / "tallying", lab.directory / "stream-over"
        self.sent = self.numbers = self.datagrams = 0

    def __enter__(self):
        for path in (self.ready, self.over):
            path.unlink(missing_ok=True)
        self.backlog_drops = backlog_drops()
        self.tally = self._python(self.lab.server, "udp-tally", "5000", self.ready)
        wait_until(self.ready.exists, 20, "the tally")
        self.sender = self._python(self.lab.client, "udp-stream", SERVER4, "5000", RATE, self.over)
        return self

    def _python(self, namespace, *arguments):
        return self.lab.spawn(namespace, "/usr/bin/python3", TRAFFIC, *arguments,
                              stdout=subprocess.PIPE, text=True)

    def __exit__(self, *_):
        self.over.touch()
        self.sent = int(self.sender.communicate(timeout=60)[0])
        self.numbers, self.datagrams = map(int, self.tally.communicate(timeout=60)[0].split())
        self.backlog_drops = backlog_drops() - self.backlog_drops

    def check(self, trial, name):
        """What the kernel's own queues dropped, on a machine without time for them, is not ours."""
        lost = self.sent - self.numbers
        trial.note(f"{name}: {self.sent} datagrams sent, {lost} lost")
        trial.check(f"{name}: no datagram is lost",
                    0 <= lost <= self.backlog_drops and self.sent > 0,
                    f"{lost} of {self.sent} lost, {self.backlog_drops} by the kernel's backlog")
        trial.check(f"{name}: no datagram comes twice", self.datagrams == self.numbers,
                    self.datagrams)


def backlog_drops():
    """Second column, over all CPUs."""
    rows = pathlib.Path("/proc/net/softnet_stat").read_text(encoding="ascii").splitlines()
    return sum(int(row.split()[1], 16) for row in rows)


# -- the control process ---------------------------------------------------------------------------

def control_of(pid):
    """The control process of a gateway, or None while there is none."""
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in path.read_text(encoding="ascii").split():
                command = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if b"control" in command:
                    return int(child)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


def next_control(pid, before):
    """The pid of the control process that follows `before`."""
    found = []

    def is_there():
        control = control_of(pid)
        if control not in (None, before):
            found.append(control)
        return bool(found)

    wait_until(is_there, 60, "a new control process")
    return found[0]


def kill_controls(pid, times):
    """Each as soon as it is there, so some die while they start."""
    control = None
    for _ in range(times):
        control = next_control(pid, control)
        os.kill(control, signal.SIGKILL)
    return next_control(pid, control)


def stop_control(trial, pid):
    """SIGSTOP: the keeper hears nothing of it for 5 s and starts another."""
    control = next_control(pid, None)
    os.kill(control, signal.SIGSTOP)
    after = next_control(pid, control)
    trial.check("a control process that hangs is replaced", after != control)


def events_go_on(trial, lab, name):
    seen = len(lab.events("stats"))
    wait_until(lambda: len(lab.events("stats")) > seen + 1, 60, "statistics after the restart")
    trial.check(f"{name}: events go on", True)


def confined(trial, lab, name):
    """What the control process has of the wire process: pages that it reads, and its own filter."""
    control = control_of(lab.daemon.pid)
    maps = pathlib.Path(f"/proc/{control}/maps").read_text().splitlines()
    rights = {what: {line.split()[1] for line in maps if what in line}
              for what in ("sluice-window", "sluice-tails")}
    trial.check(f"{name}: the control process can write the lanes' tails and nothing else",
                rights == {"sluice-window": {"r--s"}, "sluice-tails": {"rw-s"}}, rights)
    filters = [int(re.search(r"Seccomp_filters:\s*(\d+)", pathlib.Path(
        f"/proc/{pid}/status").read_text())[1]) for pid in (lab.daemon.pid, control)]
    trial.check(f"{name}: the control process has a filter beside the inherited one",
                filters[1] == filters[0] + 1, filters)


def disturbed(trial, lab, name, hangs=False):
    """A gateway runs: its control process dies again and again, and the stream does not notice."""
    pid = lab.daemon.pid
    confined(trial, lab, name)
    with Stream(lab) as stream:
        if hangs:
            stop_control(trial, pid)
        kill_controls(pid, KILLS_PER_GATEWAY)
        events_go_on(trial, lab, name)
    stream.check(trial, name)
    trial.check(f"{name}: the wire process is the same", lab.daemon.poll() is None)
    killed = lab.log().count("was killed by signal 9")
    trial.check(f"{name}: the log tells of each kill",
                killed == KILLS_PER_GATEWAY + (1 if hangs else 0), lab.log())


def ended(trial, lab, name):
    """Stops it; all of the stream's packets are in the counters that a restarted process wrote."""
    trial.stop(lab, name)
    counters = trial.check_equations(lab, name)
    trial.check(f"{name}: nothing was refused", counters.get("dropped") == 0,
                counters.get("dropped_by_reason"))


def killed(trial, lab, name):
    """kill -9 of the wire process takes its control process with it."""
    pid = lab.daemon.pid
    lab.daemon.kill()
    lab.daemon.wait()
    lab.daemon = None

    def alone():
        return not lab_network.sh("ip", "netns", "pids", lab.gateway).stdout.split()

    try:
        wait_until(alone, 20, "the end of the control process")
    except LabError:
        pass
    trial.check(f"{name}: kill -9 leaves no process", alone())
    return pid


def pings(trial, lab, name):
    trial.check(f"{name}: ping", lab.ping(SERVER4, 3) == 3)


# -- the trials ------------------------------------------------------------------------------------

def no_complaint(trial, lab, name):
    wrong = [line for line in lab.log().splitlines() if "error" in line]
    trial.check(f"{name}: the log has no error", not wrong, "; ".join(wrong))


def without_hugepages(trial, lab):
    name = "without hugepages"
    trial.start(lab, lab.configuration(extra=SMALL))
    no_complaint(trial, lab, name)
    disturbed(trial, lab, name, hangs=True)
    ended(trial, lab, name)


class ReservedHugepages:
    """Enough free pages while the block runs; afterwards as many fewer as were added."""

    def __enter__(self):
        self.added = max(0, HUGEPAGES_NEEDED - int((HUGEPAGES / "free_hugepages").read_text()))
        self._change(self.added)
        return int((HUGEPAGES / "free_hugepages").read_text()) >= HUGEPAGES_NEEDED

    def __exit__(self, *_):
        self._change(-self.added)

    @staticmethod
    def _change(by):
        if by:
            path = HUGEPAGES / "nr_hugepages"
            path.write_text(str(int(path.read_text()) + by))


def with_hugepages_and_killed(trial, lab, kind):
    name = f"{kind} with hugepages"
    configuration = lab.configuration(kind, "memory: {budget: 256MiB, hugepages: require}")
    trial.start(lab, configuration)
    disturbed(trial, lab, name)
    before = killed(trial, lab, name)
    trial.start(lab, configuration)
    name += ", started again"
    no_complaint(trial, lab, name)
    if kind == "af_packet":
        disturbed(trial, lab, name)
    pings(trial, lab, name)
    ended(trial, lab, name)
    left = residue(lab, before)
    trial.check(f"{name}: nothing is left of the one that was killed", not left, "; ".join(left))


def two_workers(trial, lab):
    name = "two workers and all the mbufs that there may be"
    memory = "memory: {budget: 2GiB, mbufs: 65535, hugepages: 'off'}\n"
    trial.start(lab, lab.configuration(extra=memory + "workers: {count: 2}"))
    trial.check(f"{name}: it says so", "with 2 workers" in lab.log(), lab.log())
    pings(trial, lab, name)
    disturbed(trial, lab, name)
    page = lab.exec(lab.client, "curl", "-sf", "-m", "30", f"http://{SERVER4}/", check=False)
    trial.check(f"{name}: a web page", page.returncode == 0)
    ended(trial, lab, name)


def wrong_starts(trial, lab):
    """Each ends before anything is touched, and says what to do about it."""
    good = lab.configuration(extra=SMALL)
    missing = good.replace(f"af_packet:{lab.outside}", "af_packet:nothere0")
    route = ["ip", "-n", lab.gateway, "route", "add", "default", "dev", lab.outside]
    no_route = ["ip", "-n", lab.gateway, "route", "del", "default"]
    refuse(trial, lab, "a missing interface", missing, 1,
           ["port lab.outside: interface nothere0: does not exist", "hint: ip link show"])
    refuse(trial, lab, "a file that does not exist", None, 2, ["sluice.yaml"])
    refuse(trial, lab, "bad YAML", good.replace("pairs:", "pairs: [", 1), 2,
           ["wrong.yaml:", "error:"])
    refuse(trial, lab, "an unknown key", good.replace("drop_sample", "drop_sampel"), 2,
           ["wrong.yaml:", "unknown key 'drop_sampel'", "hint: did you mean 'drop_sample'?"])
    refuse(trial, lab, "more hugepages than there are", good.replace(
        SMALL, "memory: {budget: 8GiB, mbufs: 2000000, hugepages: require}\n"), 1,
           ["hugepages:", "are free", "hint: sysctl -w vm.nr_hugepages="])
    lab_network.sh(*route)
    refuse(trial, lab, "the interface of the default route", good, None,
           [f"port lab.outside: {lab.outside} carries the default route", "hint:"])
    lab_network.sh(*no_route)


def refuse(trial, lab, name, configuration, code, words):
    """`run` ends with `code` (None: 1 or 2) and the words; what `check` finds, it finds alike."""
    path = lab.directory / ("wrong.yaml" if configuration is not None else "no-such-sluice.yaml")
    if configuration is not None:
        path.write_text(configuration)
    before = (links_of(lab), sorted(os.listdir(lab.directory)))
    run, check = (lab.exec(lab.gateway, lab.build / "sluiced", verb, "--config", path, check=False,
                           timeout=60) for verb in ("run", "check"))
    said = f"exit {run.returncode}: {run.stderr}"
    trial.check(f"{name}: ends with {code or '1 or 2'}",
                run.returncode in ((code,) if code else (1, 2)), said)
    trial.check(f"{name}: says what and how to mend it",
                all(word in run.stderr for word in words), said)
    trial.check(f"{name}: touches nothing",
                before == (links_of(lab), sorted(os.listdir(lab.directory))))
    # A check needs no ports, so it finds what is wrong with the file and nothing of the host.
    is_alike = run.stderr == check.stderr if run.returncode == 2 and check.returncode == 2 else (
        check.returncode == 0 and check.stderr == "")
    trial.check(f"{name}: `check` says the same", is_alike,
                f"exit {check.returncode}: {check.stderr}")


XDP_PASS_PROGRAM = struct.pack("<BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0)  # r0 = XDP_PASS; exit


def load_xdp_program():
    """A descriptor of a program that is not sluice's, by bpf(BPF_PROG_LOAD)."""
    code, licence = map(ctypes.create_string_buffer, (XDP_PASS_PROGRAM, b"GPL"))
    attributes = struct.pack("<IIQQ", 6, 2, ctypes.addressof(code), ctypes.addressof(licence))
    attributes = ctypes.create_string_buffer(attributes + bytes(24) + b"somebodys".ljust(16, b"\0"))
    libc = ctypes.CDLL(None, use_errno=True)
    program = libc.syscall(321, 5, attributes, 64)
    if program < 0:
        raise LabError(f"bpf: {os.strerror(ctypes.get_errno())}")
    return program


def foreign_xdp_program(trial, lab):
    """An interface on which somebody else's XDP program sits is busy too."""
    program = load_xdp_program()
    name = "somebody else's XDP program"
    number = re.search(r"prog_id:\s*(\d+)",
                       pathlib.Path(f"/proc/self/fdinfo/{program}").read_text(encoding="ascii"))[1]
    on_port = ["bpftool", "net", "attach", "xdp", "id", number, "dev", lab.outside]
    lab.exec(lab.gateway, *on_port)
    refuse(trial, lab, name, lab.configuration("af_xdp", SMALL), 1,
           [f"port lab.outside: {lab.outside} has the XDP program 'somebodys'",
            f"hint: ip link set dev {lab.outside} xdp off"])
    lab.exec(lab.gateway, "ip", "link", "set", "dev", lab.outside, "xdp", "off")
    os.close(program)


def busy_device(trial, lab):
    """A second gateway on the same ports leaves the first alone."""
    trial.start(lab, lab.configuration(extra=SMALL))
    path = lab.directory / "second.yaml"
    path.write_text((lab.directory / "sluice.yaml").read_text().replace("eve.json", "second.json"))
    before = links_of(lab)
    done = lab.exec(lab.gateway, lab.build / "sluiced", "run", "--config", path, check=False,
                    timeout=60)
    said = f"exit {done.returncode}: {done.stderr}"
    trial.check("a busy device: ends with 1", done.returncode == 1, said)
    trial.check("a busy device: says what and how to mend it",
                "another sluiced forwards over it" in done.stderr and "hint:" in done.stderr, said)
    trial.check("a busy device: touches nothing",
                before == links_of(lab) and not (lab.directory / "second.json").exists())
    pings(trial, lab, "beside a second gateway")
    trial.stop(lab, "beside a second gateway")


def timed(trial, step, *arguments):
    began = time.monotonic()
    step(*arguments)
    trial.note(f"{step.__name__}: {time.monotonic() - began:.0f} s")


def processes(trial):
    with trial.lab() as lab:
        lab.serve_http()
        timed(trial, wrong_starts, trial, lab)
        timed(trial, foreign_xdp_program, trial, lab)
        timed(trial, busy_device, trial, lab)
        timed(trial, without_hugepages, trial, lab)
        timed(trial, two_workers, trial, lab)
        with ReservedHugepages() as has_hugepages:
            trial.check("hugepages can be reserved", has_hugepages)
            for kind in ("af_packet", "af_xdp"):
                timed(trial, with_hugepages_and_killed, trial, lab, kind)


if __name__ == "__main__":
    sys.exit(main("p", processes))
