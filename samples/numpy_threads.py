#!/usr/bin/env python3
"""NumPy releases the lock inside a matrix product: threads use all cores.

Expect: verdict parallel-native, about min(threads, cores) cores used, little waiting. The total grows
with --threads up to the number of cores. BLAS is held to one thread of its own, so that the
parallelism is Python's.
What must change: nothing. With --small the matrices are so small that the Python between two
products is most of the work, and the lock becomes the limit again: batch them.
"""
import os
import time

os.environ.update({name + "_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "BLIS")})

import work

numpy = work.need("numpy")


def multiply(deadline, size):
    left, right, product = numpy.ones((3, size, size))
    rounds = 0
    while time.monotonic() < deadline:
        numpy.matmul(left, right, out=product)
        rounds += 1
    return rounds


def main():
    options = work.options(__doc__, small="multiply 8 x 8 matrices instead of 500 x 500")
    size = 8 if options.small else 500
    began = work.begin(f"{options.threads} threads multiply {size} x {size} matrices")
    rounds = work.run_threads(options.threads, options.seconds,
                              [lambda deadline, _index: multiply(deadline, size)])
    work.finish(began, rounds, "products")


if __name__ == "__main__":
    main()
