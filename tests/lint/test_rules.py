"""Every sample under tests/lint/rules/ against what it says itself.

A line with `expect: RULE OPERATION CONFIDENCE` in a comment must be reported so, at that line; nothing
else may be reported with a confidence above low. Samples are C or C++ that a Python 3 header compiles.
"""
import json
import os
import re
import subprocess
import sysconfig
import tempfile
import unittest

BIN = os.environ["GILSCOPE_BIN"]
SOURCE = os.environ["GILSCOPE_SOURCE"]
FOLDER = os.path.join(SOURCE, "tests", "lint", "rules")
EXPECT = re.compile(r"expect: (\S+) (\S+) (high|medium|low)")


def samples():
    for folder, _, names in sorted(os.walk(FOLDER)):
        for name in sorted(names):
            if name.endswith((".c", ".cpp")):
                yield os.path.join(folder, name)


def expected(path):
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            for rule, operation, confidence in EXPECT.findall(line):
                yield number, rule, operation, confidence


def lint(paths, folder):
    include = sysconfig.get_paths()["include"]
    if not os.path.exists(os.path.join(include, "Python.h")):
        include = "/usr/include/python3.11"
    commands = [{"directory": FOLDER, "file": path,
                 "arguments": ["cc", "-I" + include, "-c", path]} for path in paths]
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as out:
        json.dump(commands, out)
    run = subprocess.run([os.path.join(BIN, "gilscope-lint"), "-p", folder, "--confidence", "low",
                          "--format", "json"], capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        raise AssertionError(f"exit {run.returncode}: {run.stderr}")
    return json.loads(run.stdout)


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.paths = list(samples())
        with tempfile.TemporaryDirectory() as folder:
            cls.result = lint(cls.paths, folder)

    def found(self, path):
        for finding in self.result["findings"]:
            where = os.path.normpath(os.path.join(FOLDER, finding["file"]))
            if where == path or path.endswith("/" + finding["file"]):
                yield finding

    def test_every_sample_compiles(self):
        self.assertEqual(self.result["units"]["failed"], [])
        self.assertEqual(self.result["units"]["extracted"], len(self.paths))
        self.assertGreaterEqual(len(self.paths), 8)

    def test_every_rule_has_a_sample(self):
        rules = {rule for path in self.paths for _, rule, _, _ in expected(path)}
        self.assertEqual(rules, set(os.listdir(FOLDER)) - {"README.md"})

    def test_samples_say_what_is_found(self):
        for path in self.paths:
            with self.subTest(os.path.relpath(path, FOLDER)):
                wanted = sorted(expected(path))
                found = [(f["line"], f["rule"], f["operation"], f["confidence"])
                         for f in self.found(path)]
                loud = sorted(f for f in found if f[3] != "low" or f in wanted)
                self.assertEqual(loud, wanted)

    def test_findings_are_complete(self):
        for finding in self.result["findings"]:
            self.assertTrue(finding["message"])
            self.assertGreaterEqual(len(finding["fingerprint"]), 8)
            self.assertTrue(finding["path"], finding["message"])
        prints = [finding["fingerprint"] for finding in self.result["findings"]]
        self.assertEqual(len(prints), len(set(prints)))

    def test_the_result_is_the_same_again(self):
        with tempfile.TemporaryDirectory() as folder:
            again = lint(list(reversed(self.paths)), folder)
        self.assertEqual(again["findings"], self.result["findings"])


if __name__ == "__main__":
    unittest.main()
