"""`gilscope dump`: one look from outside at programs that hold, wait, sleep, hang, or are none of Python's."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import GILSCOPE, HERE, SOURCE, Subject, interpreters, run_gilscope

# A deadlock of two locks, and a main thread that joins for ever. Lines are looked up by their marks.
DEADLOCK = '''
import threading, time
one, two = threading.Lock(), threading.Lock()
def first():
    with one:
        time.sleep(0.2)
        with two: pass  # FIRST
def second():
    with two:
        time.sleep(0.2)
        with one: pass  # SECOND
threads = [threading.Thread(target=work) for work in (first, second)]
for thread in threads: thread.start()
print("ready", *(thread.native_id for thread in threads), flush=True)
threads[0].join()
'''

# Holds the lock in C and never gives it up again; another wants it.
HUNG = '''
import ctypes, threading, time
def hang():
    print("ready", threading.get_native_id(), flush=True)
    time.sleep(0.2)
    ctypes.PyDLL(None).pause()  # HANGS
threading.Thread(target=hang).start()
while True: pass  # WANTS
'''

# Computes in C for ever, without a module that some builds lack.
HOG = '''
import threading, time
def hog():
    print("ready", threading.get_native_id(), flush=True)
    time.sleep(0.2)
    sum(range(10 ** 15))  # HOGS
threading.Thread(target=hog).start()
while True: pass  # WANTS
'''

# An interpreter with a lock of its own (3.12 and later), which computes in a thread of its own.
TWO = '''
import threading, time
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
other = interpreters.create()
run = getattr(interpreters, "run_string", None) or interpreters.exec
def work():
    print("ready", threading.get_native_id(), flush=True)
    run(other, "while True: pass")
threading.Thread(target=work).start()
time.sleep(600)
'''

MANY = '''
import threading, time
stop = threading.Event()
threading.stack_size(256 * 1024)
for _ in range(%d): threading.Thread(target=stop.wait, daemon=True).start()
print("ready", flush=True)
time.sleep(600)
'''


def line_of(script, mark):
    return next(i for i, line in enumerate(script.splitlines(), 1) if line.endswith("# " + mark))


def listed():
    """The interpreters that are here already, of other releases too: name → (argv, env), version."""
    tool = os.path.join(SOURCE, "tests", "tools", "fetch-interpreters")
    done = subprocess.run([tool, "--list"], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    return [found for found in map(json.loads, done.stdout.splitlines()) if found["argv"]]


class Script:
    """A script that has said ready, with the numbers it said."""

    def __init__(self, python, text, env=None):
        argv = [python] if isinstance(python, str) else python
        self.process = subprocess.Popen([*argv, "-c", text], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        self.numbers = list(map(int, self.process.stdout.readline().split()[1:]))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def dump(pid):
    done = run_gilscope("dump", "-p", str(pid), "--format", "json")
    if done.returncode or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    document = json.loads(done.stdout)
    assert document["schema"] == "gilscope-dump/1", document
    return document["targets"][0]


def dump_until(pid, fits, seconds=10):
    """The first dump that shows what the process is about to do."""
    until = time.monotonic() + seconds
    while True:
        target = dump(pid)
        if fits(target):
            return target
        if time.monotonic() > until:
            raise AssertionError(json.dumps(target, indent=1))
        time.sleep(0.02)


def waiters(target):
    return target["locks"][0]["waiter_tids"]


def is_hung(script):
    """Whether a dump shows that its thread will not give the lock up again."""
    return lambda found: found["locks"][0]["holder_tid"] == script.numbers[0] and waiters(found) == [script.pid]


def thread_of(target, tid):
    found = [thread for thread in target["threads"] if thread["tid"] == tid]
    assert len(found) == 1, (tid, target)
    return found[0]


@unittest.skipUnless(os.path.exists(GILSCOPE), f"skipped, because {GILSCOPE} is not built")
class Dump(unittest.TestCase):
    def test_a_holder_that_sleeps_and_its_victim(self):
        line = line_of(open(os.path.join(HERE, "clock", "subject.py"), encoding="utf-8").read(), "the guilty line")
        for python in interpreters():
            with self.subTest(python=python), Subject(python) as subject:
                subject.start("starve", 1500000)
                target = dump_until(subject.pid, lambda found: waiters(found) and any(
                    thread["is_holder"] and thread["state"] == "sleeps" for thread in found["threads"]))
                lock = target["locks"][0]
                holder = thread_of(target, lock["holder_tid"])
                self.assertTrue(holder["is_holder"])
                self.assertEqual(holder["state"], "sleeps")
                self.assertIn("nanosleep", holder["says"])
                self.assertEqual(holder["stack"][0]["function"], "sleeper")
                self.assertEqual(holder["stack"][0]["line"], line)
                self.assertIsNone(lock["held_since"])
                self.assertIn("record", target["held_since_needs"])
                self.assertEqual(target["threads"][0], holder, "the holder comes first")
                self.assertEqual(len(waiters(target)), 1)
                victim = thread_of(target, waiters(target)[0])
                self.assertEqual((victim["state"], victim["waits_for"]), ("waits", 0))
                self.assertIn("work", victim["stack"][0]["function"])
                self.assertFalse(target["changed_meanwhile"])
                subject.read_line()

    def test_text_says_it_in_the_first_lines(self):
        with Script(interpreters()[0], HUNG) as script:
            dump_until(script.pid, is_hung(script))
            for _ in range(10):  # on a busy machine the waiter may be kept from going back to sleep
                done = run_gilscope("dump", "-p", str(script.pid))
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                if "WAITS" in done.stdout:
                    break
            lines = done.stdout.splitlines()
            self.assertRegex(lines[0], rf"^pid {script.pid}: CPython 3\.\d+\.\d+")
            self.assertRegex(lines[1], rf"^the lock is held by .*tid {script.numbers[0]}\): asleep in pause.*; 1 waits")
            self.assertRegex(lines[3], rf"^HOLDS .*tid {script.numbers[0]}\)")
            self.assertIn(f"<string>:{line_of(HUNG, 'HANGS')}", lines[4])
            self.assertIn("WAITS", done.stdout)
            self.assertIn(f"<string>:{line_of(HUNG, 'WANTS')}", done.stdout)
            self.assertIn(f"gilscope record -p {script.pid}", lines[-1])
            self.assertNotIn("\033", done.stdout)

    def test_a_deadlock_of_other_locks(self):
        for python in interpreters():
            with self.subTest(python=python), Script(python, DEADLOCK) as script:
                target = dump_until(script.pid, lambda found: all(
                    thread["state"] == "sleeps" and "futex" in thread["says"] for thread in found["threads"]))
                self.assertFalse(target["locks"][0]["held"])
                self.assertIsNone(target["locks"][0]["holder_tid"])
                self.assertEqual(waiters(target), [])
                for tid, mark in zip(script.numbers, ("FIRST", "SECOND")):
                    self.assertEqual(thread_of(target, tid)["stack"][0]["line"], line_of(DEADLOCK, mark))
                self.assertIn("join", json.dumps(thread_of(target, script.pid)["stack"]))

    def test_a_stopped_process(self):
        with Script(interpreters()[0], HUNG) as script:
            dump_until(script.pid, is_hung(script))
            os.kill(script.pid, signal.SIGSTOP)
            target = dump_until(script.pid, lambda found: {thread["state"] for thread in found["threads"]} == {"stopped"})
            self.assertEqual(target["locks"][0]["holder_tid"], script.numbers[0])
            os.kill(script.pid, signal.SIGCONT)

    def test_threads_that_compute(self):
        for python in interpreters():
            with self.subTest(python=python), Subject(python) as subject:
                subject.start("spin", 3, 3)
                target = dump_until(subject.pid, lambda found: found["locks"][0]["holder_tid"] and
                                    len({*waiters(found), found["locks"][0]["holder_tid"]} - {subject.pid}) == 3)
                holder = thread_of(target, target["locks"][0]["holder_tid"])
                self.assertEqual(holder["kernel_state"], "R")
                told = {figure["tid"] for figure in subject.finish()}
                self.assertEqual({holder["tid"], *waiters(target)} - {subject.pid}, told)

    def test_every_version_there_is(self):
        """Before 3.11 an interpreter does not keep the numbers of its threads."""
        for found in listed():
            with self.subTest(found["name"]), Script(found["argv"], HOG, found["env"]) as script:
                target = dump_until(script.pid, is_hung(script))
                self.assertTrue(target["interpreter"]["version"].startswith(found["version"]))
                holder, waiter = thread_of(target, script.numbers[0]), thread_of(target, script.pid)
                self.assertEqual(holder["state"], "runs")
                self.assertEqual(holder["stack"][0]["line"], line_of(HOG, "HOGS"))
                self.assertEqual(waiter["stack"][0]["line"], line_of(HOG, "WANTS"))
                self.assertFalse(target["changed_meanwhile"] or target["incomplete"])

    def test_the_lock_is_off(self):
        builds = [found for found in listed() if found["name"].endswith("t")]
        if not builds:
            self.skipTest("skipped, because there is no free-threaded build here (tests/tools/fetch-interpreters)")
        for found in builds:
            with Script(found["argv"], HOG, {**found["env"], "PYTHON_GIL": "0"}) as script:
                target = dump(script.pid)
                self.assertFalse(target["locks"][0]["enabled"] or target["locks"][0]["held"])
                self.assertFalse([thread for thread in target["threads"] if thread["is_holder"]])
                text = run_gilscope("dump", "-p", str(script.pid)).stdout
                self.assertIn("the lock is switched off", text)
                self.assertNotIn("without the lock", text)
                self.assertNotIn("gilscope record", text)

    def test_interpreters_with_locks_of_their_own(self):
        builds = [found for found in listed() if found["version"] and int(found["version"].split(".")[1]) >= 12
                  and not found["name"].endswith("t") and "pyenv" in found["name"]]
        if not builds:
            self.skipTest("skipped, because there is no interpreter of 3.12 or later here")
        for found in builds:
            with self.subTest(found["name"]), Script(found["argv"], TWO, found["env"]) as script:
                target = dump_until(script.pid, lambda seen: len(seen["locks"]) == 2 and seen["locks"][1]["held"])
                self.assertEqual(target["interpreters"], 2)
                self.assertNotEqual(target["locks"][0]["address"], target["locks"][1]["address"])
                self.assertFalse(target["locks"][0]["held"])
                holder = target["threads"][0]
                self.assertEqual((holder["interpreter"], holder["lock"], holder["is_holder"]), (1, 1, True))
                # Before 3.13 the state is of the thread that made the interpreter: not told as certain.
                self.assertTrue(holder["tid"] == script.numbers[0] or holder["tid_is_shared"])

    def test_is_fast_on_a_process_that_hangs(self):
        """Best of five: the machine may be busy."""
        with Script(interpreters()[0], HUNG) as script, Script(interpreters()[0], MANY % 200) as many:
            for pid in (script.pid, many.pid):
                best = min(self.clock(pid) for _ in range(5))
                self.assertLess(best, 0.1)

    def clock(self, pid):
        before = time.monotonic()
        self.assertEqual(run_gilscope("dump", "-p", str(pid)).returncode, 0)
        return time.monotonic() - before

    def test_to_a_file_and_to_stdout(self):
        with Script(interpreters()[0], DEADLOCK) as script, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump.json")
            done = run_gilscope("dump", "-p", str(script.pid), "--format", "json:" + path, "--format", "text")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith("pid "))
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file)["targets"][0]["pid"], script.pid)

    def test_names_move_no_cursor(self):
        name = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'\\x1b[31mred\\xff', 0, 0, 0)\n" \
               "exec(compile('import time; print(\\'ready\\', flush=True); time.sleep(600)', 'a\\x1b[2Jb', 'exec'))"
        with Script(interpreters()[0], name) as script:
            done = run_gilscope("dump", "-p", str(script.pid))
            self.assertEqual(done.returncode, 0)
            self.assertIn("\\x1b[31mred\\xff (tid", done.stdout)
            self.assertNotIn("\033", done.stdout)
            self.assertTrue(dump(script.pid)["threads"][0]["name"].endswith("red\\xff"))

    def test_threads_that_come_and_go(self):
        churn = """
