"""What looks at a gateway: Prometheus, HTTP pages, the service manager, sluicectl."""
import json
import subprocess
import time

import promtool_check
from operate_gateway import BLOCKED, SPARE
from operate_link import page, percentile, refusal
from trial import ROOT

PROMETHEUS_PORT = 9090
SCRAPES, ASKS = 50, 100
CLI_MAX_SECONDS = 2.0  # a busy machine must not decide; what is promised is 100 ms

# What each answers with: the exit code, and whether it prints one JSON value with --json.
VERBS = (
    (("status",), 0), (("stats",), 0), (("drops",), 0), (("drops", "--all"), 0), (("health",), 0),
    (("health", "--detailed"), 0), (("top", "--once"), 0), (("flows", "list", "--limit", "5"), 0),
    (("flows", "list", "--touching", "10.77.0.0/24"), 0), (("limits", "list"), 0),
    (("blocks", "add", SPARE, "--for", "10m", "--reason", "scans ports"), 0),
    (("blocks", "list"), 0),
    (("blocks", "remove", SPARE), 0), (("blocks", "remove", SPARE), 1),
    (("bypass", "on", "--prefix", f"{BLOCKED}/32", "--for", "10m", "--reason", "is it us?"), 0),
    (("bypass", "status"), 0), (("bypass", "off", "--all"), 0), (("check",), 0), (("diff",), 0),
    (("reload",), 0), (("mode", "monitor"), 0), (("mode", "enforce"), 0), (("configs", "list"), 0),
    (("audit", "list", "--limit", "5"), 0), (("revert", "--to", "999999999"), 1), (("confirm",), 1),
    (("blocks", "add", "nonsense", "--for", "10m"), 2), (("mode", "of"), 2), (("statu",), 2))


class Prometheus:
    """The real one, in the gateway's namespace, with the rules that are shipped."""

    def __init__(self, gateway):
        self.namespace = gateway.lab.gateway
        directory = gateway.directory / "prometheus"
        directory.mkdir()
        text = (ROOT / "config/prometheus/prometheus.yaml").read_text(encoding="utf-8")
        text = text.replace("15s", "1s").replace("- sluice.rules.yaml",
                                                 f"- {ROOT}/config/prometheus/sluice.rules.yaml")
        (directory / "prometheus.yaml").write_text(text)
        gateway.lab.spawn(self.namespace, "prometheus",
                          f"--config.file={directory}/prometheus.yaml",
                          f"--storage.tsdb.path={directory}/data",
                          f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}")

    def ask(self, path):
        status, body = page(self.namespace, PROMETHEUS_PORT, f"/api/v1/{path}")
        return json.loads(body)["data"] if status == 200 else {}

    def value(self, expression):
        found = self.ask(f"query?query={expression}").get("result", [])
        return float(found[0]["value"][1]) if found else None


def scraped(trial, gateway, prometheus):
    trial.check("Prometheus scrapes the gateway",
                gateway.wait(lambda: prometheus.value("up") == 1, 60, "up == 1"))
    trial.check("what it scraped moves", gateway.wait(
        lambda: (prometheus.value("sum(rate(sluice_received_packets_total[10s]))") or 0) > 0
        or (prometheus.value("sum(rate(sluice_port_received_packets_total[10s]))") or 0) > 0, 30,
        "a rate of packets"), prometheus.value("count({__name__=~%22sluice_.*%22})"))

    def rules():
        groups = prometheus.ask("rules").get("groups", [])
        return [rule for group in groups for rule in group["rules"]]

    trial.check("it evaluates the shipped rules without an error", gateway.wait(
        lambda: len(rules()) >= promtool_check.ALERTS_MIN
        and all(rule["health"] == "ok" for rule in rules()), 60, "the rules"),
        [rule for rule in rules() if rule["health"] != "ok"][:2])
    firing = sorted(rule["name"] for rule in rules() if rule.get("state") == "firing")
    trial.note(f"alerts that fire after the storm of reloads: {', '.join(firing) or 'none'}")
    complaint = promtool_check.lint(gateway.page("/metrics")[1])
    trial.check("promtool finds nothing wrong", not complaint, complaint)
    trial.check("every metric that is documented is there", not missing(gateway),
                ", ".join(missing(gateway)[:8]))


def missing(gateway):
    text = gateway.page("/metrics")[1]
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[:1] != "#"}
    return sorted(set(promtool_check.documented()) - names)


def pages(trial, gateway):
    for path in ("/healthz", "/readyz"):
        trial.check(f"{path} is 200", gateway.wait(lambda: gateway.page(path)[0] == 200, 20, path),
                    gateway.page_or_nothing(path))
    trial.check("another page is 404", gateway.page("/etc/passwd")[0] == 404)
    seconds = []
    for _ in range(SCRAPES):
        began = time.monotonic()
        gateway.page("/metrics")
        seconds.append(time.monotonic() - began)
    trial.note(f"scrapes: p50 {percentile(seconds, 50) * 1e3:.1f} ms, p99 "
               f"{percentile(seconds, 99) * 1e3:.1f} ms; the target is 5 ms")


