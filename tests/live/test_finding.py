"""Interpreters of every version, found from outside: version, lock, probe sites, and the stack of each thread."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BIN = os.environ["GILSCOPE_BIN"]
SOURCE = os.environ["GILSCOPE_SOURCE"]
GILSCOPE = os.path.join(BIN, "gilscope")

# The line numbers that the tests expect are looked up by these marks.
SCRIPT = '''# -*- coding: utf-8 -*-
import sys, threading, time


def hold(n):
    while True:
        n = n * 3 % 7  # HOLDS


class Größe:
    def 名前(self, event):
        def inner(
                value):
            event.set()
            time.sleep(
                value)  # NAPS
        inner(
            600)


event = threading.Event()
napper = threading.Thread(target=Größe().名前, args=(event,), daemon=True)
napper.start()
event.wait()
threading.Thread(target=hold, args=(1,), daemon=True).start()
sys.stdout.write("ready " + sys.version.split()[0] + "\\n")
sys.stdout.flush()
(lambda: time.sleep(600))()  # SLEEPS
'''


def line_of(mark):
    return next(i for i, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith("# " + mark))


def fetch():
    """The interpreters there are, those of other Debian releases too where they can be had."""
    tool = os.path.join(SOURCE, "tests/tools/fetch-interpreters")
    try:
        done = subprocess.run([tool], stdout=subprocess.PIPE, text=True, check=False, timeout=900)
    except subprocess.TimeoutExpired:
        done = subprocess.run([tool, "--list"], stdout=subprocess.PIPE, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def skip_unless_x86_64():
    if os.uname().machine != "x86_64":
        raise unittest.SkipTest("skipped, because the interpreters here are for x86-64")


class Program:
    """A Python that has started its threads; ended at the end of the with."""

    def __init__(self, argv, env=None, arguments=None):
        with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8", delete=False) as script:
            script.write(SCRIPT)
        self.path = script.name
        os.chmod(self.path, 0o644)
        self.process = subprocess.Popen(argv + (arguments or [self.path]), stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})})
        self.pid = self.process.pid

    def __enter__(self):
        ready = self.process.stdout.readline().split()
        if ready[:1] != ["ready"]:
            self.__exit__()
            raise AssertionError(f"the program said {ready}")
        self.version = ready[1]
        self.minor = int(self.version.split(".")[1])
        # The new thread has to be given the lock first.
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        os.unlink(self.path)


def doctor(pid):
    done = subprocess.run([GILSCOPE, "doctor", "--json", "-p", str(pid)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout)["targets"][0] if done.stdout else None, done.stderr


class Finding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        skip_unless_x86_64()
        if os.geteuid():
            raise unittest.SkipTest("skipped, because only root may look into every process")
        cls.runnable = [found for found in fetch() if found["argv"]]
        cls.system = next(found for found in cls.runnable if found["name"] == "system")

    def check_stacks(self, target, path, minor):
        stacks = {}
        for thread in target["threads"]:
            self.assertEqual(thread["lost_frames"], 0)
            self.assertTrue(thread["stack"])
            self.assertEqual(thread["stack"][0]["file"], path)
            stacks[thread["stack"][0]["function"]] = [(frame["function"], frame["line"]) for frame in thread["stack"]]
        qualified = "Größe.名前" if minor >= 11 else "名前"
        inner = qualified + ".<locals>.inner" if minor >= 11 else "inner"
        self.assertEqual({inner, "hold", "<lambda>"}, set(stacks))
        # The calls span two lines: on which of them they are depends on the version.
        nap = line_of("NAPS")
        self.assertIn(stacks[inner][0], [(inner, nap - 1), (inner, nap)])
        self.assertIn(stacks[inner][1], [(qualified, nap + 1), (qualified, nap + 2)])
        hold = line_of("HOLDS")
        self.assertIn(stacks["hold"][0], [("hold", hold - 1), ("hold", hold)])
        self.assertEqual(stacks["<lambda>"], [("<lambda>", line_of("SLEEPS")), ("<module>", line_of("SLEEPS"))])
        self.assertEqual([thread["stack"][0]["function"] for thread in target["threads"] if thread["is_holder"]],
                         ["hold"])

    def check(self, target, program, found):
        self.assertEqual(target["interpreter"]["name"], "CPython")
        self.assertEqual(target["interpreter"]["version"], program.version)
        self.assertEqual(target["interpreter"]["image"], os.path.basename(found["image"]))
        self.assertEqual(target["interpreter"]["free_threaded_build"], found["name"].endswith("t"))
        self.assertTrue(target["lock"]["enabled"])
        self.assertEqual(target["lock"]["how"], "debug offsets" if program.minor >= 13 else f"table 3.{program.minor}")
        self.assertEqual(target["lock"]["interval_us"], 5000)
        self.assertGreaterEqual(target["sites"]["signal"], 2)
        self.assertGreaterEqual(target["sites"]["wait"], 1)
        self.assertEqual(target["sites"]["wait"], target["sites"]["wait_end"])
        self.assertEqual(target["sites"]["refused"], 0)
        if program.minor >= 11:
            tids = {int(tid) for tid in os.listdir(f"/proc/{program.pid}/task")}
            self.assertEqual({thread["tid"] for thread in target["threads"]}, tids)
        self.check_stacks(target, program.path, program.minor)

    def test_every_interpreter(self):
        for found in self.runnable:
            with self.subTest(found["name"]), Program(found["argv"], found["env"]) as program:
                _, target, _ = doctor(program.pid)
                self.check(target, program, found)

    def test_without_its_lock(self):
        found = [found for found in self.runnable if found["name"].endswith("t")]
        if not found:
            self.skipTest("skipped, because there is no free-threaded build (fetch-interpreters --build makes one)")
        with Program(found[0]["argv"], {**found[0]["env"], "PYTHON_GIL": "0"}) as program:
            _, target, _ = doctor(program.pid)
            self.assertFalse(target["lock"]["enabled"])
            self.assertEqual([check["state"] for check in target["checks"] if check["name"] == "lock"], ["warn"])
            self.assertTrue(target["interpreter"]["free_threaded_build"])

    def test_from_its_first_moment(self):
        """Each look before the interpreter runs says "not yet", nothing else."""
        for found in self.runnable:
            for _ in range(5):
                with self.subTest(found["name"]):
                    done = subprocess.run([os.path.join(BIN, "target_poll")] + found["argv"]
                                          + ["-c", "import time; time.sleep(60)"], stdout=subprocess.PIPE, text=True,
                                          check=False, env={**os.environ, **found["env"]}, timeout=60)
                    self.assertEqual(done.returncode, 0, done.stdout)
                    self.assertIn("CPython 3.", done.stdout)

    def check_inside(self, enter, found):
        """The program of a fetched root, with that as its own root directory."""
        inside = f"{found['root']}/tmp/in_root.py"
        with open(inside, "w", encoding="utf-8") as out:
            out.write(SCRIPT)
        self.addCleanup(os.unlink, inside)
        with self.subTest(found["name"]), Program(enter + [found["image"][len(found["root"]):]],
                                                  arguments=["/tmp/in_root.py"]) as program:
            _, target, _ = doctor(program.pid)
            self.assertEqual(target["interpreter"]["version"], program.version)
            self.assertTrue(os.path.samefile(target["interpreter"]["path"], found["image"]))
            self.check_stacks(target, "/tmp/in_root.py", program.minor)

    def rooted(self):
        rooted = [found for found in self.runnable if found["root"] and found["kind"] == "program"]
        if not rooted:
            self.skipTest("skipped, because no other Debian release could be fetched")
        return rooted

    def test_in_a_root_of_its_own(self):
        for found in self.rooted():
            self.check_inside(["chroot", found["root"]], found)

    def test_in_a_container(self):
        """Another mount namespace, in which the root directory is another file system, as containers have it."""
        found = self.rooted()[0]
        private = ["unshare", "--mount", "--propagation", "private"]
        if subprocess.run(private + ["true"], capture_output=True, check=False).returncode:
            self.skipTest("skipped, because the root directory here is no mount (a chroot), so none can be made of another")
        old = os.path.join(found["root"], "old")
        os.makedirs(old, exist_ok=True)
        self.addCleanup(os.rmdir, old)
        pivot = 'mount --bind "$1" "$1" && cd "$1" && pivot_root . old && shift && exec "$@"'
        self.check_inside(private + ["sh", "-c", pivot, "sh", found["root"]], found)

    def test_in_a_pid_namespace(self):
        with Program(["unshare", "--pid", "--fork", "--kill-child"] + self.system["argv"]) as program:
            with open(f"/proc/{program.pid}/task/{program.pid}/children", encoding="utf-8") as children:
                pid = int(children.read().split()[0])
            _, target, _ = doctor(pid)
            self.assertEqual(target["ns_pid"], 1)
            self.assertEqual(target["interpreter"]["version"], program.version)
            self.assertIn(1, {thread["tid"] for thread in target["threads"]})

    def run_copy(self, change):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(self.system["image"], os.path.join(folder, "python-copy"))
            with Program([copy, "-B"]) as program:
                self.assertTrue(os.path.samefile(doctor(program.pid)[1]["interpreter"]["path"], copy))
                change(copy)
                _, target, _ = doctor(program.pid)
                self.assertEqual(target["interpreter"]["version"], program.version)
                self.assertRegex(target["interpreter"]["path"], r"^/proc/\d+/(map_files/|exe$)")
                self.assertEqual(target["sites"]["refused"], 0)
                self.check_stacks(target, program.path, program.minor)

    def test_deleted_program(self):
        self.run_copy(os.unlink)

    def test_upgraded_program(self):
        """Another file has its name now: the one that runs is looked at, not the new one."""
        def upgrade(copy):
            os.unlink(copy)
            shutil.copy("/bin/sleep", copy)
        self.run_copy(upgrade)

    def test_refusals(self):
        with subprocess.Popen(["sleep", "60"]) as sleeper:
            time.sleep(0.1)
            code, target, _ = doctor(sleeper.pid)
            self.assertEqual(code, 2)
            self.assertRegex(target["checks"][0]["cause"],
                             rf"^pid {sleeper.pid} \(sleep\) is not Python: no _PyRuntime in /\S+ or its libraries$")
            sleeper.send_signal(signal.SIGKILL)
        code, target, _ = doctor(sleeper.pid)
        self.assertEqual((code, target["checks"][0]["cause"]), (2, f"no such process: {sleeper.pid}"))
        for bad in ("x", "", "1,", "-3", "1x", "99999999999"):
            code, target, errors = doctor(bad)
            self.assertEqual((code, target), (2, None))
            self.assertEqual(errors.count("\n"), 1, errors)

    def test_without_rights(self):
        with tempfile.TemporaryDirectory() as folder, Program(["/usr/bin/python3"]) as program:
            os.chmod(folder, 0o755)
            copy = shutil.copy(GILSCOPE, folder)
            try:
                done = subprocess.run([copy, "doctor", "--json", "-p", str(program.pid)], stdout=subprocess.PIPE,
                                      text=True, check=False, user=65534, group=65534, extra_groups=[])
            except PermissionError:
                self.skipTest("skipped, because another user cannot be become here")
            self.assertEqual(done.returncode, 2)
            answer = json.loads(done.stdout)
            self.assertFalse(answer["can_record"])
            self.assertIn("needs CAP_SYS_PTRACE", answer["targets"][0]["checks"][0]["cause"])
            rights = next(check for check in answer["checks"] if check["name"] == "rights")
            self.assertEqual(rights["state"], "missing")
            self.assertIn("setcap", rights["remedy"])


class Sites(unittest.TestCase):
    """The finder against a disassembler, which reads the names of sections and symbols instead."""

    @classmethod
    def setUpClass(cls):
        skip_unless_x86_64()
        cls.all = fetch()

    def sites_of(self, path):
        done = subprocess.run([os.path.join(BIN, "sites_dump"), path], stdout=subprocess.PIPE, text=True, check=True)
        lines = done.stdout.splitlines()
        self.assertIn(" refused 0 ", lines[0])
        return {(kind, int(address, 16)) for kind, _, address, _ in map(str.split, lines[1:])}

    def disassembled(self, tool, path):
        """(kind, address) of each call, and of the instruction after a wait."""
        instruction = re.compile(r"^\s*([0-9a-f]+):\s")
        call = re.compile(r"\b(?:call|callq|bl|jmp|b)\s+.*<pthread_cond_(signal|timedwait|clockwait)@")
        found, after_wait, is_stub = set(), False, False
        with subprocess.Popen([tool, "-d", path], stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                at = instruction.match(line)
                if line.startswith("Disassembly of section "):
                    is_stub = " .plt" in line
                if not at or is_stub:
                    continue
                if after_wait:
                    found.add(("wait_end", int(at[1], 16)))
                what = call.search(line)
                if what:
                    found.add(("signal" if what[1] == "signal" else "wait", int(at[1], 16)))
                after_wait = bool(what) and what[1] != "signal"
        return found

    def compare(self, tool, images):
        if not shutil.which(tool):
            self.skipTest(f"skipped, because {tool} is not installed")
        if not images:
            self.skipTest("skipped, because no such interpreter could be fetched")
        for image in sorted(images):
            with self.subTest(image):
                wanted = self.disassembled(tool, image)
                self.assertTrue(wanted)
                self.assertEqual(self.sites_of(image), wanted)

    def test_x86_64(self):
        self.compare("objdump", {found["image"] for found in self.all
                                 if found["name"] in ("system", "sid-3.15-program", "bullseye-3.9-library")})

    def test_aarch64(self):
        self.compare("llvm-objdump-19", {found["image"] for found in self.all if not found["argv"]})


if __name__ == "__main__":
    unittest.main()
