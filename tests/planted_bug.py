"""planted_bug.py TARGET SEEDS SECONDS: does fuzzing find a bug that was planted for it?

TARGET is a fuzz target with a bug behind two VLAN tags around a VXLAN tunnel. The seeds as they are
must not reach it; libFuzzer, which starts from those with such a tunnel, must within the time. It
starts over every so many inputs, each time with a seed that is fixed.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DICTIONARY = ROOT / "tests/fuzz/decode_fuzz.dict"
FIRST_SEED = 20240617
RUNS_OF_A_START = 30_000


def fuzz(target, options, directory, timeout):
    done = subprocess.run([target, *options, str(directory)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout)
    return done.returncode, done.stdout


def is_near(seed):
    """VXLAN right behind Ethernet and IPv4; two bytes of configuration stand in front."""
    return (len(seed) < 200 and seed[14:17] == b"\x08\x00\x45"
            and seed[38:40] == (4789).to_bytes(2, "big"))


def search(target, near, scratch, seed):
    """The number of inputs after which the bug was found, or None."""
    words = scratch / "vlans.dict"
    words.write_text("".join(line + "\n" for line in DICTIONARY.read_text().split("\n")
                             if "vlan" in line))
    corpus = scratch / str(seed)
    shutil.copytree(near, corpus)
    _, output = fuzz(target, [f"-seed={seed}", f"-runs={RUNS_OF_A_START}", "-max_len=256",
                              f"-dict={words}", f"-artifact_prefix={scratch}/"], corpus, 120)
    if not list(scratch.glob("crash-*")) or "deadly signal" not in output:
        return None
    return int((re.findall(r"^#(\d+)\t", output, re.M) or ["0"])[-1])


def main():
    target, seeds, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    if not seeds.is_dir():
        sys.exit(f"{seeds}: there are no seeds: the unit tests write them")
    code, output = fuzz(target, ["-runs=0", "-max_len=4096"], seeds, 300)
    if code != 0:
        sys.exit(f"a seed reaches the planted bug by itself:\n{output[-3000:]}")
    with tempfile.TemporaryDirectory(prefix="sluice_planted_") as scratch:
        scratch = pathlib.Path(scratch)
        near = scratch / "near"
        near.mkdir()
        for seed in seeds.iterdir():
            if is_near(seed.read_bytes()):
                shutil.copy(seed, near)
        began, starts = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            runs = search(target, near, scratch, FIRST_SEED + starts)
            if runs is not None:
                print(f"found by seed {FIRST_SEED + starts}, start {starts + 1}, within {runs} inputs"
                      f" from {len(list(near.iterdir()))} frames")
                return 0
            starts += 1
    sys.exit(f"not found within {seconds} s: seeds {FIRST_SEED} to {FIRST_SEED + starts - 1}, "
             f"{RUNS_OF_A_START} inputs each")


if __name__ == "__main__":
    sys.exit(main())
