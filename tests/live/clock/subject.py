"""A process to be recorded that knows the truth about itself: reads one job a line, prints its figures as JSON."""
import json
import os
import sys
import threading
import time

import lockclock


def contend(threads, times, hold_us, free_us):
    """Threads that compute with the lock and sleep without it."""
    return run_threads(threads, lambda: lockclock.contend(times, hold_us, free_us))


def asleep(times, asleep_us, free_us):
    """One thread that sleeps with the lock, and one that wants it."""
    return run_threads(1, lambda: sleeper(times, asleep_us, free_us))


def sleeper(times, asleep_us, free_us):
    return lockclock.sleep_holding(times, asleep_us, free_us)  # the guilty line


def starve(asleep_us):
    """One thread takes the lock after 0.2 s and sleeps with it; another, who computes, wants it back."""
    until = time.monotonic() + 0.6

    def work():
        while time.monotonic() < until:
            sum(range(500))
    greedy = threading.Thread(target=lambda: sleeper(1, asleep_us, 200000))
    hungry = threading.Thread(target=work)
    greedy.start()
    hungry.start()
    greedy.join()
    hungry.join()
    return []


def spin(threads, seconds):
    """Pure Python threads."""
    until = time.monotonic() + seconds

    def work():
        total = 0
        while time.monotonic() < until:
            total += sum(range(500))
        return {"tid": threading.get_native_id(), "cpu_ns": time.thread_time_ns()}
    return run_threads(threads, work)


def cycle(cycles):
    """A tight release/acquire loop that nobody disturbs."""
    before = time.thread_time_ns()
    wall_ns = lockclock.cycle(cycles)
    return {"wall_ns": wall_ns, "cpu_ns": time.thread_time_ns() - before}


def count(threads, milliseconds):
    """How far processor-bound threads come."""
    until = time.monotonic() + milliseconds / 1000
    before = time.process_time_ns()

    def work():
        rounds = 0
        while time.monotonic() < until:
            for _ in range(200):
                rounds += 1
        return rounds
    rounds = sum(run_threads(threads, work))
    return {"rounds": rounds, "cpu_ns": time.process_time_ns() - before}


def fork(children, seconds):
    """Children that compute in two threads each."""
    pids = []
    for _ in range(children):
        pid = os.fork()
        if not pid:
            spin(2, seconds)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    return [{"pid": pid} for pid in pids]


def run_threads(count, work):
    figures = []
    threads = [threading.Thread(target=lambda: figures.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return figures


JOBS = {"contend": contend, "asleep": asleep, "starve": starve, "spin": spin, "fork": fork, "cycle": cycle, "count": count}


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        name, *numbers = line.split()
        print(json.dumps(JOBS[name](*map(int, numbers))), flush=True)


if __name__ == "__main__":
    main()
