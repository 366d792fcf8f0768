#!/usr/bin/env python3
"""Asyncio: many tasks on one thread; one that computes without awaiting stalls all the others.

Expect: verdict async, one thread, the lock is no limit. The tasks await 5 ms each; the report shows
summarise() below as what the loop's thread was busy with. --polite hands that work to a process.
What must change: summarise() must not run on the loop; await loop.run_in_executor(processes, ...).
"""
import asyncio
from concurrent.futures import ProcessPoolExecutor
import time

import work


def summarise(rows):
    """Tens of milliseconds of Python: far longer than the pauses of the tasks."""
    total = 0
    for row in range(rows):
        total += len(str(row * row))
    return total


async def answer(deadline, lateness):
    rounds = 0
    while time.monotonic() < deadline:
        began = time.monotonic()
        await asyncio.sleep(0.005)
        lateness.append(time.monotonic() - began - 0.005)
        rounds += 1
    return rounds


async def summarise_often(deadline, pool):
    while time.monotonic() < deadline:
        if pool:
            await asyncio.get_running_loop().run_in_executor(pool, summarise, 300_000)
        else:
            summarise(300_000)
        await asyncio.sleep(0.02)


async def run(options, pool):
    lateness = []
    began = work.begin(f"{options.threads} tasks on one event loop")
    deadline = began + options.seconds
    busy = asyncio.create_task(summarise_often(deadline, pool))
    rounds = sum(await asyncio.gather(*(answer(deadline, lateness) for _ in range(options.threads))))
    await busy
    work.finish(began, rounds, "answers")
    lateness.sort()
    print(f"answers were late by {lateness[len(lateness) // 2] * 1e3:.1f} ms in the median,"
          f" {lateness[-1] * 1e3:.1f} ms at worst")


def main():
    options = work.options(__doc__, threads=50, polite="run summarise() in another process")
    if not options.polite:
        asyncio.run(run(options, None))
        return
    with ProcessPoolExecutor(1) as pool:
        asyncio.run(run(options, pool))


if __name__ == "__main__":
    main()
