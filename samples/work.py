"""What the samples share: their options, their threads, and how they say what they got done."""
import argparse
import os
import threading
import time


def options(text, threads=4, **flags):
    """Reads --seconds and --threads, and one boolean option for each of `flags` (name: help)."""
    head, _, rest = text.partition("\n")
    parser = argparse.ArgumentParser(
        description=head, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="how long to work (5)")
    parser.add_argument("--threads", type=int, default=threads, help=f"how many ({threads})")
    for flag, meaning in flags.items():
        parser.add_argument("--" + flag.replace("_", "-"), action="store_true", help=meaning)
    chosen = parser.parse_args()
    if chosen.threads < 1 or chosen.seconds <= 0:
        parser.error("--threads and --seconds must be above 0")
    return chosen


def begin(what):
    """Says that the set-up is over, so that `gilscope record -p` can be started at the right time."""
    print(f"pid {os.getpid()}: {what}", flush=True)
    return time.monotonic()


def finish(began, rounds, name):
    """Says what was done: compare the total with that of --threads 1."""
    took = time.monotonic() - began
    print(f"done: {rounds} {name} in {took:.1f} s, {rounds / took:.1f} a second", flush=True)


def run_threads(count, seconds, targets):
    """Runs targets[i % len](deadline, i) in `count` threads; returns the sum of what they return."""
    done = [0] * count
    deadline = time.monotonic() + seconds

    def run(index):
        done[index] = targets[index % len(targets)](deadline, index)

    threads = [threading.Thread(target=run, args=(i,), name=f"worker-{i}") for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def need(module, remedy="python3 -m pip install -r samples/requirements.txt (in a venv)"):
    """Imports a third-party module, or says in one line how to get it."""
    try:
        return __import__(module)
    except ImportError:
        raise SystemExit(f"this sample needs {module}: {remedy}") from None
