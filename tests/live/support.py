"""What live tests share: interpreters, the in-process clock, recordings, and run files as rows."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("GILSCOPE_SOURCE", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("GILSCOPE_BUILD", os.path.join(SOURCE, "build", "release"))
GILSCOPE = os.path.join(os.environ.get("GILSCOPE_BIN", os.path.join(BUILD, "bin")), "gilscope")


def why_not():
    """Why nothing can be recorded here, or None."""
    if os.geteuid() != 0:
        return "root is needed (CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE)"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "this kernel has no BTF"
    if not os.path.exists(GILSCOPE):
        return f"{GILSCOPE} is not built"
    return None


def skip_unless_live(test):
    reason = why_not()
    return unittest.skipIf(reason, f"skipped, because {reason}")(test)


def interpreters():
    """Pythons to record: Debian's (stripped, static) and, where there is one, another build."""
    found = ["/usr/bin/python3"]
    other = shutil.which("python3")
    if other:
        real = subprocess.run([other, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
        path = real.stdout.strip()
        if path and os.path.realpath(path) != os.path.realpath(found[0]):
            found.append(path)
    return [path for path in found if os.path.exists(path)]


def build_clock(python):
    """Compiles the clock for this interpreter; the folder to put into PYTHONPATH, or raises SkipTest."""
    asked = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['include']); print(sysconfig.get_config_var('SOABI'))"],
        capture_output=True, text=True, check=True)
    include, abi = asked.stdout.split()
    if not os.path.exists(os.path.join(include, "Python.h")):
        raise unittest.SkipTest(f"skipped, because {python} has no headers ({include}/Python.h)")
    folder = os.path.join(BUILD, "live-clock", abi + include.replace("/", "_"))
    module = os.path.join(folder, f"lockclock.{abi}.so")
    source = os.path.join(HERE, "clock", "lockclock.c")
    if not os.path.exists(module) or os.path.getmtime(module) < os.path.getmtime(source):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-I" + include, source, "-o", module + ".part"], check=True)
        os.rename(module + ".part", module)
    return folder


class Subject:
    """A subject.py under some interpreter, told what to do line by line."""

    def __init__(self, python):
        env = dict(os.environ, PYTHONPATH=build_clock(python))
        self.process = subprocess.Popen([python, os.path.join(HERE, "clock", "subject.py")], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.read_line()

    def read_line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the subject ended")
        return line

    def start(self, *job):
        self.process.stdin.write(" ".join(map(str, job)) + "\n")
        self.process.stdin.flush()

    def finish(self):
        return json.loads(self.read_line())

    def run(self, *job):
        self.start(*job)
        return self.finish()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it was killed
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Recording:
    """A `gilscope record` in the background; stop() is Ctrl-C."""

    def __init__(self, path, *arguments, ready=True):
        self.path = path
        self.log = path + ".log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([GILSCOPE, "record", "-o", path, *arguments], stderr=log,
                                            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        if ready:
            self.wait_for("lock found")

    def text(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def wait_for(self, text, seconds=20):
        until = time.monotonic() + seconds
        while text not in self.text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"no {text!r} from gilscope record: {self.text()}")
            time.sleep(0.01)

    def stop(self, seconds=20):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.wait(seconds)

    def wait(self, seconds=20):
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def rows(path, query, *values):
    """Rows of a run file as dictionaries."""
    base = sqlite3.connect(path)
    base.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in base.execute(query, values)]
    finally:
        base.close()


def row(path, query, *values):
    found = rows(path, query, *values)
    assert len(found) == 1, (query, found)
    return found[0]


def run_gilscope(*arguments, **options):
    return subprocess.run([GILSCOPE, *arguments], capture_output=True, text=True, timeout=60, **options)


def share(measured, truth):
    """How far off, as a share of the truth."""
    return abs(measured - truth) / truth
