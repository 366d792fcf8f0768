#!/usr/bin/env python3
"""samples/extension: gilscope-lint reports exactly the places that its source marks, and nothing in the twin.

The marks are comments in the source, `seeded: RULE OPERATION` or `… by ENTRY`, on the line of the operation. A mark
of a rule that nobody looks for yet (analyzer/rules/classes.def) is named and left out.
"""
import json
import os
import re
import subprocess
import sysconfig
import tempfile
import unittest

SOURCE = os.environ["GILSCOPE_SOURCE"]
LINT = os.path.join(os.environ["GILSCOPE_BIN"], "gilscope-lint")
SAMPLE = os.path.join(SOURCE, "samples", "extension")
MARK = re.compile(r"/\* seeded: ([a-z-]+) (\w+)(?: by (\w+))? \*/")
FUNCTION = re.compile(r"^(?:static )?[\w ]+[ *](\w+)\(.*\)$")


def read_rules():
    with open(os.path.join(SOURCE, "analyzer", "rules", "classes.def"), encoding="utf-8") as text:
        return {name.replace("_", "-") for name in re.findall(r"^CLASS\((\w+)\)", text.read(), re.MULTILINE)}


def read_marks():
    """[(rule, file, line, function, operation, entry)]"""
    marks = []
    for name in ("defects.c", "waiting.c"):
        function = None
        with open(os.path.join(SAMPLE, name), encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                defined = FUNCTION.match(line)
                function = defined[1] if defined else function
                found = MARK.search(line)
                if found:
                    entry = "defects_" + found[3] if found[3] else function
                    marks.append((found[1], name, number, function, found[2], entry))
    return marks


def lint(folder, *options):
    """Lints both modules as setup.py would build them; returns (exit code, findings, stderr)."""
    include = sysconfig.get_paths()["include"]
    commands = [{"directory": SAMPLE, "file": source, "output": f"{module}/{source[:-1]}o",
                 "command": f"gcc -O2 -g -Wall -I{include} -c {source} -o {folder}/{module}-{source[:-1]}o"}
                for module in ("defects", "repaired") for source in (module + ".c", "waiting.c")]
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as text:
        json.dump(commands, text)
    ran = subprocess.run([LINT, "-p", folder, "--format", "json", *options], capture_output=True, text=True, check=False)
    return ran.returncode, json.loads(ran.stdout), ran.stderr


class Extension(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rules, cls.marks = read_rules(), read_marks()
        with tempfile.TemporaryDirectory(prefix="gilscope-extension-") as folder:
            cls.status, cls.result, cls.words = lint(folder)
        cls.findings = cls.result["findings"]

    def test_every_unit_is_read(self):
        self.assertEqual(self.result["units"]["failed"], [], self.words)
        self.assertGreaterEqual(self.result["units"]["total"], 3)
        self.assertEqual(self.status, 1, self.words)

    def test_findings_are_the_marked_places_and_no_others(self):
        for rule in sorted({mark[0] for mark in self.marks} - self.rules):
            print(f"left out, because {rule} is not a rule yet: {[mark[4] for mark in self.marks if mark[0] == rule]}")
        expected = sorted((rule, name, line, function) for rule, name, line, function, _, _ in self.marks
                          if rule in self.rules)
        found = sorted((f["rule"], os.path.basename(f["file"]), f["line"], f["function"]) for f in self.findings)
        self.assertGreaterEqual(len(expected), 5)
        self.assertEqual(found, expected)

    def test_each_names_its_operation_and_entry(self):
        for rule, name, line, _function, operation, entry in self.marks:
            for finding in self.findings:
                if (finding["rule"], os.path.basename(finding["file"]), finding["line"]) != (rule, name, line):
                    continue
                self.assertEqual(finding["entry"], entry, finding)
                self.assertEqual(finding["confidence"], "high", finding)
                if rule != "unbalanced":
                    self.assertEqual(finding["operation"], operation, finding)

    def test_the_hidden_wait_is_shown_with_its_path(self):
        hidden = [f for f in self.findings if f["file"].endswith("waiting.c")]
        self.assertEqual(len(hidden), 1)
        steps = [(os.path.basename(step["file"]), step["function"]) for step in hidden[0]["path"]]
        self.assertEqual(hidden[0]["operation"], "poll")
        self.assertIn(("defects.c", "defects_ask"), steps)
        self.assertIn(("waiting.c", "waiting_answer"), steps)

    def test_the_twin_is_clean(self):
        self.assertEqual([f for f in self.findings if f["entry"].startswith("repaired") or "repaired" in f["file"]], [])


if __name__ == "__main__":
    unittest.main()
