#!/usr/bin/python3
"""Starts ExecStart of a systemd unit as systemd would, where systemd is not process 1.

    unit_launcher.py ROOT UNIT NOTIFY_SOCKET

ROOT is the file system of the host that the unit is installed on; the network namespace is the
caller's. User, capabilities, limits, directories, read-only paths, devices and system calls are the
unit's. A setting that is neither imposed nor named in LEFT_OUT is an error: what this starts must not
run under less than the unit says. This process becomes the service.
"""
import ctypes
import os
import pathlib
import resource
import shlex
import stat
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x20000
NAMESPACE_FLAGS = 0x7e020080  # every CLONE_NEW*
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_ADMIN": 21}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17,
            "AF_XDP": 44}
# How the service is watched and stopped is the caller's business; the others follow from what is
# imposed: a read-only /sys holds the control groups, and libseccomp refuses foreign machines.
LEFT_OUT = {"Type", "NotifyAccess", "ExecReload", "TimeoutStartSec", "TimeoutStopSec", "KillMode",
            "Restart", "RestartSec", "RestartPreventExitStatus", "RemoveIPC",
            "ProtectControlGroups", "SystemCallArchitectures", "PrivateMounts"}


def read_unit(root, path):
    """Settings of [Service], the administrator's additions included: name -> values in order."""
    settings, section = {}, None
    path = pathlib.Path(path)
    additions = sorted((root / "etc/systemd/system" / f"{path.name}.d").glob("*.conf"))
    text = "\n".join(part.read_text(encoding="utf-8") for part in (path, *additions))
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif line and line[0] not in "#;" and section == "[Service]":
            name, value = line.split("=", 1)
            settings.setdefault(name, []).append(value)
    return settings


def account(root, user):
    for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == user:
            return int(fields[2]), int(fields[3])
    raise SystemExit(f"no user {user} in {root}")


def seconds(text):
    return float(text.removesuffix("s"))


def checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class SystemCalls:
    """Filters of libseccomp; each `load` adds one that the kernel asks before those loaded earlier."""

    class Condition(ctypes.Structure):
        _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                    ("b", ctypes.c_uint64)]

    ALLOW, NE, LT, LE, EQ, GE, GT, MASKED = 0x7fff0000, 1, 2, 3, 4, 5, 6, 7

    def __init__(self):
        self.lib = ctypes.CDLL("libseccomp.so.2")
        self.lib.seccomp_init.restype = ctypes.c_void_p

    @staticmethod
    def error(number):
        return 0x00050000 | number

    def begin(self, default):
        self.filter = ctypes.c_void_p(self.lib.seccomp_init(ctypes.c_uint32(default)))

    def rule(self, action, name, *conditions):
        number = self.lib.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # not a call of this machine
        array = (self.Condition * max(1, len(conditions)))(
            *(self.Condition(*condition) for condition in conditions))
        error = self.lib.seccomp_rule_add_array(self.filter, ctypes.c_uint32(action), number,
                                                len(conditions), array)
        if error != 0:
            raise SystemExit(f"seccomp: {name}: {os.strerror(-error)}")

    def load(self):
        error = self.lib.seccomp_load(self.filter)
        if error != 0:
            raise SystemExit(f"seccomp: {os.strerror(-error)}")


def expand(word):
    """The system calls of a word of SystemCallFilter=, as this host's systemd has them."""
    if not word.startswith("@"):
        return {word}
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", word], check=True,
                          capture_output=True, text=True).stdout
    calls = set()
    for line in text.splitlines()[1:]:
        name = line.strip()
        if name and not name.startswith("#"):
            calls |= expand(name)
    return calls


def allowed_calls(lines):
    allowed = expand("@default")
    for line in lines:
        words = line.removeprefix("~").split()
        calls = set().union(*(expand(word) for word in words))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


