#!/usr/bin/env python3
"""The work of pure_threads.py in a process pool: each process has its own lock, at the price of memory.

Expect: verdict multi-process, about min(workers, cores) cores used over all processes, no waiting,
and the memory of each process: the parent and --threads workers. The total grows with the cores.
What must change: nothing, if the memory is affordable and arguments and results are small to copy.
"""
from concurrent.futures import ProcessPoolExecutor
import time

import pure_threads
import work


def main():
    options = work.options(__doc__)
    began = work.begin(f"{options.threads} processes compute in Python")
    deadline = time.monotonic() + options.seconds
    with ProcessPoolExecutor(options.threads) as pool:
        rounds = sum(pool.map(pure_threads.compute, [deadline] * options.threads))
    work.finish(began, rounds, "rounds")


if __name__ == "__main__":
    main()
