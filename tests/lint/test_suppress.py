"""Suppression comments and baselines through the real program: what is shown, said and returned."""
import json
import os
import subprocess
import sysconfig
import tempfile
import unittest

BIN = os.environ["GILSCOPE_BIN"]

HEAD = """#include <Python.h>
#include <sys/socket.h>
static PyObject *end(ssize_t got) { return PyLong_FromSsize_t(got); }
"""

TABLE = """
static PyMethodDef methods[] = {%s {NULL, NULL, 0, NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "m", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_m(void) { return PyModule_Create(&def); }
"""


def function(name, body):
    return (f"static PyObject *{name}(PyObject *self, PyObject *args)\n"
            "{\n\tchar text[64];\n\tint fd;\n"
            '\tif (!PyArg_ParseTuple(args, "i", &fd))\n\t\treturn NULL;\n'
            f"{body}\n\treturn end(text[0]);\n}}\n")


def module(*functions, extra=""):
    """(name, body)… → the source of an extension module with these methods."""
    rows = "".join(f'{{"{name}", {name}, METH_VARARGS, ""}},' for name, _ in functions)
    return HEAD + extra + "".join(function(*pair) for pair in functions) + TABLE % rows


RECV = "\trecv(fd, text, sizeof(text), 0);"


class Lint(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = os.path.realpath(scratch.name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as text:
            return text.read()

    def lint(self, *options, sources=("m.c",)):
        include = sysconfig.get_paths()["include"]
        if not os.path.exists(os.path.join(include, "Python.h")):
            include = "/usr/include/python3.11"
        self.write("compile_commands.json", json.dumps([
            {"directory": self.folder, "file": name, "arguments": ["cc", "-I" + include, "-c", name]}
            for name in sources]))
        run = subprocess.run([os.path.join(BIN, "gilscope-lint"), "-p", ".", *options], cwd=self.folder,
                             capture_output=True, text=True, check=False)
        self.assertIn(run.returncode, (0, 1, 2), run.stderr)
        return run

    def findings(self, *options, **more):
        run = self.lint("--format", "json", *options, **more)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return json.loads(run.stdout)["findings"]

    def line_of(self, words, name="m.c"):
        for number, line in enumerate(self.read(name).splitlines(), 1):
            if words in line:
                return number
        raise AssertionError(f"no line with {words}")


class Suppress(Lint):
    def expect_suppressed(self, body, reason):
        self.write("m.c", module(("get", body)))
        run = self.lint()
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
        self.assertIn("0 findings", run.stdout)
        self.assertIn("1 suppressed", run.stdout)
        found, = self.findings()
        self.assertEqual(found["suppressed"], {"reason": reason})

    def expect_shown(self, body, words):
        self.write("m.c", module(("get", body)))
        run = self.lint("--format", "concise")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("[blocking-call]", run.stdout)
        if words:
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            self.assertIn(f"m.c:{self.line_of('gilscope')}: comment ", run.stderr)
            self.assertIn(words, run.stderr)
        else:
            self.assertEqual(run.stderr, "")

    def test_without_a_comment_it_is_found(self):
        self.expect_shown(RECV, "")

    def test_same_line(self):
        self.expect_suppressed(RECV + " /* gilscope: allow(blocking-call) a local pipe */", "a local pipe")

    def test_same_line_of_several_rules(self):
        self.write("m.c", module(("get", RECV + " // gilscope: allow(blocking-call,unbalanced) local")))
        run = self.lint()
        self.assertEqual(run.returncode, 0)
        self.assertIn("suppresses no finding of unbalanced", run.stderr)

    def test_line_before(self):
        self.expect_suppressed("\t// gilscope: allow(blocking-call) a local pipe\n" + RECV, "a local pipe")

    def test_block(self):
        self.expect_suppressed("\t/* gilscope: allow-begin(blocking-call) start-up only */\n\tfd++;\n" + RECV +
                               "\n\t/* gilscope: allow-end(blocking-call) */", "start-up only")

    def test_nolint(self):
        self.expect_suppressed(RECV + " // NOLINT(bugprone-x, gilscope-blocking-call): ours", "ours")
        self.expect_suppressed("\t// NOLINTNEXTLINE(gilscope-blocking-call)\n" + RECV, "NOLINT")

    def test_a_comment_behind_code_is_not_about_the_next_line(self):
        self.expect_shown("\tfd++; // gilscope: allow(blocking-call) not about this\n" + RECV,
                          "suppresses no finding of blocking-call")

    def test_malformed_ones_do_not_suppress(self):
        for comment, words in (("allow(blocking-call)", "say why"), ("allow(blocking-call) --", "say why"),
                               ("allow() why", "name its rules"), ("allow why", "name its rules"),
                               ("allow(blocking-cal) why", 'no rule "blocking-cal"'),
                               ("ignore(blocking-call) why", "write gilscope: allow"),
                               ("allow-begin(blocking-call) why", "its end is missing"),
                               ("allow-end(blocking-call)", "ends what no comment"),
                               ("allow(api-unlocked) why", "no finding of api-unlocked")):
            with self.subTest(comment):
                self.expect_shown(f"\t/* gilscope: {comment} */\n" + RECV, words)

    def test_what_looks_like_a_comment_is_none(self):
        self.expect_shown('\ttext[0] = *"// gilscope: allow(blocking-call) no";' + RECV, "")
        self.expect_shown("\t/* to silence it write gilscope: allow(blocking-call) why */\n" + RECV, "")
        self.expect_shown(RECV + " // NOLINT", "")

    def test_unused_in_a_file_without_findings(self):
        self.write("m.c", module(("get", "\tfd++; /* gilscope: allow(churn) nothing here */")))
        run = self.lint()
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stderr, f"gilscope-lint: m.c:{self.line_of('gilscope')}: comment suppresses no "
                         "finding of churn: remove it\n")

    def test_unused_in_a_header(self):
        self.write("h.h", "static int same(int fd)\n{\n\t// gilscope: allow(churn) nothing here\n"
                   "\treturn fd;\n}\n")
        self.write("m.c", module(("get", "\tfd = same(fd);"), extra='#include "h.h"\n'))
        self.assertIn("h.h:3: comment suppresses no finding of churn: remove it\n", self.lint().stderr)
        self.assertIn("churn in the files of this run\n", self.lint("m.c").stderr)

    def test_one_of_two_places_does_not_hide_the_other(self):
        first = "\trecv(fd, text, 1, 0); // gilscope: allow(blocking-call) the first is fine"
        self.write("m.c", module(("get", first + "\n\tfd++;\n\trecv(fd, text, 2, 0);")))
        run = self.lint("--format", "concise")
        self.assertEqual((run.returncode, run.stderr), (1, ""))
        self.assertIn(f"m.c:{self.line_of('text, 2, 0')}: ", run.stdout)
        self.write("m.c", module(("get", first + "\n\trecv(fd, text, 2, 0); // gilscope: allow(blocking-call) too")))
        run = self.lint()
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)

    def test_what_is_left_is_as_certain_as_it_is(self):
        sure = "\tfcntl(0, F_SETLKW, &lock);"
        maybe = "\tfcntl(0, fd, &lock);"
        extra = "#include <fcntl.h>\nstatic struct flock lock;\n"
        self.write("m.c", module(("get", maybe), extra=extra))
        alone, = self.findings("--confidence", "low")
        self.write("m.c", module(("get", sure), extra=extra))
        certain, = self.findings("--confidence", "low")
        self.assertNotEqual(alone["confidence"], certain["confidence"])
        self.write("m.c", module(("get", f"{sure} // gilscope: allow(blocking-call) ours\n{maybe}"), extra=extra))
        left, = self.findings("--confidence", "low")
        self.assertEqual((left["line"], left["confidence"]), (self.line_of("0, fd"), alone["confidence"]))

    def test_in_a_header(self):
        self.write("h.h", "static void wait_for(int fd)\n{\n\tchar text[8];\n"
                   "\t// gilscope: allow(blocking-call) a header's\n\trecv(fd, text, 8, 0);\n}\n")
        self.write("m.c", module(("get", "\twait_for(fd);"), extra='#include "h.h"\n'))
        run = self.lint()
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)

    def test_sarif_keeps_it_with_its_reason(self):
        self.write("m.c", module(("get", RECV + " // gilscope: allow(blocking-call) local")))
        run = self.lint("--format", "sarif")
        result, = json.loads(run.stdout)["runs"][0]["results"]
        self.assertEqual(result["suppressions"][0]["justification"], "local")
        self.assertEqual(run.returncode, 0)