class Launcher:
    def __init__(self, root, unit, notify):
        self.root, self.notify = pathlib.Path(root).resolve(), notify
        self.settings = read_unit(self.root, unit)
        self.used = set()
        self.uid, self.gid = account(self.root, self.one("User"))
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
                            "NOTIFY_SOCKET": notify, "USER": self.one("User")}

    def all(self, name):
        self.used.add(name)
        return self.settings.get(name, [])

    def one(self, name, default=None):
        return (self.all(name) or [default])[-1]

    def is_on(self, name):
        return self.one(name, "no") in ("yes", "true", "invisible", "strict")

    def words(self, name):
        return " ".join(self.all(name)).split()

    # -- what is there to see -------------------------------------------------------------------

    def mount(self, *arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)

    def make_directories(self):
        """RuntimeDirectory= and its kin; returns those that may be written to."""
        writable = []
        for kind, parent in {"Runtime": "run", "State": "var/lib", "Logs": "var/log",
                             "Configuration": "etc"}.items():
            name, mode = self.one(f"{kind}Directory"), self.one(f"{kind}DirectoryMode", "0755")
            path = self.root / parent / name
            path.mkdir(exist_ok=True)
            if kind != "Configuration":
                os.chown(path, self.uid, self.gid)
                path.chmod(int(mode, 8))
                writable.append(path)
            self.environment[f"{kind.upper()}_DIRECTORY"] = f"/{parent}/{name}"
        return writable

    def make_devices(self):
        dev = self.root / "dev"
        self.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", dev)
        names = ["null", "zero", "full", "random", "urandom", "tty"]  # DevicePolicy=closed
        assert self.one("DevicePolicy") == "closed"
        names += [device.split()[0].removeprefix("/dev/") for device in self.all("DeviceAllow")
                  if device.startswith("/dev/")]
        for name in names:
            original, node = pathlib.Path("/dev") / name, dev / name
            if not original.exists():
                continue
            node.parent.mkdir(exist_ok=True)
            os.mknod(node, stat.S_IFCHR | 0o666, original.stat().st_rdev)
            node.chmod(0o666)
        (dev / "shm").mkdir()
        self.mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", dev / "shm")

    def make_view(self):
        checked(libc.unshare(CLONE_NEWNS), "unshare")
        self.mount("--make-rprivate", "/")
        writable = self.make_directories()
        assert self.one("ProtectSystem") == "strict"
        self.mount("--bind", self.root, self.root)
        self.mount("-t", "proc", "-o", "hidepid=invisible" if self.is_on("ProtectProc") else "rw",
                   "proc", self.root / "proc")
        if self.is_on("ProtectKernelTunables"):
            self.mount("--bind", self.root / "proc/sys", self.root / "proc/sys")
            self.mount("-o", "remount,bind,ro", self.root / "proc/sys")
        sys_mode = "ro" if self.is_on("ProtectKernelTunables") else "rw"
        self.mount("-t", "sysfs", "-o", sys_mode, "sysfs", self.root / "sys")
        self.make_devices()
        for path in writable:
            self.mount("--bind", path, path)
        self.mount("-o", "remount,bind,ro", self.root)
        if self.is_on("PrivateTmp"):
            for name in ("tmp", "var/tmp"):
                self.mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.root / name)
        if self.is_on("ProtectHome"):
            for name in ("home", "root"):
                self.mount("-t", "tmpfs", "-o", "mode=000,ro", "tmpfs", self.root / name)
        os.chroot(self.root)
        os.chdir("/")

    # -- what may be done -----------------------------------------------------------------------

    @staticmethod
    def favour(name, give):
        """What only makes the service's life easier, and a root without CAP_SYS_RESOURCE cannot."""
        try:
            give()
        except (OSError, ValueError) as error:
            print(f"unit_launcher: {name}: {error}", file=sys.stderr)

    def set_limits(self):
        for name in ("MEMLOCK", "NOFILE", "CORE"):
            value = self.one(f"Limit{name}")
            limit = resource.RLIM_INFINITY if value == "infinity" else int(value)
            self.favour(f"Limit{name}", lambda: resource.setrlimit(
                getattr(resource, f"RLIMIT_{name}"), (limit, limit)))
        self.favour("OOMScoreAdjust", lambda: pathlib.Path("/proc/self/oom_score_adj").write_text(
            self.one("OOMScoreAdjust"), encoding="utf-8"))
        os.umask(int(self.one("UMask"), 8))
        self.environment["WATCHDOG_USEC"] = str(int(seconds(self.one("WatchdogSec")) * 1e6))
        self.environment["WATCHDOG_PID"] = str(os.getpid())

    def become_user(self):
        bounds = [CAPABILITIES[name] for name in self.words("CapabilityBoundingSet")]
        ambient = [CAPABILITIES[name] for name in self.words("AmbientCapabilities")]
        last = int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="utf-8"))
        for capability in set(range(last + 1)) - set(bounds):
            checked(libc.prctl(24, capability, 0, 0, 0), "PR_CAPBSET_DROP")
        checked(libc.prctl(8, 1, 0, 0, 0), "PR_SET_KEEPCAPS")
        assert self.one("Group") == self.one("User")
        os.setgroups([self.gid])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        mask = sum(1 << capability for capability in ambient)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        halves = [mask & 0xffffffff] * 3 + [mask >> 32] * 3
        checked(libc.capset(header, (ctypes.c_uint32 * 6)(*halves)), "capset")
        for capability in ambient:
            checked(libc.prctl(47, 2, capability, 0, 0), "PR_CAP_AMBIENT")
        assert self.is_on("NoNewPrivileges")
        checked(libc.prctl(38, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")

    def restrict_arguments(self, calls):
        """The settings that look at arguments, and those that refuse single calls."""
        denied = calls.error(1)
        calls.begin(calls.ALLOW)
        if self.is_on("RestrictNamespaces"):
            for bit in (1 << n for n in range(32) if NAMESPACE_FLAGS >> n & 1):
                for name in ("clone", "unshare"):
                    calls.rule(denied, name, (0, calls.MASKED, bit, bit))
            calls.rule(denied, "setns")
            calls.rule(calls.error(38), "clone3")
        if self.is_on("MemoryDenyWriteExecute"):
            calls.rule(denied, "mmap", (2, calls.MASKED, 6, 6))
            for name in ("mprotect", "pkey_mprotect"):
                calls.rule(denied, name, (2, calls.MASKED, 4, 4))
        if self.is_on("LockPersonality"):
            calls.rule(denied, "personality", (0, calls.NE, 0, 0))
        if self.is_on("RestrictRealtime"):
            for policy in (1, 2, 6):
                calls.rule(denied, "sched_setscheduler", (1, calls.EQ, policy, 0))
        if self.is_on("RestrictSUIDSGID"):
            for bit in (stat.S_ISUID, stat.S_ISGID):
                for name, position in {"chmod": 1, "fchmod": 1, "fchmodat": 2}.items():
                    calls.rule(denied, name, (position, calls.MASKED, bit, bit))
        for setting, names in {
                "ProtectClock": ["clock_settime", "settimeofday", "adjtimex", "clock_adjtime"],
                "ProtectHostname": ["sethostname", "setdomainname"],
                "ProtectKernelLogs": ["syslog"],
                "ProtectKernelModules": ["init_module", "finit_module", "delete_module"]}.items():
            for name in names if self.is_on(setting) else []:
                calls.rule(denied, name)
        families = sorted(FAMILIES[name] for name in self.words("RestrictAddressFamilies"))
        for family in range(64):
            if family not in families:
                calls.rule(calls.error(97), "socket", (0, calls.EQ, family, 0))
        calls.rule(calls.error(97), "socket", (0, calls.GE, 64, 0))
        calls.load()

    def restrict_calls(self, calls, allowed):
        assert self.one("SystemCallErrorNumber") == "EPERM"
        calls.begin(calls.error(1))
        for name in sorted(allowed | {"seccomp"}):
            calls.rule(calls.ALLOW, name)
        calls.load()

    def launch(self):
        command = shlex.split(self.one("ExecStart"))
        allowed = allowed_calls(self.all("SystemCallFilter"))
        calls = SystemCalls()
        self.make_view()
        self.set_limits()
        self.become_user()
        self.restrict_arguments(calls)
        unknown = set(self.settings) - self.used - LEFT_OUT
        if unknown - {"SystemCallErrorNumber"}:
            raise SystemExit(f"settings that are not imposed: {', '.join(sorted(unknown))}")
        self.restrict_calls(calls, allowed)
        os.execve(command[0], command, self.environment)


if __name__ == "__main__":
    Launcher(*sys.argv[1:]).launch()
