#!/usr/bin/env python3
"""gilscope report, end to end and without root: what it writes satisfies its schema, and what it refuses costs one line.

Runs are made here, with runtime/core/schema.sql and sqlite3. The schema is runtime/report/report.schema.json.
"""
import html.parser
import json
import os
import re
import sqlite3
import subprocess
import tempfile
import unittest

GILSCOPE = os.path.join(os.path.abspath(os.environ["GILSCOPE_BIN"]), "gilscope")
SOURCE = os.environ["GILSCOPE_SOURCE"]
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\u202e"
SECOND = 10**9

try:
    import jsonschema
except ImportError:
    jsonschema = None


def constant(name):
    """A number that runtime/core defines."""
    for header in os.listdir(os.path.join(SOURCE, "runtime", "core")):
        if header.endswith(".h"):
            with open(os.path.join(SOURCE, "runtime", "core", header), encoding="utf-8") as stream:
                found = re.search(rf"#define {name} (0x[0-9a-fA-F]+|\d+)", stream.read())
            if found:
                return int(found[1], 0)
    raise AssertionError(f"runtime/core does not define {name}")


def insert(database, table, **row):
    database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def make_run(path, name="worker", threads=2):
    """Threads that share one core in spin() of the contention tier: half of their states are unknown."""
    with open(os.path.join(SOURCE, "runtime", "core", "schema.sql"), encoding="utf-8") as stream:
        schema = stream.read()
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA application_id = {constant('RUN_APPLICATION_ID')}")
    database.execute(f"PRAGMA user_version = {constant('RUN_VERSION')}")
    database.executescript(schema)
    insert(database, "run", id=1, tool_version="0.1.0", started="2026-01-31T12:00:00Z", start_ns=0, end_ns=10 * SECOND,
           is_complete=1, tier="contention", cores=2, kernel="6.18", command=name, lost_events=0, lost_stacks=3)
    insert(database, "process", pid=10, ppid=1, role="main", name=name, exe="/usr/bin/python3", interpreter="CPython",
           version="3.11.2", lock="on", start_ns=0, seen_ns=0)
    insert(database, "frame", stack=1, depth=0, kind="python", function="spin", file="/srv/" + name + ".py", line=12)
    for tid in range(11, 11 + threads):
        insert(database, "thread", tid=tid, pid=10, name=name, seen_ns=0, cpu_ns=10 * SECOND // threads, waits=100,
               wait_ns=5 * SECOND, wait_max_ns=SECOND // 10, waiting_running_ns=0, waiting_runnable_ns=0,
               waiting_blocked_ns=5 * SECOND)
        insert(database, "slice", tid=tid, at_ns=0, length_ns=SECOND, waiting_running_ns=0, waiting_runnable_ns=0,
               waiting_blocked_ns=SECOND // 2)
        insert(database, "blame", pid=10, waiter_tid=tid, holder_tid=None, stack=1, wait_ns=5 * SECOND, waits=100,
               max_ns=SECOND // 10)
        insert(database, "histogram", tid=tid, kind="wait", low_ns=4 * 10**7, high_ns=6 * 10**7, count=100)
        insert(database, "longest", kind="wait", pid=10, tid=tid, start_ns=5, length_ns=SECOND // 10, is_open=0, stack=1)
        insert(database, "activity", pid=10, tid=tid, lock=2, sched=0, stack=1, ns=SECOND, count=100, is_sampled=1)
    insert(database, "memory", pid=10, at_ns=0, rss_bytes=10**7)
    database.commit()
    database.close()


class Elements(html.parser.HTMLParser):
    """The tags of a page, and the text of its JSON block."""

    def __init__(self):
        super().__init__()
        self.tags, self.json, self.is_data = [], "", False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.is_data = ("id", "data") in attrs

    def handle_endtag(self, tag):
        self.is_data = False

    def handle_data(self, text):
        if self.is_data:
            self.json += text


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.run_file = self.path("a.run")
        make_run(self.run_file)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def report(self, *args, code=0):
        done = subprocess.run([GILSCOPE, "report", *args], cwd=self.folder.name, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def refuse(self, words, *args):
        before = sorted(os.listdir(self.folder.name))
        out, err = self.report(*args, code=2)
        self.assertEqual(out, "")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn(words, err)
        self.assertEqual(sorted(os.listdir(self.folder.name)), before, "nothing is left behind")

    def check_schema(self, value):
        if jsonschema is None:
            self.skipTest("skipped, because python3-jsonschema is not installed")
        with open(os.path.join(SOURCE, "runtime", "report", "report.schema.json"), encoding="utf-8") as stream:
            schema = json.load(stream)
        kind = jsonschema.validators.validator_for(schema)
        self.assertEqual([f"{list(e.absolute_path)}: {e.message[:300]}" for e in kind(schema).iter_errors(value)], [])

    def test_json_satisfies_its_schema(self):
        out, err = self.report(self.run_file, "--format", "json")
        self.assertEqual(err, "")
        report = json.loads(out)
        self.check_schema(report)
        thread = report["processes"][0]["threads"][0]
        self.assertEqual((thread["waits"], thread["holds"], thread["states"]["holding"]), (100, None, None))
        self.assertEqual(report["verdict"]["kind"], "lock-bound")
        self.assertEqual(report["blame"][0]["stack"][0]["line"], 12)

    def test_text_by_default(self):
        out, err = self.report(self.run_file)
        self.assertEqual(err, "")
        self.assertTrue(out.startswith("lock-bound\n"), out)
        self.assertIn("`spin` at srv/worker.py:12", " ".join(out.split()))
        self.assertNotIn("\033", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 100)
        self.assertIn("\033", self.report(self.run_file, "--color", "always")[0])

    def test_several_formats_at_once(self):
        out, _ = self.report(self.run_file, "--format", "json:a.json", "--format", "html:a.html", "--format", "text")
        self.assertTrue(out.startswith("lock-bound\n"), out)
        with open(self.path("a.json"), encoding="utf-8") as stream:
            self.check_schema(json.load(stream))
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["a.html", "a.json", "a.run"])

    def test_hostile_names_stay_text(self):
        make_run(self.path("b.run"), name=HOSTILE)
        self.report("b.run", "--format", "html:b.html", "--format", "json:b.json")
        page = Elements()
        with open(self.path("b.html"), encoding="utf-8") as stream:
            page.feed(stream.read())
        self.assertNotIn("img", page.tags)
        self.assertEqual(page.tags.count("script"), 2)
        self.assertEqual(json.loads(page.json)["processes"][0]["name"], HOSTILE)
        with open(self.path("b.json"), encoding="utf-8") as stream:
            self.check_schema(json.load(stream))

    def test_findings_are_joined(self):
        finding = {"rule": "blocking-call", "confidence": "high", "severity": "warning", "message": "read() can block",
                   "file": "src/m.c", "line": 412, "column": 9, "function": "do_read", "operation": "read", "entry": None,
                   "path": [], "fix": {"verdict": "unknown", "edits": []}, "fingerprint": "0123456789abcdef"}
        document = {"schema": "gilscope-findings/1", "seconds": 1, "findings": [finding],
                    "units": {"total": 1, "extracted": 1, "cached": 0, "failed": []}}
        with open(self.path("f.json"), "w", encoding="utf-8") as stream:
            json.dump(document, stream)
        report = json.loads(self.report(self.run_file, "--lint", "f.json", "--format", "json")[0])
        self.check_schema(report)
        self.assertIsNone(report["findings"][0]["cost"], "nobody measured it")
        self.assertIn("do_read", self.report(self.run_file, "--lint", "f.json")[0])
        sarif = json.loads(self.report(self.run_file, "--lint", "f.json", "--format", "sarif")[0])
        self.assertEqual(sarif["runs"][0]["results"][0]["ruleId"], "blocking-call")

    def test_limits(self):
        _, err = self.report(self.run_file, "--fail-on", "wait_share>0.2", code=1)
        self.assertEqual(err, "gilscope: wait_share is 0.5, the limit is > 0.2\n")
        self.assertEqual(self.report(self.run_file, "--fail-on", "p99_wait>1s")[1], "")
        _, err = self.report(self.run_file, "--fail-on", "p99_hold>1s", code=2)
        self.assertIn("cannot know p99_hold", err)

    def test_bad_command_lines(self):
        self.refuse("name a run")
        self.refuse("one run at a time", "a", "b")
        self.refuse("no such format: pdf", "a.run", "--format", "pdf")
        self.refuse("names no file", "a.run", "--format", "json:")
        self.refuse("only one format can go to stdout", "a.run", "--format", "json", "--format", "html")
        self.refuse("--lint FINDINGS.json", "a.run", "--format", "sarif")
        self.refuse("--color wants", "a.run", "--color", "green")
        self.refuse("--confidence wants", "a.run", "--confidence", "some")
        self.refuse("no figure", "a.run", "--fail-on", "speed>1")

    def test_bad_files(self):
        self.refuse("no-such.run", "no-such.run")
        self.refuse("is not a gilscope run", os.path.join(SOURCE, "CONTRIBUTING.md"))
        with open(self.run_file, "rb") as stream:
            data = stream.read()
        for name, content in (("cut.run", data[:len(data) // 2]), ("empty.run", b""), ("wrong.json", b'{"schema": 1}')):
            with open(self.path(name), "wb") as stream:
                stream.write(content)
        self.refuse("cut off", "cut.run", "--format", "html:out.html")
        self.refuse("empty", "empty.run")
        self.refuse("wrong.json", "a.run", "--lint", "wrong.json", "--format", "json:out.json")
        self.refuse("no-such-folder", "a.run", "--format", "html:no-such-folder/out.html")

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([GILSCOPE, "report", self.run_file], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"cannot write the report", done.stderr)


if __name__ == "__main__":
    unittest.main()
