"""A gateway between two hosts, made of network namespaces: client -- gateway -- server.

Used by scripts/lab, scripts/quickstart and the integration tests. All it makes is named after `prefix`
and is gone after `down()`; processes are ended by pid. Needs root, iproute2 and ethtool.
"""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIENT_IP4, SERVER_IP4 = "10.77.0.1", "10.77.0.2"
CLIENT_IP6, SERVER_IP6 = "fd77::1", "fd77::2"


class LabError(Exception):
    """Something the lab needs could not be had; the message says what and how to mend it."""


def wait_until(condition, seconds, what):
    """Polls `condition` every 20 ms; raises LabError when it is not true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise LabError(f"{what}: not within {seconds} s")


def sh(*command, check=True, **options):
    """Runs a command to its end and returns the finished process with text output."""
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True,
                          errors="replace", **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))}: exit {done.returncode}: "
                       f"{(done.stderr or done.stdout).strip()}")
    return done


class Lab:
    """Namespaces PREFIX-c, PREFIX-g, PREFIX-s with a veth pair on each side of the gateway."""

    def __init__(self, prefix="sluice", mtu=1500, build=ROOT / "build", ends_with_us=False):
        """`ends_with_us`: should this process be killed, the kernel ends what it started."""
        self.prefix, self.mtu, self.build = prefix, mtu, pathlib.Path(build)
        self.preparation = end_with_parent if ends_with_us else None
        self.client, self.gateway, self.server = (f"{prefix}-{end}" for end in "cgs")
        self.outside, self.inside = f"{prefix}-out", f"{prefix}-in"
        self.directory = None
        self.processes = []
        self.daemon = None
        self.log_before = 0  # bytes of the log that an earlier start wrote

    # -- network --------------------------------------------------------------------------------

    def up(self):
        if os.geteuid() != 0:
            raise LabError("network namespaces need root: run it as root")
        self.down()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        for name in (self.client, self.gateway, self.server):
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        self._wire(self.client, self.outside, CLIENT_IP4, CLIENT_IP6, "02:00:00:00:00:0a")
        self._wire(self.server, self.inside, SERVER_IP4, SERVER_IP6, "02:00:00:00:00:0b")
        return self

    def _wire(self, host, port, ip4, ip6, mac):
        """One veth pair: `port` in the gateway's namespace, eth0 at the host."""
        far = f"{port}-far"
        sh("ip", "-n", self.gateway, "link", "add", port, "type", "veth", "peer", "name", far)
        sh("ip", "-n", self.gateway, "link", "set", far, "netns", host)
        sh("ip", "-n", host, "link", "set", far, "name", "eth0", "address", mac, "mtu", self.mtu)
        # The gateway passes frames as they are: it must not answer for itself on these ports.
        self.sysctl(self.gateway, f"net.ipv6.conf.{port}.disable_ipv6=1")
        self.sysctl(host, "net.ipv6.conf.eth0.accept_dad=0")
        sh("ip", "-n", self.gateway, "link", "set", port, "mtu", self.mtu, "up")
        sh("ip", "-n", host, "link", "set", "eth0", "up")
        sh("ip", "-n", host, "addr", "add", f"{ip4}/24", "dev", "eth0")
        sh("ip", "-n", host, "addr", "add", f"{ip6}/64", "dev", "eth0", "nodad")
        # A veth leaves checksums to hardware that is not there; on the wire they must be right.
        self.exec(host, "ethtool", "-K", "eth0", "tx", "off")

    def sysctl(self, namespace, setting):
        self.exec(namespace, "sysctl", "-qw", setting)

    def down(self):
        self.stop_gateway()
        for process in reversed(self.processes):
            end(process)
        self.processes.clear()
        for name in (self.client, self.gateway, self.server):
            if os.path.exists(f"/run/netns/{name}"):
                sh("ip", "netns", "del", name, check=False)
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    # -- processes ------------------------------------------------------------------------------

    def exec(self, namespace, *command, check=True, **options):
        return sh("nsenter", f"--net=/run/netns/{namespace}", *command, check=check, **options)

    def spawn(self, namespace, *command, **options):
        """Starts a process that `down()` ends; its output goes nowhere unless told otherwise."""
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}",
                                    *map(str, command)], stdin=subprocess.DEVNULL,
                                   preexec_fn=self.preparation, **options)
        self.processes.append(process)
        return process

    def ping(self, address, count, *options):
        """How many of `count` echo requests from the client are answered. One after another: of
        several in one run, ping waits for the last no longer than two round trips."""
        return sum(self.exec(self.client, "ping", "-c", "1", "-W", "10", *options, address,
                             check=False).returncode == 0 for _ in range(count))

    def serve_http(self, files=None):
        """nginx at the server with `files` (name -> bytes); returns when it answers."""
        site = self.directory / "www"
        site.mkdir(exist_ok=True)
        for name, content in {"index.html": b"hello from behind the gateway\n",
                              **(files or {})}.items():
            (site / name).write_bytes(content)
        conf = self.directory / "nginx.conf"
        conf.write_text(
            f"pid {self.directory}/nginx.pid; error_log stderr crit; daemon off;\n"
            "worker_processes 1; events { worker_connections 1024; }\n"
            "http { access_log off; "
            f"client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy; "
            f"fastcgi_temp_path {self.directory}/fcgi; uwsgi_temp_path {self.directory}/uwsgi; "
            f"scgi_temp_path {self.directory}/scgi;\n"
            f"server {{ listen 80; listen [::]:80; root {site}; }} }}\n")
        os.chmod(self.directory, 0o755)
        self.spawn(self.server, "nginx", "-c", conf, "-p", self.directory)
        wait_until(lambda: self.exec(self.server, "curl", "-sf", "-o", "/dev/null",
                                     f"http://{SERVER_IP4}/", check=False).returncode == 0,
                   10, "nginx at the server")

    # -- the gateway ----------------------------------------------------------------------------

    def configuration(self, kind="af_packet", extra="", **pair):
        """YAML of a gateway between the two ports; `extra` is appended at the top level."""
        lines = [f"    {key}: {value}" for key, value in {"mtu": self.mtu, **pair}.items()]
        return "\n".join([
            "pairs:",
            "  - name: lab",
            f"    outside: {{device: '{kind}:{self.outside}'}}",
            f"    inside: {{device: '{kind}:{self.inside}'}}",
            *lines,
            "events:",
            f"  eve: {self.directory}/eve.json",
            "  drop_sample: 1",
            "  stats_interval: 1s",
            "control:",
            "  user: ''",
            f"  state_dir: {self.directory}/state",
            f"  run_dir: {self.directory}/run",
            extra, ""])

    def start_gateway(self, configuration, seconds=15):
        """Starts `sluiced run` and returns once it says that it forwards."""
        path = self.directory / "sluice.yaml"
        path.write_text(configuration)
        with open(self.directory / "sluiced.log", "ab") as log:
            self.log_before = log.tell()
            self.daemon = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.gateway}", str(self.build / "sluiced"), "run",
                 "--config", str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=self.preparation)
        wait_until(lambda: "forwarding" in self.log() or self.daemon.poll() is not None, seconds,
                   "the gateway's start")
        if self.daemon.poll() is not None:
            raise LabError(f"sluiced ended with {self.daemon.returncode}:\n{self.log()}")
        return self.daemon

    def stop_gateway(self, seconds=5):
        """SIGTERM and wait; returns the exit status, or None where none ran."""
        if self.daemon is None:
            return None
        daemon, self.daemon = self.daemon, None
        return end(daemon, seconds)

    def log(self):
        """What the gateway has said since its latest start."""
        path = self.directory / "sluiced.log"
        said = path.read_bytes()[self.log_before:] if path.exists() else b""
        return said.decode(errors="replace")

    def refused_by_reason(self):
        """Of the newest statistics: reason -> packets."""
        stats = self.events("stats")
        return stats[-1]["sluice"]["dropped_by_reason"] if stats else {}

    def events(self, event_type=None):
        """What the gateway has written to eve.json so far."""
        path = self.directory / "eve.json"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # What follows the last line end is still being written.
        events = [json.loads(line) for line in text.split("\n")[:-1] if line]
        return [e for e in events if event_type is None or e["event_type"] == event_type]


def end_with_parent():
    """Called in a child before it becomes another program: it gets SIGKILL when its parent ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def end(process, seconds=5):
    """Ends one process by pid: SIGTERM, and SIGKILL when it does not listen."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode
