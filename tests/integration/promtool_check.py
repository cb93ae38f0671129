#!/usr/bin/python3
"""promtool_check.py: alert rules hold in their tests, and rules and dashboards name what exists.

What exists is docs/reference/metrics.md, which a unit test holds to the table of metrics. `lint`
judges the text of a scrape; tests that run a gateway call it.
"""
import json
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROMETHEUS = ROOT / "config/prometheus"
DASHBOARDS = ROOT / "config/grafana"
ALERTS_MIN = 12
# What Prometheus adds to every sample, and to those of a histogram.
ADDED_LABELS = {"instance", "job", "le"}
PROMQL_WORDS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def promtool(*arguments, text=None):
    """Its complaint, or nothing."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=PROMETHEUS)
    return "" if done.returncode == 0 else done.stdout.strip() or f"exit {done.returncode}"


def lint(scrape):
    return promtool("check", "metrics", text=scrape)


def documented():
    """Metric -> labels."""
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    metrics = {}
    for name, kind, labels in re.findall(r"^\| `(sluice_\w+)` \| (\w+) \| ([^|]*)\|", page, re.M):
        own = set(re.findall(r"`(\w+)`", labels))
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            metrics[name + suffix] = own
    return metrics


def expression_offences(where, expression, metrics):
    """Unknown metrics, and labels that none of its metrics has."""
    names = set(re.findall(r"\bsluice_\w+", expression))
    offences = [f"{where}: no metric {name}" for name in sorted(names - metrics.keys())]
    known = ADDED_LABELS.union(*(metrics.get(name, set()) for name in names))
    used = set()
    for _, labels in PROMQL_WORDS.findall(expression):
        used |= {label.strip() for label in labels.split(",") if label.strip()}
    for selector in re.findall(r"\{([^}]*)\}", expression):
        used |= set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
    return offences + [f"{where}: no label {label} in: {expression}" for label in sorted(used - known)]


def rule_offences(metrics):
    groups = yaml.safe_load((PROMETHEUS / "sluice.rules.yaml").read_text(encoding="utf-8"))["groups"]
    tests = yaml.safe_load((PROMETHEUS / "sluice.rules.test.yaml").read_text(encoding="utf-8"))["tests"]
    fires, is_quiet = set(), set()
    for test in tests:
        for expected in test["alert_rule_test"]:
            (fires if expected["exp_alerts"] else is_quiet).add(expected["alertname"])
    offences, rules = [], [rule for group in groups for rule in group["rules"]]
    for rule in rules:
        name = rule["alert"]
        offences += expression_offences(name, rule["expr"], metrics)
        offences += [f"{name}: no test in which it {what}"
                     for what, names in (("fires", fires), ("is quiet", is_quiet)) if name not in names]
    if len(rules) < ALERTS_MIN:
        offences.append(f"{len(rules)} alerts, fewer than {ALERTS_MIN}")
    return offences


def dashboard_offences(path, metrics):
    board = json.loads(path.read_text(encoding="utf-8"))
    offences, expressions, ids = [], [], [panel["id"] for panel in board["panels"]]
    if len(ids) != len(set(ids)):
        offences.append(f"{path.name}: two panels have one id")
    for panel in board["panels"]:
        where = f"{path.name}: {panel['title']}"
        if panel["type"] != "row" and not panel["targets"]:
            offences.append(f"{where}: shows nothing")
        for target in panel.get("targets", []):
            expression = target["expr"]
            expressions.append(expression)
            offences += expression_offences(where, expression, metrics)
    return offences + [parse_complaint(expressions)]


def parse_complaint(expressions):
    """Grafana's own variables stand for what Prometheus takes there."""
    rules = [{"record": f"sluice:panel{number}",
              "expr": re.sub(r"\$__(rate_interval|range)", "5m", text).replace("$instance", ".*")}
             for number, text in enumerate(expressions)]
    return promtool("check", "rules", "/dev/stdin",
                    text=yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))


def main():
    metrics = documented()
    checks = {
        "the reference page names metrics": [] if len(metrics) > 50 else ["too few"],
        "promtool check rules": [promtool("check", "rules", "--lint=all", "sluice.rules.yaml")],
        "promtool check config": [promtool("check", "config", "prometheus.yaml")],
        "promtool test rules": [promtool("test", "rules", "sluice.rules.test.yaml")],
        "alerts use what exists and are tested both ways": rule_offences(metrics),
    }
    boards = sorted(DASHBOARDS.glob("*.json"))
    checks["two dashboards"] = [] if len(boards) >= 2 else [f"{len(boards)} found"]
    for path in boards:
        checks[f"dashboard {path.name} uses what exists"] = dashboard_offences(path, metrics)
    failed = 0
    for title, complaints in checks.items():
        complaints = [complaint for complaint in complaints if complaint]
        failed += bool(complaints)
        print(f"{'FAIL' if complaints else 'ok  '} {title}")
        for complaint in complaints:
            print("    " + complaint.replace("\n", "\n    "))
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
