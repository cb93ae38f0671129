"""clang-tidy over the production code, with the compile commands of a build; .clang-tidy says what.

Findings are printed and counted; only what clang-tidy calls an error fails.
"""
import json
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tidy(source, build):
    return subprocess.run(["clang-tidy", "--quiet", "-p", str(build), str(source)], cwd=ROOT,
                          capture_output=True, text=True, errors="replace").stdout


def main():
    build = pathlib.Path(sys.argv[1])
    commands = json.loads((build / "compile_commands.json").read_text())
    sources = sorted({(build / entry["file"]).resolve() for entry in commands})
    sources = [source for source in sources if source.suffix == ".cc"
               and not source.is_relative_to(ROOT / "tests")]
    with ThreadPoolExecutor(2) as pool:
        output = "".join(pool.map(lambda source: tidy(source, build), sources))
    print(output)
    errors = len(re.findall(r": error: ", output))
    print(f"{len(sources)} files, {len(re.findall(r': warning: ', output))} warnings, {errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
