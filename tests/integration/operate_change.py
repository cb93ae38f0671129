"""Changes of the configuration under load: a storm of reloads, invalid files, ways back, modes.

The two configurations of the storm each refuse one of two sources. A packet of a source that was
refused names its generation, and that must be one of the configuration which refuses this source.
"""
import os
import signal
import threading
import time

from operate_link import Refused, percentile, refusal
from operate_load import PROBES
from trial import wait_until

RELOADS, RELOADS_PER_SECOND = 1000, 10
SETTLED = 100          # reloads after which memory is looked at for the first time
LOOK_EVERY = 300
GROWTH_BYTES = 8 << 20  # tables and queues are touched for the first time meanwhile
CONFIRM = "5s"


class Storm:
    """Reloads one after another, each of the other configuration."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.refused_by = {}  # generation -> the source that it refuses
        self.order, self.errors, self.seconds = [], [], []
        self.residents = []

    def run(self):
        texts = [self.gateway.configuration(denied=probe) for probe in PROBES]
        begin = time.monotonic()
        with self.gateway.control() as link:
            for number in range(RELOADS):
                time.sleep(max(0.0, begin + number / RELOADS_PER_SECOND - time.monotonic()))
                self.gateway.write(texts[(number + 1) % 2])
                self._reload(link, PROBES[(number + 1) % 2])
                if number == RELOADS - 1 or number % LOOK_EVERY == SETTLED:
                    self._look_at_memory()
        self.took = time.monotonic() - begin

    def _reload(self, link, denied):
        began = time.monotonic()
        try:
            generation = link.ask("reload")["generation"]
        except Refused as refused:
            self.errors.append(str(refused))
            return
        self.seconds.append(time.monotonic() - began)
        self.refused_by[generation] = denied
        self.order.append(generation)

    def _look_at_memory(self):
        pids = (self.gateway.lab.daemon.pid, self.gateway.control_pid())
        self.residents.append([self.gateway.resident(pid) for pid in pids])


def storm(trial, gateway, load, beside):
    """`beside` run as threads of their own meanwhile."""
    first = gateway.control()
    before = first.ask("status")["generation"]
    run = Storm(gateway)
    run.refused_by[before] = PROBES[0]
    threads = [threading.Thread(target=work) for work in beside]
    for thread in threads:
        thread.start()
    run.run()
    for thread in threads:
        thread.join()
    first.close()
    load.check(trial, f"{RELOADS} reloads")
    p50, p99 = (percentile(run.seconds, percent) * 1e3 for percent in (50, 99))
    trial.note(f"{len(run.seconds)} reloads in {run.took:.0f} s, each p50 {p50:.0f} ms, "
               f"p99 {p99:.0f} ms")
    trial.check("every reload is in force", not run.errors, run.errors[:3])
    trial.check("generations only rise", run.order == sorted(set(run.order)) and run.order)
    one_generation(trial, gateway, load, run)
    grown = [after - early for early, after in zip(run.residents[0], run.residents[-1])]
    for name, sizes in zip(("wire", "control"), zip(*run.residents)):
        trial.note(f"memory of the {name} process since the first {SETTLED} reloads, KiB: "
                   + ", ".join(f"{(size - sizes[0]) >> 10:+}" for size in sizes[1:]))
    trial.check("reloads leave memory flat", max(grown) < GROWTH_BYTES, grown)


def one_generation(trial, gateway, load, run):
    """The events tell of every packet that was refused, and name who refused it."""
    load.mark()
    lost = dict(load.lost)

    def refused():
        found = {probe: 0 for probe in PROBES}
        for event in gateway.events("drop"):
            if event["src_ip"] in found:
                found[event["src_ip"]] += 1
        return found

    gateway.wait(lambda: all(refused()[probe] >= lost[probe] for probe in PROBES), 20, "events")
    found = refused()
    trial.note(f"refused packets of two sources: {lost}, events: {found}")
    trial.check("each refused packet is an event", all(
        lost[probe] <= found[probe] for probe in PROBES) and min(lost.values()) > 0, (lost, found))
    wrong = [event for event in gateway.events("drop") if event["src_ip"] in PROBES
             and run.refused_by.get(event["sluice"]["generation"]) != event["src_ip"]]
    trial.check("no packet is judged by two generations", not wrong, wrong[:2])


def invalid(trial, gateway, load):
    with gateway.control() as link:
        before = link.ask("status")
        texts = {"a wrong word": gateway.configuration().replace("enforce", "enfroce"),
                 "not YAML": "pairs: [\n", "nothing": "", "NUL": "mode: \0",
                 "an unknown key": gateway.configuration() + "moode: monitor\n"}
        for name, text in texts.items():
            gateway.write(text)
            kinds = [refusal(link, "reload"), link.ask("check")["ok"]]
            trial.check(f"{name} is refused at reload and by check", kinds == ["invalid", False],
                        kinds)
        offline = gateway.lab.exec(gateway.lab.gateway, gateway.programs / "sluiced", "check",
                                   "--config", gateway.path, check=False)
        trial.check("sluiced check says the same", offline.returncode == 2, offline.stderr)
        after = link.ask("status")
        trial.check("invalid files leave the generation",
                    after["generation"] == before["generation"], after)
        gateway.path.unlink()
        trial.check("a file that is gone is refused", refusal(link, "reload") != "")
        gateway.write(gateway.configuration())
        link.ask("reload")
    load.check(trial, "invalid reloads")


def signalled(trial, gateway):
    """SIGHUP to the main process, as systemd sends it."""
    with gateway.control() as link:
        before, since = link.ask("status")["generation"], time.monotonic()
        gateway.write(gateway.configuration(denied=PROBES[1]))
        os.kill(gateway.lab.daemon.pid, signal.SIGHUP)
        risen = gateway.wait(lambda: link.ask("status")["generation"] > before, 20, "SIGHUP")
        trial.check("SIGHUP reloads", risen)
    trial.check("SIGHUP: RELOADING=1, then READY=1",
                gateway.wait(lambda: gateway.notices.count("READY=1", since) == 1, 10, "READY")
                and gateway.notices.count("RELOADING=1", since) == 1, gateway.notices.heard[-8:])


def in_force(link):
    return next(item["id"] for item in link.ask("configs.list")["items"] if item["in_force"])


def ways_back(trial, gateway, load):
    with gateway.control() as link:
        confirmed(trial, gateway, link)
        unconfirmed(trial, gateway, "a client that died", lambda: None)
        unconfirmed(trial, gateway, "a control process that died",
                    lambda: os.kill(gateway.control_pid(), signal.SIGKILL))
    with gateway.control() as link:
        before = in_force(link)
        items = link.ask("configs.list")["items"]
        trial.check("ten configurations are kept", len(items) == 10, len(items))
        gateway.write(gateway.configuration(denied=PROBES[1]))
        link.ask("reload")
        link.ask("revert")
        trial.check("revert restores the one before", in_force(link) == before, before)
        trial.check("revert to what was never kept is refused",
                    refusal(link, "revert", {"to": 10 ** 9}) == "not_found")
    load.check(trial, "ways back")


def confirmed(trial, gateway, link):
    gateway.write(gateway.configuration(denied=PROBES[0]))
    answer = link.ask("reload", {"confirm_within": CONFIRM})

    def waits():
        return link.ask("status")["config"]["confirm"] is not None

    trial.check("a reload that waits for confirmation is shown",
                answer["confirm_by_at"] and gateway.wait(waits, 5, "confirm in status"), answer)
    link.ask("confirm")
    trial.check("confirm keeps it", gateway.wait(lambda: not waits(), 5, "no confirm in status"))
    trial.check("confirm without anything that waits is refused", refusal(link, "confirm") != "")
    trial.check("a time that is too short is refused",
                refusal(link, "reload", {"confirm_within": "1s"}) == "invalid")


def unconfirmed(trial, gateway, name, end):
    with gateway.control() as link:
        before = in_force(link)
        gateway.write(gateway.configuration(denied=PROBES[1]))
        generation = link.ask("reload", {"confirm_within": CONFIRM})["generation"]
    end()

    def is_back():
        with gateway.control() as link:
            status = link.ask("status")
            return status["generation"] > generation and in_force(link) == before

    trial.check(f"{name}: what was not confirmed is taken back",
                gateway.wait(is_back, 30, "the way back"), gateway.lab.log()[-500:])


def count_on(link, member, by=50):
    """Waits until so many packets more were counted."""
    before = link.ask("status")["packets"][member]
    wait_until(lambda: link.ask("status")["packets"][member] > before + by, 20, member)


def modes(trial, gateway, load):
    """In monitor mode the refused source passes and is counted."""
    gateway.write(gateway.configuration())
    with gateway.control() as link:
        link.ask("reload")
        load.mark()
        link.ask("mode", {"mode": "monitor"})
        load.mark()
        count_on(link, "would_drop")
        told = load.mark()
        trial.check("monitor mode forwards and counts", told[PROBES[0]]["lost"] == 0, told)
        link.ask("mode", {"mode": "enforce"})
        load.mark()
        count_on(link, "dropped")
        told = load.mark()
        trial.check("enforce mode refuses again", told[PROBES[0]]["lost"] > 0, told)
        trial.check("an unknown mode is refused",
                    refusal(link, "mode", {"mode": "off"}) == "invalid")
        newest = link.ask("audit.list", {"limit": 3})["items"]
        trial.check("the audit log has the changes and who asked",
                    newest[0]["verb"] == "mode" and newest[0]["user"] == "root"
                    and not newest[0]["ok"] and newest[1]["ok"], newest)
    load.check(trial, "mode switches")
