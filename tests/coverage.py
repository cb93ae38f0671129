"""coverage.py BUILD SEEDS CORPUS: how many lines of each parser the fuzz targets' inputs run through.

The parsers alone are compiled once more, without optimisation and with clang's counters, and linked
in front of the libraries of BUILD, the sanitized build. Below the goal a parser is a failed test.
"""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOAL_PERCENT = 80
DECODE = ("checksum decoder extension_headers icmp_layers ip_layers layer_walk link_layers "
          "transport_layers tunnels")
# Parser: the targets that feed it, and its files without their endings.
PARSERS = {
    "decode": (["decode_fuzz"], [f"dataplane/decode/{name}" for name in DECODE.split()]
               + ["dataplane/decode/fast_decode"]),
    "defrag": (["defrag_fuzz"], [f"dataplane/decode/defrag{part}" for part in
                                 ("", "_assembly", "_fragment", "_table")]),
    "reassembly": (["reassembly_fuzz"], [f"dataplane/inspect/{name}" for name in
                                         ("kept_bytes", "reorder", "stream_reassembly",
                                          "tcp_stream")]),
    "config": (["config_fuzz", "list_file_fuzz"],
               [f"config/{name}" for name in ("cpu_list", "device_word", "list_file", "load",
                                              "option_value", "validate", "yaml_tree")]),
    "capture": (["capture_fuzz"], [f"dataplane/io/{name}" for name in
                                   ("capture_assembler", "capture_file", "capture_link",
                                    "pcap_reader", "pcapng_reader")]),
    "suricata": (["suricata_fuzz", "dataset_list_fuzz"],
                 [f"rules/suricata_{part}" for part in
                  ("about", "byte_words", "bytes", "checks", "content", "datasets", "draft", "flags",
                   "flow", "headers", "import", "lists", "parser", "pcre", "rule", "values")]),
    "http": (["http_fuzz"], [f"dataplane/inspect/http_{part}" for part in
                             ("body", "buffers", "detect", "field", "framing", "head", "inflate",
                              "parser", "room", "uri")]),
    "inflate": (["inflate_fuzz"], [f"dataplane/inspect/{name}" for name in
                                   ("gzip_frame", "inflate", "inflate_codes")]),
    "tls": (["tls_fuzz"],
            [f"dataplane/inspect/{name}" for name in
             ("der_reader", "ja_fingerprint", "tls_buffers", "tls_certificate", "tls_detect",
              "tls_handshake", "tls_hello", "tls_parser")]),
    "quic": (["quic_fuzz"], [f"dataplane/inspect/quic_{part}" for part in
                             ("cipher", "crypto", "detect", "packet", "parser")]),
    "plan": (["plan_fuzz"], ["dataplane/parts_codec", "src/base/plain_codec",
                             "dataplane/wire_plan"]),
}
COUNTERS = ["-fprofile-instr-generate", "-fcoverage-mapping"]


def sources(parser):
    return [f"{name}.cc" for name in PARSERS[parser][1] if (ROOT / f"{name}.cc").is_file()]


def compile_source(build, scratch, source):
    commands = json.loads((build / "compile_commands.json").read_text())
    entry = next(e for e in commands if (build / e["file"]).resolve() == ROOT / source)
    words = [word for word in shlex.split(entry["command"]) if not word.startswith(
        ("-fsanitize", "-O", "-g", "-MD"))]
    for flag in ("-MQ", "-MF", "-o"):
        at = words.index(flag)
        del words[at:at + 2]
    result = scratch / (source.replace("/", "_") + ".o")
    subprocess.run([*words, "-O0", *COUNTERS, "-o", str(result)], cwd=build, check=True)
    return result


def link(build, scratch, target, objects):
    """The link of the target with counted objects first: archives give only what is still missing."""
    listed = subprocess.run(["ninja", "-C", str(build), "-t", "commands", f"tests/{target}"],
                            capture_output=True, text=True, check=True).stdout.strip().split("\n")
    words = shlex.split(listed[-1])
    binary = scratch / target
    at = words.index("-o")
    words[at:at + 2] = ["-o", str(binary), *map(str, objects)]
    subprocess.run([*words, "-fprofile-instr-generate"], cwd=build, check=True)
    return binary


def replay(binary, directories):
    """Every input once; the profile it leaves, merged."""
    raw, merged = binary.with_suffix(".raw"), binary.with_suffix(".profile")
    done = subprocess.run([str(binary), "-runs=0", "-timeout=30", "-max_len=4096",
                           *[str(d) for d in directories if d.is_dir()]],
                          env={**os.environ, "LLVM_PROFILE_FILE": str(raw)},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=300)
    if done.returncode != 0:
        sys.exit(f"{binary.name}: exit {done.returncode}:\n{done.stdout[-4000:]}")
    subprocess.run(["llvm-profdata-16", "merge", "-o", str(merged), str(raw)], check=True)
    return merged


def lines_of(parser, binaries, profiles, scratch):
    """(covered, all) lines of the parser's own files."""
    merged = scratch / f"{parser}.merged"
    subprocess.run(["llvm-profdata-16", "merge", "-o", str(merged), *map(str, profiles)], check=True)
    more = [word for binary in binaries[1:] for word in ("-object", str(binary))]
    exported = subprocess.run(
        ["llvm-cov-16", "export", "-summary-only", f"-instr-profile={merged}", str(binaries[0]),
         *more], capture_output=True, text=True, check=True).stdout
    wanted = {str(ROOT / (name + ending)) for name in PARSERS[parser][1] for ending in (".cc", ".h")}
    covered = count = 0
    for file in json.loads(exported)["data"][0]["files"]:
        if os.path.realpath(file["filename"]) in wanted:
            covered += file["summary"]["lines"]["covered"]
            count += file["summary"]["lines"]["count"]
    return covered, count


def measure(parser, build, seeds, corpus, scratch):
    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(lambda source: compile_source(build, scratch, source),
                                sources(parser)))
    binaries = [link(build, scratch, target, objects) for target in PARSERS[parser][0]]
    profiles = [replay(binary, (seeds / binary.name, corpus / binary.name)) for binary in binaries]
    return lines_of(parser, binaries, profiles, scratch)


def main():
    build, seeds, corpus = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="sluice_coverage_"))
    failed = 0
    try:
        for parser in PARSERS:
            covered, count = measure(parser, build, seeds, corpus, scratch)
            percent = 100 * covered // max(count, 1)
            is_enough = percent >= GOAL_PERCENT
            failed += not is_enough
            print(f"coverage {parser} {percent} % of {count} lines"
                  f"{'' if is_enough else f', below {GOAL_PERCENT} %'}", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{len(PARSERS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
