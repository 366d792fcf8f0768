#!/usr/bin/env python3
"""Cython: a loop inside `with nogil` uses all cores; with --hold-lock the same loop uses one.

Build it first: cd samples/cython_threads && python3 setup.py build_ext --inplace
Expect: verdict parallel-native and about min(threads, cores) cores used; with --hold-lock verdict
lock-bound, about 1.0 core, and the blame on call_held() below.
What must change (--hold-lock): put the loop of kernel.pyx into `with nogil:`, as series_released()
does. That needs a body without Python objects (cdef variables, a `nogil` function).
"""
import os
import sys
import time

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import work

kernel = work.need("kernel", "cd samples/cython_threads && python3 setup.py build_ext --inplace"
                             " (Cython: python3 -m pip install -r samples/requirements.txt)")
STEPS = 20_000_000


def call_held(deadline, _index):
    rounds = 0
    while time.monotonic() < deadline:
        kernel.series_held(STEPS)
        rounds += 1
    return rounds


def call_released(deadline, _index):
    rounds = 0
    while time.monotonic() < deadline:
        kernel.series_released(STEPS)
        rounds += 1
    return rounds


def main():
    options = work.options(__doc__, hold_lock="call the loop that keeps the lock")
    target = call_held if options.hold_lock else call_released
    began = work.begin(f"{options.threads} threads run {target.__name__}")
    work.finish(began, work.run_threads(options.threads, options.seconds, [target]), "loops")


if __name__ == "__main__":
    main()
