"""clang-tidy over the production code, with the compile commands of a build; .clang-tidy says what.

tidy.py BUILD_DIR [FILE...] looks at the files named, else at all. A finding in a header is printed and
counted once, whoever includes it; only what clang-tidy calls an error fails.
"""
import json
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
FINDING = re.compile(r"(?:^|: )(?:warning|error): ")


def tidy(source, build):
    """The flags are g++'s: what clang does not know of them is no finding."""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), str(source),
                           "--extra-arg=-Wno-unknown-warning-option"],
                          cwd=ROOT, capture_output=True, text=True, errors="replace")
    if done.returncode != 0 and not FINDING.search(done.stdout):
        return f"{source}: error: clang-tidy ended with {done.returncode}: {done.stderr[-500:]}\n"
    return done.stdout


def findings_of(output, build):
    """Each finding once, with the lines below it, its place from the root of the tree."""
    findings, lines = {}, []
    for line in output.split("\n"):
        if FINDING.search(line):
            path, colon, rest = line.partition(":")
            if colon and "/" in path:
                place = (build / path).resolve()
                line = f"{place.relative_to(ROOT) if place.is_relative_to(ROOT) else place}:{rest}"
            lines = findings.setdefault(line, [])
            lines.clear()
        else:
            lines.append(line)
    return ["\n".join([line, *below]).rstrip() for line, below in sorted(findings.items())]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    commands = json.loads((build / "compile_commands.json").read_text())
    sources = sorted({(build / entry["file"]).resolve() for entry in commands})
    sources = [source for source in sources if source.suffix == ".cc"
               and not source.is_relative_to(ROOT / "tests")]
    if sys.argv[2:]:
        named = {pathlib.Path(name).resolve() for name in sys.argv[2:]}
        sources = [source for source in sources if source in named]
    with ThreadPoolExecutor(2) as pool:
        findings = findings_of("".join(pool.map(lambda s: tidy(s, build), sources)), build)
    for finding in findings:
        print(finding)
    errors = sum(re.search(r"(?:^|: )error: ", finding) is not None for finding in findings)
    print(f"clang-tidy: {len(sources)} files, {len(findings) - errors} warnings, {errors} errors")
    return 1 if errors or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
