"""What goes wrong around a gateway, under load: abuse of its socket, wrong users, a full disk, a
control process that dies, hangs and is replaced.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import operate_watch
from operate_gateway import BLOCKED, DAEMON, HERE, NOBODY, OPERATORS, SPARE
from processes_test import next_control

KILLS = 5
PAGE = 4096


class Abuser:
    """A process of another user, who may connect."""

    def __init__(self, gateway, kind):
        script = gateway.directory / "abuser.py"
        shutil.copy(HERE / "operate_abuser.py", script)
        command = [*map(str, gateway.as_nobody(DAEMON)), "/usr/bin/python3", str(script),
                   str(gateway.socket), kind]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=gateway.lab.preparation)
        gateway.lab.processes.append(self.process)
        self.process.stdout.readline()

    def met(self):
        return json.loads(self.process.stdout.readline() or "null")

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


def abuse(trial, gateway, load):
    control = gateway.control_pid()
    for kind in ("connects", "halves", "junk", "readers"):
        abuser = Abuser(gateway, kind)
        if kind in ("halves", "readers"):
            met = abuser.met()
            trial.note(f"{kind}: {met}")
            trial.check(f"{kind}: connections beyond what there may be are refused",
                        met["refused"] > 0, met)
        operate_watch.quick(trial, gateway, f"abuse by {kind}")
        if kind in ("connects", "junk"):
            met = abuser.met()
            trial.note(f"{kind}: {met}")
            trial.check(f"abuse by {kind} is answered with errors", met
                        and not any("no error" in key for key in met), met)
        abuser.end()
        load.check(trial, f"abuse by {kind}")
    trial.check("the control process is the same after all that",
                gateway.control_pid() == control, gateway.lab.log()[-500:])


def users(trial, gateway):
    """Who is nobody here cannot connect; a viewer looks; an operator blocks; neither reloads."""
    stranger, viewer = gateway.as_nobody(), gateway.as_nobody(gateway_group(DAEMON))
    operator = gateway.as_nobody(gateway_group(DAEMON), gateway_group(OPERATORS))
    block = ("blocks", "add", SPARE, "--for", "10m")
    rows = (("a stranger looks", stranger, ("status",), False),
            ("a viewer looks", viewer, ("status",), True),
            ("a viewer blocks", viewer, block, False),
            ("a viewer reloads", viewer, ("reload",), False),
            ("an operator blocks", operator, block, True),
            ("an operator lifts it", operator, ("blocks", "remove", SPARE), True),
            ("an operator changes the mode", operator, ("mode", "monitor"), False))
    for name, before, words, is_allowed in rows:
        done = gateway.ctl(*words, before=before)
        trial.check(f"{name}: {'done' if is_allowed else 'refused'}",
                    (done.returncode == 0) == is_allowed and bool(done.stderr) != is_allowed, done)
    with gateway.control() as link:
        newest = link.ask("audit.list", {"limit": 20})["items"]
        denied = [item for item in newest if item["uid"] == NOBODY and not item["ok"]]
        trial.check("the audit log has who was refused", len(denied) == 3, newest[:5])


def gateway_group(name):
    return str(next(line.split(":")[2] for line in
                    pathlib.Path("/etc/group").read_text(encoding="utf-8").splitlines()
                    if line.split(":")[0] == name))


def fill(disk):
    """Returns the file that takes the rest of it."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 20, PAGE):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def full_disk(trial, gateway, load):
    """Events and the journal of blocks have no room: told, no packet lost, then mended."""
    filler = fill(gateway.disk)
    try:
        with gateway.control() as link:
            without_room(trial, gateway, link)
    finally:
        filler.unlink()
    with gateway.control() as link:
        with_room_again(trial, gateway, link)
    load.check(trial, "a full disk")


