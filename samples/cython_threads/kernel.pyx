# cython: language_level=3, cdivision=True
"""The same loop twice: called with the lock held, and with it released."""


cdef double series(long steps) noexcept nogil:
    cdef double total = 0.0
    cdef long i
    for i in range(1, steps):
        total += 1.0 / (<double>i * i)
    return total


def series_held(long steps):
    return series(steps)


def series_released(long steps):
    cdef double total
    with nogil:
        total = series(steps)
    return total