class Baseline(Lint):
    def setUp(self):
        super().setUp()
        self.write("m.c", module(("get", RECV), ("take", RECV)))
        run = self.lint("--write-baseline", "b.json")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("wrote 2 findings to b.json", run.stderr)

    def expect(self, code, new, known, gone):
        run = self.lint("--baseline", "b.json")
        self.assertEqual((run.returncode, run.stderr), (code, ""), run.stdout)
        self.assertIn(f"; {new} new, {known} in the baseline, {gone} of the baseline gone", run.stdout)
        return run

    def test_the_file(self):
        made = json.loads(self.read("b.json"))
        self.assertEqual(made["schema"], "gilscope-baseline/1")
        self.assertEqual([(entry["rule"], entry["function"], entry["file"], entry["places"])
                          for entry in made["findings"]],
                         [("blocking-call", "get", "m.c", 1), ("blocking-call", "take", "m.c", 1)])
        self.assertNotIn('"line"', self.read("b.json"))
        self.assertEqual(sorted(os.listdir(self.folder)), ["b.json", "compile_commands.json", "m.c"])

    def test_known_ones_are_not_shown(self):
        run = self.expect(0, 0, 2, 0)
        self.assertNotIn("warning", run.stdout)
        self.assertEqual(self.findings("--baseline", "b.json"), [])

    def test_lines_above_change_nothing(self):
        self.write("m.c", "/* a licence */\n\n\n" + module(("get", "\n\tfd += 1;\n" + RECV), ("take", RECV)))
        self.expect(0, 0, 2, 0)

    def test_another_caller_changes_nothing(self):
        helper = "static void wait_for(int fd)\n{\n\tchar text[8];\n\trecv(fd, text, 8, 0);\n}\n"
        self.write("m.c", module(("get", "\twait_for(fd);"), extra=helper))
        self.lint("--write-baseline", "b.json")
        for names in (("early", "get"), ("get", "late"), ("other",)):
            self.write("m.c", module(*((name, "\twait_for(fd);") for name in names), extra=helper))
            self.expect(0, 0, 1, 0)

    def test_moving_the_file_changes_nothing(self):
        os.mkdir(self.path("sub"))
        os.rename(self.path("m.c"), self.path("sub/m.c"))
        run = self.lint("--baseline", "b.json", sources=("sub/m.c",))
        self.assertIn("0 new, 2 in the baseline, 0 of the baseline gone", run.stdout)

    def test_the_old_one_read_and_a_new_one_written(self):
        self.write("m.c", module(("fresh", RECV), ("get", RECV)))
        run = self.lint("--baseline", "b.json", "--write-baseline", "b.json")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("1 new, 1 in the baseline, 1 of the baseline gone", run.stdout)
        self.assertIn("wrote 2 findings", run.stderr)
        self.expect(0, 0, 2, 0)

    def test_a_new_one_is_shown(self):
        self.write("m.c", module(("fresh", RECV), ("get", RECV), ("take", RECV)))
        run = self.expect(1, 1, 2, 0)
        self.assertIn("in fresh: entered", run.stdout)
        self.assertNotIn("in get", run.stdout)

    def test_a_further_place_in_a_known_function_is_new(self):
        self.write("m.c", module(("get", RECV + "\n\tfd++;\n" + RECV), ("take", RECV)))
        run = self.expect(1, 1, 1, 0)
        self.assertIn("also here", run.stdout)

    def test_the_gone_are_counted(self):
        self.write("m.c", module(("get", "\tfd++;"), ("take", RECV)))
        self.expect(0, 0, 1, 1)
        run = self.lint("--baseline", "b.json", "--select", "unbalanced")
        self.assertIn("0 new, 0 in the baseline, 1 of the baseline gone", run.stdout)

    def test_what_was_not_looked_at_is_not_gone(self):
        self.write("other.c", module(("put", "\tfd++;")))
        run = self.lint("--baseline", "b.json", "other.c", sources=("m.c", "other.c"))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("0 new, 0 in the baseline, 0 of the baseline gone", run.stdout)

    def test_the_same_words_twice_are_two(self):
        os.mkdir(self.path("a"))
        self.write("a/m.c", module(("get", RECV)))
        run = self.lint("--baseline", "b.json", sources=("m.c", "a/m.c"))
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("1 new, 2 in the baseline, 0 of the baseline gone", run.stdout)
        self.lint("--write-baseline", "b.json", sources=("m.c", "a/m.c"))
        prints = [entry["fingerprint"] for entry in json.loads(self.read("b.json"))["findings"]]
        self.assertEqual((len(prints), len(set(prints))), (3, 3))

    def test_formats_for_programs_leave_the_counts_to_stderr(self):
        run = self.lint("--baseline", "b.json", "--format", "sarif")
        self.assertEqual(json.loads(run.stdout)["runs"][0]["results"], [])
        self.assertEqual(run.stderr, "gilscope-lint: 0 new, 2 in the baseline, 0 of the baseline gone\n")

    def test_suppressed_ones_stay_out_of_it(self):
        self.write("m.c", module(("get", RECV + " // gilscope: allow(blocking-call) local"), ("take", RECV)))
        self.lint("--write-baseline", "b.json")
        self.assertEqual(len(json.loads(self.read("b.json"))["findings"]), 1)

    def test_broken_files(self):
        for text, words in (("{", "b.json:1:"), ("[]", "gilscope-baseline/1"),
                            ('{"schema": "gilscope-findings/1"}', "gilscope-baseline/1"),
                            ('{"schema": "gilscope-baseline/1"}', "findings"),
                            ('{"schema": "gilscope-baseline/1", "findings": [7]}', "findings"),
                            ('{"schema": "gilscope-baseline/1", "findings": [{"fingerprint": "x"}]}',
                             "findings[0].rule")):
            with self.subTest(text):
                self.write("b.json", text)
                run = self.lint("--baseline", "b.json")
                self.assertEqual((run.returncode, run.stdout, len(run.stderr.splitlines())), (2, "", 1), run)
                self.assertIn(words, run.stderr)
        run = self.lint("--baseline", "missing.json")
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertIn("missing.json", run.stderr)
        run = self.lint("--write-baseline", "missing/b.json")
        self.assertEqual((run.returncode, run.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
