#!/usr/bin/env python3
"""Threads that block outside the lock overlap: half ask a slow server, half a locked database.

Expect: verdict overlapping, far less than one core used, almost no waiting for the lock. The total
grows with --threads until the server or the database is the limit.
What must change: nothing in the program; these threads cost each other nothing. More throughput
comes from more threads, or from a faster server.
"""
import os
import socket
import sqlite3
import tempfile
import threading
import time

import work

ANSWER_SECONDS = 0.02


def serve(client):
    while client.recv(16):
        time.sleep(ANSWER_SECONDS)
        client.sendall(b"answer")


def accept(listener):
    while True:
        client, _address = listener.accept()
        threading.Thread(target=serve, args=(client,), name="server", daemon=True).start()


def ask_server(deadline, address):
    rounds = 0
    with socket.create_connection(address) as connection:
        while time.monotonic() < deadline:
            connection.sendall(b"question")
            connection.recv(16)
            rounds += 1
    return rounds


def ask_database(deadline, path):
    """Each transaction waits inside SQLite, with the lock released, for the others' to end."""
    rounds = 0
    database = sqlite3.connect(path, timeout=60, isolation_level=None)
    while time.monotonic() < deadline:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE visits SET count = count + 1")
        time.sleep(ANSWER_SECONDS)
        database.execute("COMMIT")
        rounds += 1
    database.close()
    return rounds


def main():
    options = work.options(__doc__, threads=8)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "visits.db")
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE visits (count INTEGER)")
            database.execute("INSERT INTO visits VALUES (0)")
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=accept, args=(listener,), name="listener", daemon=True).start()
        address = listener.getsockname()
        began = work.begin(f"{options.threads} threads ask a server or a database")
        rounds = work.run_threads(options.threads, options.seconds, [
            lambda deadline, _index: ask_server(deadline, address),
            lambda deadline, _index: ask_database(deadline, path)])
        work.finish(began, rounds, "answers")


if __name__ == "__main__":
    main()
