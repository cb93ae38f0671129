#!/usr/bin/python3
"""operate_test.py BUILD_DIR: one gateway under steady traffic, and everything operators do to it.

Datagrams both ways are counted to the packet and short TCP connections compared, from before the
first change to after the last; only where a link is taken down, or the gateway is killed, nothing
is asked of them. One run of a few minutes, because most of it waits.
"""
import os
import pathlib
import re
import sys
import tempfile
import time

import operate_abuse
import operate_block
import operate_change
import operate_kills
import operate_watch
from operate_gateway import Gateway, Traffic
from operate_link import refusal
from trial import main, sh

LETTER = "o"


def unmount_orphans():
    """Disks of tests that were killed."""
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        at = line.split(" ")[1]
        match = re.match(rf"{re.escape(tempfile.gettempdir())}/{LETTER}_([0-9a-z]{{1,5}})-", at)
        if match and not os.path.exists(f"/proc/{int(match[1], 36)}"):
            sh("umount", "-l", at, check=False)


def storm(trial, gateway, load):
    """Reloads, blocks and scrapes at once."""
    leak, prometheus = operate_block.Leak(gateway.lab), operate_watch.Prometheus(gateway)
    operate_change.storm(trial, gateway, load, [lambda: leak.run(gateway)])
    leak.check(trial)
    leak.close()
    operate_watch.scraped(trial, gateway, prometheus)


def changes(trial, gateway, load):
    operate_change.invalid(trial, gateway, load)
    operate_change.signalled(trial, gateway)
    operate_change.ways_back(trial, gateway, load)
    operate_change.modes(trial, gateway, load)
    operate_block.precedence(trial, gateway)
    operate_block.refusals(trial, gateway)
    operate_block.outlive(trial, gateway, load)
    operate_block.bypass(trial, gateway, load)


def looks(trial, gateway, load):
    operate_watch.verbs(trial, gateway)
    operate_watch.quick(trial, gateway)
    operate_watch.pages(trial, gateway)
    operate_watch.turns(trial, gateway)
    operate_watch.watched(trial, gateway)
    operate_watch.followed(trial, gateway)
    load.check(trial, "every verb of sluicectl")


def trouble(trial, gateway, load):
    operate_abuse.abuse(trial, gateway, load)
    operate_abuse.users(trial, gateway)
    operate_abuse.full_disk(trial, gateway, load)
    operate_abuse.survives(trial, gateway, load)


def dark(trial, gateway, load):
    """Where packets are lost because there is no wire."""
    operate_watch.unready(trial, gateway)
    load.mark("stop")
    operate_kills.kills(trial, gateway)


def start(trial, gateway):
    gateway.start()
    with gateway.control() as link:
        known = gateway.wait(lambda: link.ask("status")["config"]["digest"], 20, "the digest")
        trial.check("what is in force is known after the start", known, gateway.lab.log())
        trial.check("an unknown verb is refused", refusal(link, "nonsense") == "invalid")
    return Traffic(gateway.lab)


def stop(trial, gateway):
    since, pid = time.monotonic(), gateway.lab.daemon.pid
    code = gateway.lab.stop_gateway(20)
    trial.check("SIGTERM ends it with 0", code == 0, (code, gateway.lab.log()))
    trial.check("STOPPING=1 is told", gateway.notices.count("STOPPING=1", since) == 1,
                gateway.notices.heard[-5:])
    trial.check("the control socket is gone", not gateway.socket.exists())
    trial.check("no process is left", not os.path.exists(f"/proc/{pid}"))


def operate(trial):
    unmount_orphans()
    began = time.monotonic()
    with trial.lab() as lab:
        gateway = Gateway(trial, lab)
        try:
            load = start(trial, gateway)
            for part in (storm, changes, looks, trouble, dark):
                part_began = time.monotonic()
                part(trial, gateway, load)
                trial.note(f"{part.__name__} took {time.monotonic() - part_began:.0f} s")
            stop(trial, gateway)
        finally:
            gateway.down()
    trial.note(f"all of it took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main(LETTER, operate))
