"""Builds and runs every test; called by scripts/test, which has installed what is needed.

Two full builds: g++ release with assertions, and clang with AddressSanitizer, UBSan and fuzzing hooks.
What waits (the gateway in namespaces) runs while the second build compiles. A step is a command; its
counts come from GoogleTest's closing lines, from a closing "N passed, N failed" line, or are one test.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE, SANITIZED, THREADS = (ROOT / name for name in ("build", "build-asan", "build-tsan"))
SEEDS, CORPUS = SANITIZED / "seeds", SANITIZED / "corpus"
FUZZ_SECONDS, PLANTED_SECONDS = 20, 120

lock = threading.Lock()
totals = {"passed": 0, "failed": 0, "skipped": 0}


def count(output, code):
    """(passed, failed, skipped) of one step."""
    closing = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", output, re.M)
    if closing:
        passed, failed, skipped = (int(n or 0) for n in closing[-1])
    elif re.search(r"^\[==========\] \d+ tests? from .* ran", output, re.M):
        passed = int((re.findall(r"^\[  PASSED  \] (\d+) test", output, re.M) or ["0"])[-1])
        failed = int((re.findall(r"^ *(\d+) FAILED TEST", output, re.M) or ["0"])[-1])
        skipped = int((re.findall(r"^\[  SKIPPED \] (\d+) test", output, re.M) or ["0"])[-1])
    else:
        passed, failed, skipped = (1, 0, 0) if code == 0 else (0, 1, 0)
    if code != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def run(title, command, timeout=900, env=None, shown=None):
    """Runs a test step, adds its counts, and shows its output where it failed.

    Lines that match `shown` are part of the answer and always printed.
    """
    began = time.monotonic()
    try:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace") if isinstance(
            late.stdout, bytes) else (late.stdout or "")
        output, code = output + f"\nno end after {timeout} s\n", 124
    passed, failed, skipped = count(output, code)
    with lock:
        totals["passed"] += passed
        totals["failed"] += failed
        totals["skipped"] += skipped
        print(f"{'ok  ' if failed == 0 else 'FAIL'} {title}: {passed} passed, {failed} failed"
              f"{f', {skipped} skipped' if skipped else ''} ({time.monotonic() - began:.0f} s)",
              flush=True)
        if shown and not failed:
            print("\n".join(line for line in output.split("\n") if re.search(shown, line)),
                  flush=True)
        if failed:
            print("\n".join("    " + line for line in output.split("\n")[-120:]), flush=True)
    return failed == 0


def build(directory, *options, env=None, targets=()):
    """Configures where needed and compiles. A build that fails is a failed test, and says why."""
    began = time.monotonic()
    environment = {**os.environ, **(env or {})}
    if not (directory / "build.ninja").is_file():
        configured = subprocess.run(["meson", "setup", str(directory), *options], cwd=ROOT, text=True,
                                    env=environment, capture_output=True)
        if configured.returncode != 0:
            print(configured.stdout[-4000:], configured.stderr[-2000:])
            totals["failed"] += 1
            return False
    made = subprocess.run(["ninja", "-C", str(directory), *targets], cwd=ROOT, text=True,
                          capture_output=True, env=environment)
    if made.returncode != 0:
        print(made.stdout[-8000:], made.stderr[-2000:])
        totals["failed"] += 1
    print(f"{'ok  ' if made.returncode == 0 else 'FAIL'} build {directory.name} "
          f"({time.monotonic() - began:.0f} s)", flush=True)
    return made.returncode == 0


def build_release():
    return build(RELEASE)


SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


def build_sanitized():
    return build(SANITIZED, "--buildtype=plain", "-Dfuzzing=true", "-Dbenchmarks=false",
                 "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dcpp_args=-O1 -g1",
                 env={"CC": "clang-16", "CXX": "clang++-16"}, targets=("sanitized",))


def build_threads():
    return build(THREADS, "--buildtype=plain", "-Dbenchmarks=false", "-Db_sanitize=thread",
                 "-Db_lundef=false", "-Dcpp_args=-O1 -g1",
                 env={"CC": "clang-16", "CXX": "clang++-16"}, targets=("tests/tsan_tests",))


def fuzz(target, seconds):
    """New inputs are kept in the corpus; the seeds of the unit tests are read beside it."""
    corpus, seeds = CORPUS / target.name, SEEDS / target.name
    dictionary = ROOT / f"tests/fuzz/{target.name}.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    run(f"fuzz {target.name} {seconds} s",
        [target, corpus, *([seeds] if seeds.is_dir() else []), f"-max_total_time={seconds}",
         "-rss_limit_mb=4096", "-timeout=10", "-max_len=4096", "-print_final_stats=0",
         f"-artifact_prefix={SANITIZED}/",
         *([f"-dict={dictionary}"] if dictionary.is_file() else [])],
        timeout=seconds + 120, env=SANITIZER_ENV)


def fuzz_all(seconds):
    """Two at a time: there are two cores."""
    targets = sorted(path for path in SANITIZED.glob("tests/*_fuzz") if os.access(path, os.X_OK))
    waiting = [target for target in targets if target.name != "planted_fuzz"]

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                target = waiting.pop(0)
            fuzz(target, seconds)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def planted_bug():
    run("fuzzing finds a planted bug",
        ["/usr/bin/python3", "tests/planted_bug.py", SANITIZED / "tests/planted_fuzz",
         SEEDS / "decode_fuzz", PLANTED_SECONDS], env=SANITIZER_ENV, shown="^found")


def coverage():
    run("coverage of parsers by fuzzing",
        ["/usr/bin/python3", "tests/coverage.py", SANITIZED, SEEDS, CORPUS], env=SANITIZER_ENV,
        shown="^coverage")


def integration():
    for script in sorted((ROOT / "tests/integration").glob("*_test.py")):
        run(f"integration {script.stem}", ["/usr/bin/python3", script, RELEASE], timeout=900)
    run("alert rules and dashboards", ["/usr/bin/python3", "tests/integration/promtool_check.py"])
    run("shipped packs on samples", ["/usr/bin/python3", "tests/packs/samples_test.py", RELEASE])


def release_tests():
    run("unit tests", [RELEASE / "tests/unit_tests", "--gtest_brief=1"])
    run("golden replays", [RELEASE / "tests/golden_tests", "--gtest_brief=1"])


def main():
    level = sys.argv[1] if len(sys.argv) > 1 else ""
    run("style", ["scripts/check"])
    run("format", ["scripts/format", "--check"])
    if build_release():
        release_tests()
        if level != "--quick":
            waiting = threading.Thread(target=integration)
            waiting.start()
            sanitized = build_sanitized()
            threads = build_threads()
            waiting.join()
            run("instructions on the hot path", ["/usr/bin/python3", "tests/instruction_guard.py",
                                                 RELEASE])
            if threads:
                run("thread sanitizer", [THREADS / "tests/tsan_tests", "--gtest_brief=1"])
            if sanitized:
                shutil.rmtree(SEEDS, ignore_errors=True)
                run("unit tests, sanitized", [SANITIZED / "tests/unit_tests", "--gtest_brief=1"],
                    env={**SANITIZER_ENV, "SLUICE_SEED_DIR": str(SEEDS)})
                run("golden replays, sanitized", [SANITIZED / "tests/golden_tests", "--gtest_brief=1"],
                    env=SANITIZER_ENV)
                run("malformed packets, sanitized",
                    [SANITIZED / "tests/malformed_tests", "--gtest_brief=1"], env=SANITIZER_ENV)
                planted_bug()
                fuzz_all(FUZZ_SECONDS if level != "--full" else 600)
                coverage()
    if level == "--full":
        run("clang-tidy", ["/usr/bin/python3", "tests/tidy.py", RELEASE], timeout=5400,
            shown="^clang-tidy:|: warning: ")
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(f"{totals['passed']} passed, {totals['failed']} failed{skipped}")
    return 1 if totals["failed"] or totals["passed"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
