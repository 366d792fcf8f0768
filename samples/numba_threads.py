#!/usr/bin/env python3
"""Numba in a thread pool: compiled with nogil=True it uses all cores; with --hold-lock, one.

Expect: verdict parallel-native and about min(threads, cores) cores used; with --hold-lock verdict
lock-bound, about 1.0 core, and the blame on call_kernel() below, which calls the kernel.
What must change (--hold-lock): compile with @numba.njit(nogil=True).
"""
from concurrent.futures import ThreadPoolExecutor
import time

import work

numba = work.need("numba")


def kernel(steps):
    total = 0.0
    for i in range(1, steps):
        total += 1.0 / (i * i)
    return total


def call_kernel(compiled, deadline):
    rounds = 0
    while time.monotonic() < deadline:
        compiled(20_000_000)
        rounds += 1
    return rounds


def main():
    options = work.options(__doc__, hold_lock="compile with nogil=False")
    compiled = numba.njit("float64(int64)", nogil=not options.hold_lock)(kernel)
    began = work.begin(f"{options.threads} threads run a kernel, nogil={not options.hold_lock}")
    deadline = began + options.seconds
    with ThreadPoolExecutor(options.threads, thread_name_prefix="pool") as pool:
        jobs = [pool.submit(call_kernel, compiled, deadline) for _ in range(options.threads)]
        work.finish(began, sum(job.result() for job in jobs), "kernels")


if __name__ == "__main__":
    main()
