#!/usr/bin/env python3
"""What recording costs the recorded: pairs of the same work with and without `gilscope record`, turn and turn about,
medians of the ratios. Costs are processor time, so that busy neighbours do not count. Exit 1 when the contention tier
slows the tight loop by 2 % or more.

    tests/bench/probe_cost.py [--pairs 15] [--python /usr/bin/python3]
"""
import argparse
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
from support import Recording, Subject, why_not  # noqa: E402

LIMIT = 1.02
REPEATS = 7  # of the work in each half of a pair; the best counts

# work, job, from figures to a cost (more is worse)
WORKS = [
    ("tight release/acquire loop, 1 thread", ("cycle", 500000), lambda figures: figures["cpu_ns"]),
    ("4 processor-bound threads", ("count", 4, 150), lambda figures: figures["cpu_ns"] / figures["rounds"]),
]


def run_pair(subject, folder, tier, work, is_recorded_first):
    """cost recorded / cost alone."""
    _, job, cost = work
    costs = {}
    for is_recorded in (is_recorded_first, not is_recorded_first):
        recording = None
        if is_recorded:
            recording = Recording(os.path.join(folder, "bench.run"), "-p", str(subject.pid), "--tier", tier)
        costs[is_recorded] = min(cost(subject.run(*job)) for _ in range(REPEATS))
        if recording:
            recording.stop()
    return costs[True] / costs[False]


def measure(options, tier, work):
    with tempfile.TemporaryDirectory() as folder, Subject(options.python) as subject:
        subject.run(*work[1])  # warm
        ratios = [run_pair(subject, folder, tier, work, pair % 2 == 0) for pair in range(options.pairs)]
    return ratios


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--python", default="/usr/bin/python3")
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print(f"skipped, because {reason}")
        return 0
    failed = False
    print(f"{'work':<40} {'tier':<12} {'median':>8} {'lowest':>8} {'highest':>8}")
    for work in WORKS:
        for tier in ("contention", "exact"):
            ratios = measure(options, tier, work)
            median = statistics.median(ratios)
            print(f"{work[0]:<40} {tier:<12} {median:8.3f} {min(ratios):8.3f} {max(ratios):8.3f}", flush=True)
            failed = failed or (tier == "contention" and work[1][0] == "cycle" and median >= LIMIT)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
