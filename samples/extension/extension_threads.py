#!/usr/bin/env python3
"""A C extension that waits, or computes, while it holds the lock; with --repaired it releases first.

Build it first: cd samples/extension && python3 setup.py build_ext --inplace
One thread calls the extension; the others only want to tick every millisecond, and say how late they were.
Expect: verdict blocked-while-holding and the blame on call_receive (--deep: call_ask, --sleep: call_pause) below;
with --compute verdict lock-bound and the blame on call_digest. With --repaired the ticks are on time.
What must change: what gilscope-lint says about defects.c; repaired.c has it.
"""
import os
import socket
import subprocess
import sys
import time

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import work

ANSWER_SECONDS = 0.02
PEER = f"""
import socket, sys, time
peer = socket.socket(fileno=int(sys.argv[1]))
while peer.recv(16):
    time.sleep({ANSWER_SECONDS})
    peer.sendall(b"answer")
"""
DATA = bytes(range(256)) * 4096


def start_peer():
    """A process that takes its time to answer: a thread could not while this process holds the lock."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen([sys.executable, "-c", PEER, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    return ours


def call_receive(extension, peer):
    peer.sendall(b"question")
    extension.receive(peer.fileno())


def call_ask(extension, peer):
    peer.sendall(b"question")
    extension.ask(peer.fileno())


def call_pause(extension, _peer):
    extension.pause(20)


def call_digest(extension, _peer):
    extension.digest(DATA, 20)


def tick(deadline, lateness):
    """Wants to run every millisecond. Returns how often it could."""
    ticks = 0
    while time.monotonic() < deadline:
        wanted = time.monotonic() + 0.001
        time.sleep(0.001)
        lateness.append(time.monotonic() - wanted)
        ticks += 1
    return ticks


def main():
    options = work.options(__doc__, threads=3, repaired="call the repaired twin", deep="wait two calls deep",
                           sleep="sleep instead of waiting for a peer", compute="compute instead of waiting")
    name = "repaired" if options.repaired else "defects"
    extension = work.need(name, "cd samples/extension && python3 setup.py build_ext --inplace")
    call = (call_ask if options.deep else call_pause if options.sleep else
            call_digest if options.compute else call_receive)
    peer, lateness = start_peer(), []

    def work_on(deadline, index):
        if index:
            return tick(deadline, lateness)
        while time.monotonic() < deadline:
            call(extension, peer)
        return 0

    began = work.begin(f"{name}.{call.__name__[5:]} in one thread, ticks in {options.threads - 1}")
    ticks = work.run_threads(options.threads, options.seconds, [work_on])
    work.finish(began, ticks, "ticks")
    if lateness:
        print(f"ticks were {1000 * sum(lateness) / len(lateness):.1f} ms late on average, "
              f"{1000 * max(lateness):.1f} ms at worst", flush=True)


if __name__ == "__main__":
    main()
