#!/usr/bin/env python3
"""Pure-Python threads share one core, however many there are.

Expect: verdict lock-bound, about 1.0 core used, every thread waiting most of the time, and the blame
on longest_collatz() below. The total is the same with --threads 1.
What must change: nothing inside the loop helps while it is Python; move the work into processes
(process_pool.py), or into code that releases the lock (numpy_threads.py, numba_threads.py).
"""
import time

import work


def longest_collatz(limit):
    best, best_start = 0, 0
    for start in range(1, limit):
        value, steps = start, 0
        while value != 1:
            value = value * 3 + 1 if value & 1 else value >> 1
            steps += 1
        if steps > best:
            best, best_start = steps, start
    return best_start


def compute(deadline, _index=0):
    rounds = 0
    while time.monotonic() < deadline:
        longest_collatz(2000)
        rounds += 1
    return rounds


def main():
    options = work.options(__doc__)
    began = work.begin(f"{options.threads} threads compute in Python")
    work.finish(began, work.run_threads(options.threads, options.seconds, [compute]), "rounds")


if __name__ == "__main__":
    main()