def without_room(trial, gateway, link):
    added = [link.ask("blocks.add", {"items": [
        {"what": f"198.18.{half}.{number + 1}", "for": "1h", "reason": "r" * 200}
        for number in range(100)]}) for half in range(2)]
    more = link.ask("blocks.add", {"what": BLOCKED, "for": "1h"})
    notice = "".join(answer.get("notice", "") for answer in (*added, more))
    trial.note(f"blocks on a full disk: {notice}")
    trial.check("a block on a full disk is in force, and says that a restart would not know it",
                "restart" in notice, more)

    def ailing():
        parts = link.ask("health", {"detailed": True})["parts"]
        return {part["name"]: part["reason"] for part in parts if part["state"] != "healthy"}

    trial.check("health tells of the journal", gateway.wait(
        lambda: any("journal" in name for name in ailing()), 30, "health"), ailing())
    trial.note(f"health: {ailing()}")
    operate_watch.quick(trial, gateway, "a full disk")


def with_room_again(trial, gateway, link):
    spare = {"what": SPARE, "for": "1h"}
    trial.check("with room again the journal is whole", gateway.wait(
        lambda: "notice" not in link.ask("blocks.add", spare), 90, "the journal"))
    seen = link.ask("status")["events"]["written"]
    trial.check("events are written again", gateway.wait(
        lambda: link.ask("status")["events"]["written"] > seen + 10, 30, "events"))
    whole(trial, gateway)
    blocks = link.all_items("blocks.list")
    trial.check("no block was forgotten", len(blocks) == 202, len(blocks))
    link.ask("blocks.remove", {"all": True})


def whole(trial, gateway):
    """No line of the event file is cut short in its middle."""
    lines = (gateway.disk / "eve.json").read_text(encoding="utf-8").split("\n")[:-1]
    broken = [line for line in lines if not (line.startswith("{") and line.endswith("}"))]
    trial.check("every event is a whole line", lines and not broken, broken[:1])


def survives(trial, gateway, load):
    """The control process dies again and again, hangs, and comes back as another program."""
    with gateway.control() as link:
        link.ask("blocks.add", {"what": SPARE, "for": "1h", "reason": "stays"})
        before = link.ask("status")
    pid, control = gateway.lab.daemon.pid, gateway.control_pid()
    for _ in range(KILLS):
        os.kill(control, signal.SIGKILL)
        control = next_control(pid, control)
    os.kill(control, signal.SIGSTOP)
    control = next_control(pid, control)
    trial.check("a control process that hangs is replaced", control is not None)
    load.check(trial, f"{KILLS} kills and a hanging control process")
    upgrade(trial, gateway, control)
    with gateway.control() as link:
        def digest():
            return link.ask("status")["config"]["digest"]

        trial.check("the configuration in force is known", gateway.wait(
            lambda: digest() == before["config"]["digest"], 10, "the digest"), digest())
        trial.check("the policy is the same",
                    link.ask("status")["generation"] >= before["generation"])
        blocks = link.ask("blocks.list")["items"]
        trial.check("the block is the same", [block["what"] for block in blocks] == [SPARE], blocks)
        link.ask("blocks.remove", {"all": True})
    load.check(trial, "an upgrade of the control process")


def upgrade(trial, gateway, control):
    """What a package does: another file under the same name; the wire process is left alone."""
    new = gateway.programs / "sluiced.new"
    shutil.copy2(gateway.programs / "sluiced", new)
    with open(new, "ab") as file:
        file.write(bytes(PAGE))
    new.rename(gateway.programs / "sluiced")

    def restart_pending():
        with gateway.control() as link:
            return bool(link.ask("status")["restart_pending"])

    trial.check("status tells that the program on disk is another",
                gateway.wait(restart_pending, 20, "restart pending"))
    os.kill(control, signal.SIGTERM)
    control = next_control(gateway.lab.daemon.pid, control)
    program = os.readlink(f"/proc/{control}/exe")
    trial.note(f"the control process after the upgrade runs {pathlib.Path(program).name}")

    def answers():
        with gateway.control() as link:
            return link.ask("version")["protocol"] == 1

    trial.check("the next control process answers", gateway.wait(answers, 60, "an answer"))
