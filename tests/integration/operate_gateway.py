"""A gateway with all that operators have around it: its notify socket, its load, its file."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

from operate_link import Control, Refused, page
from operate_load import CLIENT, PROBES, SERVER
from processes_test import backlog_drops, control_of
from trial import SMALL, LabError, sh, wait_until

HERE = pathlib.Path(__file__).resolve().parent
ALLOWED, BLOCKED, SPARE = "10.77.0.21", "10.77.0.22", "10.77.0.23"
METRICS_PORT = 9464
DISK_BYTES = 256 << 20
RECEIVES = "rx_descriptors: 4096"  # a worker may be kept from running for a second
DAEMON, OPERATORS = "games", "users"  # users and groups that every Debian has
NOBODY = 65534


class Notices(threading.Thread):
    """What the gateway tells its service manager, with the time."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.heard = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.environ.update(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="2000000")

    def run(self):
        while True:
            for line in self.socket.recv(4096).decode().splitlines():
                self.heard.append((time.monotonic(), line))

    def count(self, line, since=0.0):
        return sum(1 for when, heard in list(self.heard) if heard == line and when >= since)

    def close(self):
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
            os.environ.pop(name, None)


class Traffic:
    """The process of operate_load.py."""

    def __init__(self, lab):
        self.lab = lab
        self.process = subprocess.Popen(
            ["/usr/bin/python3", HERE / "operate_load.py", lab.client, lab.server],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lab.preparation)
        lab.processes.append(self.process)
        self.lost = dict.fromkeys(PROBES, 0)
        self.sent = 0
        self.backlog = backlog_drops()
        self.mark()

    def mark(self, word="mark"):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        self.lost = {probe: self.lost[probe] + told[probe]["lost"] for probe in PROBES}
        self.sent += told["up"]["sent"] + told["down"]["sent"]
        return told

    def check(self, trial, name, word="mark"):
        """What the kernel's own queues dropped, on a machine without time for them, is not ours."""
        told, backlog = self.mark(word), backlog_drops()
        lost = told["up"]["lost"] + told["down"]["lost"]
        sent, tcp = told["up"]["sent"] + told["down"]["sent"], told["tcp"]
        trial.note(f"{name}: {sent} datagrams, {lost} lost; {tcp['good']} TCP transfers, "
                   f"the slowest {tcp['slowest']} s")
        trial.check(f"{name}: no datagram is lost", lost <= backlog - self.backlog and sent > 0,
                    told)
        trial.check(f"{name}: none comes twice",
                    told["up"]["unasked"] + told["down"]["unasked"] == 0, told)
        trial.check(f"{name}: every TCP transfer comes back whole", tcp["bad"] == 0, tcp)
        self.backlog = backlog
        return told


class Gateway:
    """Programs of its own, so that they can be replaced, and a small disk of its own."""

    def __init__(self, trial, lab):
        self.trial, self.lab = trial, lab
        self.directory = lab.directory
        os.chmod(self.directory, 0o755)
        self.programs, self.disk = self.directory / "bin", self.directory / "disk"
        for made in (self.programs, self.disk):
            made.mkdir()
        for name in ("sluiced", "sluicectl"):
            shutil.copy2(trial.build / name, self.programs / name)
        lab.build = self.programs
        sh("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.disk)
        for address in (*PROBES, ALLOWED, BLOCKED, SPARE):
            sh("ip", "-n", lab.client, "addr", "add", f"{address}/24", "dev", "eth0")
        for host, far, mac in ((lab.client, SERVER, "0b"), (lab.server, CLIENT, "0a")):
            sh("ip", "-n", host, "neigh", "replace", far, "lladdr", f"02:00:00:00:00:{mac}", "dev",
               "eth0", "nud", "permanent")
        self.notices = Notices(self.directory / "notify")
        self.notices.start()
        self.socket = self.directory / "run/control.sock"
        self.path = self.directory / "sluice.yaml"

    def down(self):
        self.notices.close()
        self.lab.stop_gateway(20)
        sh("umount", "-l", self.disk, check=False)

    def configuration(self, denied=PROBES[0], extra="mode: enforce"):
        return "\n".join([
            "pairs:", "  - name: lab",
            f"    outside: {{device: 'af_packet:{self.lab.outside}', {RECEIVES}}}",
            f"    inside: {{device: 'af_packet:{self.lab.inside}', {RECEIVES}}}",
            SMALL, extra,
            f"lists: {{allow: {{source: [{ALLOWED}]}}, deny: {{source: [{denied}]}}}}",
            "limits: {source: {packets: 500k/s}}",
            "sets: [{name: watched, kind: domain}]",
            f"events: {{eve: {self.disk}/eve.json, drop_sample: 1, stats_interval: 1s}}",
            f"metrics: {{listen: '127.0.0.1:{METRICS_PORT}'}}",
            f"control: {{user: {DAEMON}, state_dir: {self.disk}/state,",
            f"  run_dir: {self.directory}/run, socket_group: {DAEMON},",
            f"  operator_group: {OPERATORS}}}", ""])

    def write(self, text):
        """In one step, as an editor does."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)

    def start(self, text=None):
        self.lab.start_gateway(text or self.configuration(), 60)
        return self.lab.daemon.pid

    def control(self):
        return Control(self.socket)

    def control_pid(self):
        return control_of(self.lab.daemon.pid)

    def page(self, path):
        return page(self.lab.gateway, METRICS_PORT, path)

    def page_or_nothing(self, path):
        try:
            return self.page(path)
        except OSError:
            return 0, ""

    def ctl(self, *words, before=(), **options):
        """sluicectl, to its end."""
        environment = {**os.environ, "COLUMNS": "80"}
        return subprocess.run([*map(str, before), str(self.programs / "sluicectl"), "--socket",
                               str(self.socket), *map(str, words)], text=True, env=environment,
                              capture_output=True, timeout=90, **options)

    def as_nobody(self, *groups):
        """The beginning of a command that another user runs."""
        given = ("--groups", ",".join(groups)) if groups else ("--clear-groups",)
        return ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, *given)

    def events(self, event_type):
        path = self.disk / "eve.json"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        wanted = f'"event_type":"{event_type}"'
        return [json.loads(line) for line in text.split("\n")[:-1] if wanted in line]

    def resident(self, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    @staticmethod
    def wait(condition, seconds, what):
        """True where the condition came true in time. A daemon that is not there is asked again."""
        def holds():
            try:
                return condition()
            except (OSError, Refused):
                return False
        try:
            wait_until(holds, seconds, what)
            return True
        except LabError:
            return False