def turns(trial, gateway):
    """How long the control thread was away from its loop. On a busy machine it also waits for a
    processor, so that the time is only printed."""
    names = ("sluice_control_turn_seconds_max", "sluice_control_long_turns_total",
             "sluice_control_turns_total")
    lines = [line.split(" ") for line in gateway.page("/metrics")[1].splitlines()]
    longest, late, seen = (next(float(line[1]) for line in lines if line[0] == name)
                           for name in names)
    trial.note(f"the longest turn of the control thread: {longest * 1e3:.2f} ms; {late:.0f} of "
               f"{seen:.0f} took more than 1 ms")
    trial.check("its turns are measured", 0 < longest < 60 and late <= seen, (longest, late, seen))


def unready(trial, gateway):
    """A pair whose link is down is not ready; it is again when the link is back."""
    lab = gateway.lab
    lab.exec(lab.server, "ip", "link", "set", "eth0", "down")
    trial.check("/readyz is 503 while the only pair is down",
                gateway.wait(lambda: gateway.page("/readyz")[0] == 503, 30, "503"))
    trial.check("/healthz says which part", gateway.wait(
        lambda: "ports" in gateway.page("/healthz")[1], 30, "ports"), gateway.page("/healthz"))
    health = gateway.ctl("health", "--detailed")
    trial.check("sluicectl health ends with 1", health.returncode == 1 and "ports" in health.stdout,
                health)
    lab.exec(lab.server, "ip", "link", "set", "eth0", "up")
    for path in ("/readyz", "/healthz"):
        trial.check(f"{path} is 200 again",
                    gateway.wait(lambda: gateway.page(path)[0] == 200, 60, "200"),
                    gateway.page(path))


def watched(trial, gateway):
    """What systemd sees."""
    heard = gateway.notices
    trial.check("READY=1 came", heard.count("READY=1") >= 1, heard.heard[:3])
    since, before = time.monotonic(), heard.count("WATCHDOG=1")
    trial.check("the watchdog is fed", before > 0 and gateway.wait(
        lambda: heard.count("WATCHDOG=1", since) >= 2, 10, "WATCHDOG=1"), before)
    fed = [when for when, line in heard.heard if line == "WATCHDOG=1"]
    gaps = [after - earlier for earlier, after in zip(fed, fed[1:])]
    trial.note(f"the watchdog was fed {len(fed)} times, the longest pause {max(gaps):.2f} s of 2 s")
    trial.check("a status line is told",
                any(line.startswith("STATUS=forwarding") for _, line in heard.heard))


def followed(trial, gateway):
    """Events come as they happen, of the kinds that were asked for."""
    with gateway.control() as link:
        first = link.ask("events.follow", {"types": ["drop"]})
        lines = [link.line() for _ in range(20)]
        kinds = {line.get("event", {}).get("event_type") for line in lines if "lost" not in line}
        trial.check("events.follow streams what was asked for",
                    first == {"following": True} and kinds == {"drop"}, (first, lines[:2]))
        trial.check("each line names the request", all(line["id"] == 1 for line in lines),
                    lines[:2])
    with gateway.control() as link:
        trial.check("an unknown kind of event is refused",
                    refusal(link, "events.follow", {"types": ["dorp"]}) == "invalid")


def verbs(trial, gateway):
    gateway.write(gateway.configuration())
    for words, code in VERBS:
        name = " ".join(("sluicectl", *words))
        plain, as_json = gateway.ctl(*words), gateway.ctl("--json", *words)
        if words[0] != "blocks" or words[1] != "remove":  # the second has nothing left to remove
            trial.check(f"{name} --json ends with {code}", as_json.returncode == code, as_json)
        trial.check(f"{name} ends with {code}", plain.returncode == code, plain)
        wide = [line for line in plain.stdout.splitlines() if len(line) > 80]
        trial.check(f"{name} fits 80 columns", not wide, wide[:1])
        trial.check(f"{name} tells where it should", bool(plain.stdout.strip()) == (code == 0)
                    and bool(plain.stderr.strip()) == (code != 0), plain)
        trial.check(f"{name} has no colours", "\033" not in plain.stdout + plain.stderr)
        if as_json.returncode == 0:
            trial.check(f"{name} --json is JSON", is_json(as_json.stdout), as_json.stdout[:200])
    for shell in ("bash", "zsh"):
        script = gateway.ctl("completion", shell).stdout
        trial.check(f"completion for {shell} knows the verbs", "blocks" in script)
    script = gateway.ctl("completion", "bash").stdout
    trial.check("bash takes its completion",
                subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0)


def is_json(text):
    try:
        return all(json.loads(line) is not None for line in text.splitlines()) and bool(text)
    except json.JSONDecodeError:
        return False


def quick(trial, gateway, beside="workers that are busy"):
    """How long sluicectl takes, from start to end."""
    seconds = []
    for _ in range(ASKS):
        began = time.monotonic()
        if gateway.ctl("--json", "status").returncode == 0:
            seconds.append(time.monotonic() - began)
    trial.note(f"sluicectl status beside {beside}: p50 {percentile(seconds, 50) * 1e3:.1f} ms, p99 "
               f"{percentile(seconds, 99) * 1e3:.1f} ms; the target is 100 ms")
    trial.check(f"sluicectl answers beside {beside}", len(seconds) == ASKS
                and max(seconds) < CLI_MAX_SECONDS, (len(seconds), max(seconds, default=0)))
