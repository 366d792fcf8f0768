#!/usr/bin/env python3
"""What linting costs: gilscope-lint against `clang-19 -fsyntax-only` over the same units, CPython 3.11's Modules/.

    tests/bench/lint_speed.py [--pairs 3] [--units N] [--bin build/release/bin]

Both run on all cores and turn and turn about; the figures are processor time (user + system, of all processes, reading
the models and joining the outlines included), so that busy neighbours count less, and wall time. Units that a plain
syntax check refuses (for other systems, or without their headers) are left out of both. Exit 1 when the median ratio of
processor time is over 1.6, when less than 98 % of the units were extracted, or when a worker took over 150 MB.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
MAX_RATIO, MIN_EXTRACTED, MAX_WORKER_MB = 1.6, 0.98, 150


def syntax(entry):
    flags = [word for word in entry["arguments"] if word.startswith(("-I", "-D"))]
    return subprocess.run(["clang-19", "-fsyntax-only", "-w", *flags, entry["file"]], cwd=entry["directory"],
                          capture_output=True, check=False).returncode == 0


def check_all(entries):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(syntax, entries))


def measure(work):
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, end - begin


def lint(program, folder, *options):
    out = os.path.join(folder, "out.json")
    done = subprocess.run([program, "-p", folder, "--exit-zero", "--format", f"json:{out}", *options], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"lint_speed: {done.stderr.strip()}")
    with open(out, encoding="utf-8") as stream:
        return json.load(stream)


def worker_mb(program, entry):
    """The largest process of one unit's extraction that is not clang."""
    script = ("import os, resource, subprocess, sys; subprocess.run(sys.argv[1:], cwd=os.environ['HERE'], check=True);"
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    flags = [word for word in entry["arguments"] if word.startswith(("-I", "-D"))]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", script, program, "extract", os.path.join(folder, "o"), entry["file"],
                               *flags], env={**os.environ, "HERE": entry["directory"]}, capture_output=True, text=True,
                              check=True)
    return int(done.stdout) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--units", type=int, default=0, help="only the first N")
    parser.add_argument("--bin", default=os.path.join(TOP, "build", "release", "bin"))
    options = parser.parse_args()
    program = os.path.abspath(os.path.join(options.bin, "gilscope-lint"))
    tree = subprocess.run([os.path.join(TOP, "tests", "tools", "fetch-cpython")], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()
    with open(os.path.join(tree, "compile_commands.json"), encoding="utf-8") as stream:
        entries = json.load(stream)
    entries = [entry for entry, is_good in zip(entries, check_all(entries)) if is_good]
    entries = entries[:options.units or len(entries)]
    ratios, walls = [], []
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as stream:
            json.dump(entries, stream)
        document = lint(program, folder)
        for pair in range(options.pairs):
            works = [lambda: check_all(entries), lambda: lint(program, folder)]
            figures = [measure(work) for work in (works if pair % 2 == 0 else works[::-1])]
            (check_cpu, check_wall), (lint_cpu, lint_wall) = figures if pair % 2 == 0 else figures[::-1]
            ratios.append(lint_cpu / check_cpu)
            walls.append(lint_wall / check_wall)
            print(f"syntax check {check_cpu:.2f} s processor, {check_wall:.2f} s wall; lint {lint_cpu:.2f} s, {lint_wall:.2f} s; "
                  f"ratio {ratios[-1]:.2f}, {walls[-1]:.2f}", flush=True)
    units = document["units"]
    largest = max(entries, key=lambda entry: os.path.getsize(os.path.join(entry["directory"], entry["file"])))
    memory = worker_mb(program, largest)
    ratio = statistics.median(ratios)
    print(f"{units['total']} units, {units['extracted']} extracted; median ratio {ratio:.2f} processor, "
          f"{statistics.median(walls):.2f} wall; largest process {memory:.0f} MB ({os.path.basename(largest['file'])}, clang too)")
    for failure in units["failed"]:
        print(f"  not extracted: {failure['file']}: {failure['why']}")
    return int(ratio > MAX_RATIO or units["extracted"] < MIN_EXTRACTED * units["total"] or memory > MAX_WORKER_MB)


if __name__ == "__main__":
    sys.exit(main())
