#!/usr/bin/python3
"""A fresh Debian 12 host, made by debootstrap, follows docs/start.md: what the page says is typed
as it stands there, and ends with a gateway that is installed, runs under the unit's own restrictions
and is scraped. Then an upgrade, the runbook's commands, and the way back. Takes one to three minutes.

systemd is not process 1 here: `systemctl` in that host asks this test, which starts the installed
unit with unit_launcher.py. The base system is kept as BUILD/debian-12.tar for the next run.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from trial import ROOT, LabError, main, sh, wait_until  # noqa: E402
from lab_network import SERVER_IP4, end, end_with_parent  # noqa: E402

EXPOSURE_MAX = 2.5
CAPABILITIES = 1 << 12 | 1 << 13  # net_admin, net_raw
HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
SYSTEMCTL = """#!/bin/sh
# Asks the test that made this host; a question of what systemctl itself started cannot wait for that.
case "$1" in is-active) [ -e /run/systemctl.active ] || exit 3; exit 0 ;; esac
exec 9>/run/systemctl.lock; flock 9
echo "$*" >/run/systemctl.asked
read -r code </run/systemctl.answer
exit "$code"
"""


def commands_of(page):
    """What a page tells its reader to type: blocks indented under a numbered step."""
    steps = re.split(r"^\d+\. ", page, flags=re.M)[1:]
    blocks = []
    for step in steps:
        lines = re.findall(r"^ {7}(.*)$", step, flags=re.M)
        if lines:
            blocks.append("\n".join(lines))
    return blocks


class NotifySocket:
    """The other end of sd_notify: remembers what the service said, with the time it came."""

    def __init__(self, path):
        self.said = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            for line in self.socket.recv(4096).decode().splitlines():
                self.said.append((time.monotonic(), line))

    def count(self, word):
        return sum(line.startswith(word) for _, line in list(self.said))


def launch(host, unit, start=subprocess.run, **options):
    """A unit as systemd would start it on that host; see unit_launcher.py."""
    if start is subprocess.run:
        options["text"] = True
    return start(["nsenter", f"--net=/run/netns/{host.lab.gateway}", "/usr/bin/python3",
                  ROOT / "tests/integration/unit_launcher.py", host.root, unit, "/run/systemd/notify"],
                 stdin=subprocess.DEVNULL, **options)


class Host:
    """The debootstrapped host. Its network is the gateway's namespace of the lab."""

    def __init__(self, trial, lab):
        self.trial, self.lab = trial, lab
        self.root = lab.directory / "host"
        self.asked, self.daemon, self.prometheus, self.notify = [], None, None, None

    def debootstrap(self):
        base = self.trial.build / "debian-12.tar"
        began = time.monotonic()
        if not base.exists():
            fresh = self.lab.directory / "fresh"
            sh("debootstrap", "--variant=minbase", "--include=systemd,iproute2", "bookworm", fresh)
            sh("tar", "-C", fresh, "-cf", f"{base}.new", ".")
            os.rename(f"{base}.new", base)
            shutil.rmtree(fresh)
        self.root.mkdir()
        sh("tar", "-C", self.root, "-xf", base)
        self.trial.note(f"a fresh host after {time.monotonic() - began:.0f} s")

    def arrange(self):
        """What a host of one's own has and a chroot has not: answers to systemctl, a resolver."""
        for directory in ("run/systemd/system", "srv"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        (self.root / "usr/bin/systemctl").write_text(SYSTEMCTL)
        # Without systemd there is nothing that maintainer scripts could start.
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        (self.root / "etc/apt/apt.conf.d/90fast").write_text('APT::Install-Recommends "false";\n')
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", self.root / "etc" / name)
        for name in ("asked", "answer"):
            os.mkfifo(self.root / f"run/systemctl.{name}")
        self.notify = NotifySocket(self.root / "run/systemd/notify")
        threading.Thread(target=self.answer_systemctl, daemon=True).start()

    def argv(self, command, network):
        """In a mount namespace of its own, so that nothing has to be unmounted."""
        script = (f"mount -t proc proc {self.root}/proc; mount -t sysfs sysfs {self.root}/sys; "
                  f"mount --rbind /dev {self.root}/dev; exec chroot {self.root} sh -c \"$0\"")
        enter = [] if network else ["nsenter", f"--net=/run/netns/{self.lab.gateway}"]
        return [*enter, "unshare", "--mount", "--propagation", "private", "sh", "-c", script,
                f"cd /root; {command}"]

    def type(self, command, network=False, seconds=120):
        """A line at the host's shell, as root. `network`: with a way to the package mirror."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root", "LC_ALL": "C"}
        return subprocess.run(self.argv(command, network), env=environment, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds, check=False)

    # -- systemd's part -------------------------------------------------------------------------

    def answer_systemctl(self):
        while True:
            words = (self.root / "run/systemctl.asked").read_text().split()
            self.asked.append(" ".join(words))
            try:
                code = self.obey(words)
            except Exception as error:  # the asker waits for an answer
                print(f"     systemctl {' '.join(words)}: {error}", flush=True)
                code = 1
            (self.root / "run/systemctl.answer").write_text(f"{code}\n")

    def obey(self, words):
        unit = words[-1].removesuffix(".service") if words else ""
        if unit == "sluice" and "--now" in words and "enable" in words:
            return self.start()
        if unit == "prometheus" and "restart" in words:
            return self.start_prometheus()
        return 0

    def start(self):
        """Wants=sluice-setup.service, then the unit itself until it says READY."""
        unit = self.root / "usr/lib/systemd/system/sluice-setup.service"
        setup = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M)[1]
        pages = HUGEPAGES.read_text()
        done = self.type(setup)
        self.trial.check("the setup unit has nothing to complain of", done.returncode == 0,
                         done.stderr)
        self.trial.check("it reserves no hugepages where they are off", HUGEPAGES.read_text() == pages)
        HUGEPAGES.write_text(pages)
        log = open(self.lab.directory / "sluiced.log", "ab")
        self.daemon = self.lab.daemon = launch(
            self, self.root / "usr/lib/systemd/system/sluice.service", subprocess.Popen, stdout=log,
            stderr=log, preexec_fn=end_with_parent)
        wait_until(lambda: self.notify.count("READY=1") or self.daemon.poll() is not None, 60,
                   "READY=1")
        (self.root / "run/systemctl.active").touch()
        return 0 if self.daemon.poll() is None else 1

    def start_prometheus(self):
        script = ". /etc/default/prometheus; cd /var/lib/prometheus; exec setpriv " \
            "--reuid=prometheus --regid=prometheus --init-groups prometheus $ARGS"
        self.prometheus = subprocess.Popen(self.argv(script, False), stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                           preexec_fn=end_with_parent)
        return 0

    def stop(self):
        if self.prometheus:
            end(self.prometheus)


def follow_start_page(trial, host, package):
    shutil.copy(package, host.root / "root")
    commands = commands_of((ROOT / "docs/start.md").read_text().split("## Ports that")[0])
    trial.check("the page takes at most five commands", 0 < len(commands) <= 5, commands)
    trial.check("the package mirror answers",
                host.type("apt-get update -qq", network=True).returncode == 0)
    for command in commands:
        done = host.type(command.replace("eth1", host.lab.outside).replace("eth2", host.lab.inside),
                         network=command.startswith("apt-get"))
        # The doctor warns of what a host in namespaces cannot have.
        worst = 1 if "doctor" in command else 0
        name = command.splitlines()[0]
        if not trial.check(f"works: {name}", done.returncode <= worst, done.stdout + done.stderr):
            raise LabError(f"{name}: {host.lab.log()}")


def check_confinement(trial, host):
    """Under exactly the unit's user, capabilities and filters, and so is its child, without any."""
    wire = host.daemon.pid
    children = pathlib.Path(f"/proc/{wire}/task/{wire}/children").read_text().split()
    uid = re.search(r"^sluice:x:(\d+)", (host.root / "etc/passwd").read_text(), re.M)[1]
    for name, pid in [("wire process", wire), *(("control process", child) for child in children)]:
        status = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        trial.check(f"{name}: runs as user sluice", set(status["Uid"].split()) == {uid}, status["Uid"])
        trial.check(f"{name}: NoNewPrivs and seccomp",
                    (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"))
        held = int(status["CapPrm"], 16) | int(status["CapAmb"], 16)
        allowed = 0 if name.startswith("control") else CAPABILITIES
        trial.check(f"{name}: no capability but the unit's",
                    held & ~allowed == 0 and int(status["CapBnd"], 16) & ~CAPABILITIES == 0, status)
    trial.check("there is a control process", bool(children))


def check_restrictions(trial, host):
    """The launcher imposes what the unit says: a probe in the daemon's place, which tries."""
    unit = host.root / "usr/lib/systemd/system/sluice.service"
    probe = host.root / "root/probe.service"
    probe.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/sh /srv/probe", unit.read_text(),
                            flags=re.M))
    (host.root / "srv/probe").write_text(
        "touch /var/lib/sluice/probe && rm /var/lib/sluice/probe && echo state\n"
        "touch /etc/sluice/probe /usr/probe /srv/written && echo BAD\n"
        "ls /root && echo BAD\nunshare --user true && echo BAD\nip link add x type veth peer y && "
        "ip link del x && echo links\nmount -t tmpfs tmpfs /srv && echo BAD\necho 1 >/proc/sys/net/ipv4/ip_forward"
        " && echo BAD\nchmod u+s /var/lib/sluice && echo BAD\nls /dev | grep -E 'kmsg|mem$' && echo BAD\n"
        "read -r line </etc/sluice/sluice.yaml && echo configuration\n")
    done = launch(host, probe, capture_output=True)
    words = done.stdout.split()
    trial.check("under the unit: state and configuration are there, links can be set",
                {"state", "configuration", "links"} <= set(words), done.stdout + done.stderr)
    trial.check("under the unit: nothing else can be written, seen or gained", "BAD" not in words,
                done.stdout + done.stderr)


def reload(host, more):
    """With this behind the configuration that is there."""
    before = host.notify.count("READY=1")
    with open(host.root / "etc/sluice/sluice.yaml", "a", encoding="utf-8") as configuration:
        configuration.write(more)
    os.kill(host.daemon.pid, signal.SIGHUP)
    wait_until(lambda: host.notify.count("READY=1") > before, 20, "READY=1 after SIGHUP")


def check_service(trial, host, lab):
    trial.check("READY=1 came once", host.notify.count("READY=1") == 1)
    trial.check("pings pass through", lab.ping(SERVER_IP4, 3) == 3, lab.log())
    wait_until(lambda: host.notify.count("WATCHDOG=1") >= 2, 20, "WATCHDOG=1")
    trial.check("the watchdog is fed", True)
    wait_until(lambda: re.search(r"^sluice_forwarded_packets_total [1-9]", lab.exec(
        lab.gateway, "curl", "-s", "http://127.0.0.1:9464/metrics", check=False).stdout, re.M),
        20, "/metrics counts the pings")
    trial.check("/metrics counts the pings", True)
    wait_until(lambda: '"1"]' in lab.exec(
        lab.gateway, "curl", "-s", "http://127.0.0.1:9090/api/v1/query?query=up", check=False).stdout,
        60, "Prometheus scrapes")
    trial.check("Prometheus scrapes it", True)
    status = host.type("sluicectl --json status")
    trial.check("sluicectl status answers", status.returncode == 0 and '"monitor"' in status.stdout,
                status.stdout + status.stderr)
    reload(host, "lists: {deny: {source: [198.51.100.0/24]}}\n"
                 "rules: {files: [/usr/share/sluice/rules/sql-injection.yaml]}\n")
    said = [line for _, line in host.notify.said]
    trial.check("a reload is told: RELOADING, MONOTONIC_USEC, then READY",
                "RELOADING=1" in said and any(line.startswith("MONOTONIC_USEC=") for line in said))


def check_runbook(trial, host):
    wait_until(lambda: '"in_force"' in host.type("sluicectl --json status").stdout, 60, "the rules")
    page = (ROOT / "docs/runbook.md").read_text()
    typed = [line.strip() for line in re.findall(r"^ {4,}(\S.*)$", page, flags=re.M)]
    commands = [line for line in typed
                if re.match(r"(timeout|sluicectl|sluiced|journalctl|systemctl)\b", line)]
    for command in commands:
        if command.startswith("journalctl"):
            continue  # there is no journal without systemd; the words are systemd's own
        done = host.type(command, seconds=60)
        # Findings are exit codes of their own; a stream ends only because time is up.
        expected = {0, 124} if "events follow" in command else {0, 1} if (
            "doctor" in command or "health" in command) else {0}
        trial.check(f"runbook: {command}", done.returncode in expected,
                    f"{done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
    trial.check("the runbook has commands", len(commands) >= 15, len(commands))


def check_upgrade(trial, host, lab, package):
    pid, asked = host.daemon.pid, len(host.asked)
    done = host.type(f"dpkg -i /root/{package.name}")
    trial.check("an upgrade installs", done.returncode == 0, done.stderr)
    since = host.asked[asked:]
    trial.check("an upgrade restarts nothing",
                host.daemon.poll() is None and host.daemon.pid == pid and
                all(words == "daemon-reload" for words in since), since)
    trial.check("it forwards on", lab.ping(SERVER_IP4, 2) == 2)
    trial.check("the configuration is the operator's", "uplink" in
                (host.root / "etc/sluice/sluice.yaml").read_text())

    def is_pending():
        return re.search(r'"restart_pending":\s*\[\s*"', host.type("sluicectl --json status").stdout)

    wait_until(is_pending, 15, "restart pending in the status")
    trial.check("status says that a restart is pending", True)


def stop(trial, host, lab, name):
    """SIGTERM, as systemd would."""
    before = host.notify.count("STOPPING=1")
    host.daemon.send_signal(signal.SIGTERM)
    code = host.daemon.wait(10)
    trial.check(f"{name}: SIGTERM ends it with 0", code == 0, lab.log())
    trial.check(f"{name}: STOPPING=1 was said once", host.notify.count("STOPPING=1") == before + 1)
    (host.root / "run/systemctl.active").unlink()
    host.daemon = lab.daemon = None


def check_xdp(trial, host, lab):
    """With the addition for af_xdp, and what it has of capabilities is gone when it forwards."""
    additions = "/etc/systemd/system/sluice.service.d"
    host.type(f"mkdir -p {additions}; cp /usr/share/sluice/examples/af-xdp.conf {additions}; "
              "sed -i s/af_packet/af_xdp/ /etc/sluice/sluice.yaml")
    # Root here may not raise LimitMEMLOCK, to which a port's memory is charged.
    (host.root / additions[1:] / "memlock.conf").write_text(
        "[Service]\nAmbientCapabilities=CAP_IPC_LOCK\nCapabilityBoundingSet=CAP_IPC_LOCK\n")
    host.notify.said.clear()
    trial.check("af_xdp: starts", host.start() == 0, lab.log())
    wait_until(lambda: lab.ping(SERVER_IP4, 1) == 1, 20, "a ping through af_xdp")
    status = pathlib.Path(f"/proc/{host.daemon.pid}/status").read_text()
    trial.check("af_xdp: only net_admin is left", re.search(r"^CapPrm:\t0+1000$", status, re.M), status)
    stop(trial, host, lab, "af_xdp")
    shutil.rmtree(host.root / additions[1:])


def check_end(trial, host):
    done = host.type("apt-get remove -y -qq sluice")
    kept = [path for path in ("etc/sluice/sluice.yaml", "var/log/sluice/eve.json")
            if not (host.root / path).exists()]
    trial.check("removing keeps configuration and logs", done.returncode == 0 and not kept,
                done.stderr or kept)
    done = host.type("dpkg --purge sluice")
    left = [str(path) for top in ("etc", "usr", "var/lib", "var/log", "run")
            for path in (host.root / top).rglob("*sluice*") if "dpkg" not in str(path)]
    trial.check("purging leaves nothing", done.returncode == 0 and not left, done.stderr or left)


def check_script(trial, lab):
    """scripts/install in a copy of this host that is gone afterwards: twice, and the way back."""
    layer = lab.directory / "layer"
    layer.mkdir()
    script = f"""set -e
mount -t tmpfs tmpfs {layer}; mkdir {layer}/up {layer}/work {layer}/host
mount -t overlay -o lowerdir=/,upperdir={layer}/up,workdir={layer}/work overlay {layer}/host
for name in dev proc sys; do mount --rbind /$name {layer}/host/$name; done
cat > {layer}/host/root/typed <<'EOF'
cd {ROOT}
scripts/install --build {trial.build} || exit 10
scripts/install --build {trial.build} | grep -q 'nothing to change' || exit 11
/usr/sbin/sluiced --version >/dev/null || exit 12
[ "$(stat -c %U:%G:%a /var/lib/sluice)" = sluice:sluice:750 ] || exit 13
scripts/install --uninstall || exit 14
[ ! -e /usr/sbin/sluiced ] && [ -e /etc/sluice/sluice.yaml ] || exit 15
scripts/install --uninstall --purge || exit 16
[ ! -e /etc/sluice ] && [ ! -e /var/lib/sluice ] || exit 17
EOF
exec chroot {layer}/host bash /root/typed
"""
    done = sh("unshare", "--mount", "--propagation", "private", "sh", "-c", script, check=False)
    trial.check("scripts/install: installs, changes nothing twice, uninstalls, purges",
                done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}")


def check_units(trial):
    unit = ROOT / "systemd/sluice.service"
    text = sh("systemd-analyze", "security", "--offline=true", "--no-pager", unit).stdout
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", text)[1])
    trial.check(f"exposure is at most {EXPOSURE_MAX}", exposure <= EXPOSURE_MAX, exposure)
    found = sh("systemd-analyze", "verify", unit, ROOT / "systemd/sluice-setup.service", check=False)
    # The programs and pages are not installed on the host of this test.
    wrong = [line for line in (found.stdout + found.stderr).splitlines()
             if not re.search(r"is not executable: No such file|Command 'man ", line)]
    trial.check("systemd-analyze finds no fault in the units", not wrong, wrong)


def test(trial):
    check_units(trial)
    lab = trial.lab().up()
    lab.directory.chmod(0o755)
    host = Host(trial, lab)
    try:
        host.debootstrap()
        host.arrange()
        built = sh(ROOT / "scripts/package", "--build", trial.build, "--out", lab.directory)
        package = pathlib.Path(built.stdout.strip())
        follow_start_page(trial, host, package)
        check_service(trial, host, lab)
        check_confinement(trial, host)
        check_restrictions(trial, host)
        check_upgrade(trial, host, lab, package)
        stop(trial, host, lab, "af_packet")
        host.notify.said.clear()
        trial.check("with rules: starts", host.start() == 0, lab.log())
        reload(host, "events: {dns: false}\n")
        check_runbook(trial, host)
        stop(trial, host, lab, "with rules")
        check_xdp(trial, host, lab)
        check_end(trial, host)
        check_script(trial, lab)
    finally:
        host.stop()


if __name__ == "__main__":
    sys.exit(main("i", test))
