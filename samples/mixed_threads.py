#!/usr/bin/env python3
"""Mixed: one thread computes in Python while others answer small requests, and each answer queues.

Expect: verdict convoy. The lock is handed over after a switch interval (5 ms) at the earliest, so an
answer that takes microseconds waits about 5 ms each time it comes back from its socket. The
blame is on rebuild_index() below. The answers a second fall far below those of --quiet.
What must change: rebuild_index() belongs into another process; sys.setswitchinterval() only trades
its speed for theirs.
"""
import socket
import threading
import time

import work


def rebuild_index(deadline):
    rounds = 0
    while time.monotonic() < deadline:
        index = {}
        for number in range(20_000):
            index.setdefault(str(number)[-2:], []).append(number)
        rounds += 1
    return rounds


def echo(connection):
    while (request := connection.recv(64)):
        connection.sendall(request)


def ask(deadline, _index):
    rounds = 0
    client, server = socket.socketpair()
    threading.Thread(target=echo, args=(server,), name="echo", daemon=True).start()
    with client:
        while time.monotonic() < deadline:
            client.sendall(b"ping")
            client.recv(64)
            rounds += 1
            time.sleep(0.001)
    return rounds


def main():
    options = work.options(__doc__, quiet="leave rebuild_index() out")
    began = work.begin(f"{options.threads} threads answer requests"
                       + ("" if options.quiet else " beside one that computes"))
    if not options.quiet:
        threading.Thread(target=rebuild_index, args=(began + options.seconds,), name="indexer").start()
    work.finish(began, work.run_threads(options.threads, options.seconds, [ask]), "answers")


if __name__ == "__main__":
    main()
