"""kill -9 of the wire process at random moments within bursts of block changes: what was answered
is in force after the next start, and what was not is either all there or not at all.
"""
import os
import pathlib
import random
import threading
import time

from operate_block import Leak
from operate_gateway import BLOCKED
from operate_link import Refused
from processes_test import control_of

KILLS = 30
BURST_SECONDS = 0.25  # the kill falls into this much of a burst
KEPT = 40             # blocks beyond these are removed again


class Burst(threading.Thread):
    """Adds and removes blocks as fast as answers come, until the gateway is gone."""

    def __init__(self, gateway, known, chance, first):
        super().__init__(daemon=True)
        self.link = gateway.control()
        self.known, self.chance, self.next = known, chance, first
        self.open = ()  # what was asked for and not answered
        self.answered = 0

    def run(self):
        try:
            while True:
                self._remove() if len(self.known) > KEPT else self._add()
                self.answered += 1
        except (OSError, Refused):
            self.link.close()

    def _add(self):
        count = self.chance.choice((1, 1, 2, 7, 30))
        whats = tuple(f"198.18.{(self.next + at) >> 8 & 255}.{(self.next + at) & 255}"
                      for at in range(count))
        self.next += count
        self._ask("blocks.add", {"items": [{"what": what, "for": "1h", "reason": "burst"}
                                           for what in whats]}, whats)
        self.known.update(whats)

    def _remove(self):
        what = self.chance.choice(sorted(self.known))
        self._ask("blocks.remove", {"what": what}, (what,))
        self.known.discard(what)

    def _ask(self, verb, args, whats):
        self.open = whats
        self.link.ask(verb, args)
        self.open = ()


def is_intact(found, burst):
    """Everything but what was asked for last is as it was answered."""
    open_now = set(burst.open)
    there = open_now & found
    return found - open_now == burst.known - open_now and (not there or there == open_now)


def kill(gateway):
    """The wire process; its control process ends with it."""
    lab, control = gateway.lab, control_of(gateway.lab.daemon.pid)
    lab.daemon.kill()
    lab.daemon.wait()
    lab.daemon = None
    return gateway.wait(lambda: control is None or not lives(control), 20, "the other's end")


def lives(pid):
    """One that has ended and waits for its new parent to look no longer does."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kills(trial, gateway):
    """The gateway runs before and after."""
    seed = int(os.environ.get("SLUICE_SEED", "0")) or random.randrange(1, 1 << 31)
    trial.note(f"seed of the kills: {seed} (SLUICE_SEED={seed} repeats them)")
    chance = random.Random(seed)
    known, number, answered, damaged, starts = {BLOCKED}, 0, 0, [], []
    with gateway.control() as link:
        link.ask("blocks.add", {"what": BLOCKED, "for": "1h", "reason": "kept"})
    for _ in range(KILLS):
        burst = Burst(gateway, known - {BLOCKED}, chance, number)
        burst.start()
        time.sleep(chance.uniform(0, BURST_SECONDS))  # the moment, not a synchronisation
        if not kill(gateway):
            damaged.append("the control process lives on")
        burst.join(30)
        began = time.monotonic()
        gateway.start()
        starts.append(time.monotonic() - began)
        with gateway.control() as link:
            found = {item["what"] for item in link.all_items("blocks.list")}
        burst.known.add(BLOCKED)
        if not is_intact(found, burst):
            damaged.append({"missing": sorted(burst.known - found), "open": burst.open,
                            "too many": sorted(found - burst.known)})
        known, number, answered = found, burst.next, answered + burst.answered
    trial.note(f"{answered} changes answered within {KILLS} bursts; forwards again after "
               f"{max(starts):.2f} s at worst, the target is 2 s")
    trial.check(f"blocks are intact after {KILLS} kills", not damaged and answered > KILLS,
                damaged[:2])
    leak = Leak(gateway.lab)
    began = time.monotonic()
    trial.check("a block from before the kills holds",
                gateway.wait(lambda: not leak.passes(0.2), 10, "the block"))
    trial.note(f"in force {time.monotonic() - began - 0.2:.2f} s after the list showed it")
    with gateway.control() as link:
        link.ask("blocks.remove", {"all": True})
    trial.check("and is lifted", leak.passes())
    leak.close()