import threading
def churn():
    while True:
        threads = [threading.Thread(target=sum, args=(range(3000),)) for _ in range(5)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
for _ in range(3): threading.Thread(target=churn).start()
print("ready", flush=True)
"""
        for python in interpreters():
            with self.subTest(python=python), Script(python, churn) as script:
                for _ in range(40):
                    target = dump(script.pid)
                    self.assertLessEqual(sum(thread["is_holder"] for thread in target["threads"]), 1)
                    if not target["incomplete"]:
                        self.assertGreaterEqual(sum(thread["python"] for thread in target["threads"]), 4)

    def refuse(self, wanted, *arguments, **options):
        done = run_gilscope("dump", *arguments, **options)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(wanted, done.stderr)

    def test_errors_in_one_line(self):
        self.refuse("no such process: 999999999", "-p", "999999999")
        self.refuse("name a process")
        self.refuse("-p wants process ids", "-p", "12x")
        self.refuse("-p wants process ids", "-p", "12,")
        self.refuse("-p wants process ids", "-p", "-4")
        self.refuse("no such format: xml", "-p", "1", "--format", "xml")
        self.refuse("names no file", "-p", "1", "--format", "json:")
        self.refuse("only one format", "-p", "1", "--format", "json", "--format", "text")
        self.refuse("--frames wants", "-p", "1", "--frames", "0")
        sleeper = subprocess.Popen(["sleep", "60"])
        try:
            self.refuse(f"{sleeper.pid}", "-p", str(sleeper.pid))
        finally:
            sleeper.kill()
            sleeper.wait()

    def test_one_of_two_is_gone(self):
        with Script(interpreters()[0], DEADLOCK) as script:
            done = run_gilscope("dump", "-p", f"999999999,{script.pid},{script.pid}", "--format", "json")
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, "gilscope: no such process: 999999999\n")
            self.assertEqual([target["pid"] for target in json.loads(done.stdout)["targets"]], [script.pid])

    def test_no_rights(self):
        if os.geteuid() != 0:
            self.skipTest("skipped, because only root can give its rights away")
        with Script(interpreters()[0], DEADLOCK) as script, tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            copy = shutil.copy(GILSCOPE, folder)
            done = subprocess.run([copy, "dump", "-p", str(script.pid)], capture_output=True, text=True, check=False,
                                  user=65534, group=65534, extra_groups=[], timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("not allowed", done.stderr)


if __name__ == "__main__":
    unittest.main()
