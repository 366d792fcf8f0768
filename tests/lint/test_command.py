#!/usr/bin/env python3
"""gilscope-lint's command line: databases, single files, builds under capture; errors, exit codes, no leftovers."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

LINT = os.path.join(os.environ["GILSCOPE_BIN"], "gilscope-lint")
# Declared here and not included: the tests need no Python.h.
MODULE = """\
struct method { const char *name; void *(*call)(void *, void *); int flags; const char *doc; };
extern long read(int fd, void *buffer, unsigned long size);
extern void *PyEval_SaveThread(void);
extern void PyEval_RestoreThread(void *);
extern void *PyLong_FromLong(long);
extern void *PyModule_Create2(void *, int);
static void *m_read(void *self, void *args)
{
	char byte;
%s
	return PyLong_FromLong(byte);
}
struct PyMethodDef { const char *name; void *(*call)(void *, void *); int flags; const char *doc; };
static struct PyMethodDef methods[] = {{"read", m_read, 1, 0}, {0}};
static struct PyModuleDef { long head[5]; const char *name, *doc; long size; struct PyMethodDef *methods; } def = {
	{0}, "m", 0, -1, methods};
void *PyInit_m(void) { return PyModule_Create2(&def, 1013); }
"""
HELD = MODULE % "\tread(0, &byte, 1);"
RELEASED = MODULE % "\tvoid *s = PyEval_SaveThread();\n\tread(0, &byte, 1);\n\tPyEval_RestoreThread(s);"


class Command(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = os.path.join(temporary.name, "work folder")
        self.tmp = os.path.join(temporary.name, "tmp")
        os.mkdir(self.folder)
        os.mkdir(self.tmp)
        self.environment = {**os.environ, "TMPDIR": self.tmp}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def database(self, *names, flags=()):
        self.write("compile_commands.json", json.dumps(
            [{"directory": self.folder, "file": name, "arguments": ["cc", "-c", *flags, name]} for name in names]))

    def lint(self, *args, **more):
        done = subprocess.run([LINT, *args], capture_output=True, text=True, timeout=300,
                              **{"cwd": self.folder, "env": self.environment, **more})
        self.assertEqual(os.listdir(self.tmp), [], "left in TMPDIR")
        return done

    def findings(self, *args, code=None):
        done = self.lint("--format", "json", *args)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *args, says, **more):
        done = self.lint(*args, **more)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        own = [line for line in done.stderr.splitlines() if line.startswith("gilscope-lint: ")]
        self.assertEqual(len(own), 1, done.stderr)
        self.assertRegex(own[0], says)
        return done

    # ---- from a database ----

    def test_exit_codes(self):
        self.write("m.c", HELD)
        self.database("m.c")
        document = self.findings(code=1)
        self.assertEqual(document["units"], {"total": 1, "extracted": 1, "cached": 0, "failed": []})
        self.assertEqual([(f["rule"], f["operation"], f["function"]) for f in document["findings"]],
                         [("blocking-call", "read", "m_read")])
        self.findings("--exit-zero", code=0)
        self.assertEqual(self.findings("--ignore", "blocking-call", code=0)["findings"], [])
        self.assertEqual(self.findings("--select", "api-unlocked,unbalanced", code=0)["findings"], [])
        self.assertEqual(len(self.findings("--select", "blocking-call", code=1)["findings"]), 1)
        self.write("m.c", RELEASED)
        self.assertEqual(self.findings(code=0)["findings"], [])

    def test_text_is_the_default(self):
        self.write("m.c", HELD)
        self.database("m.c")
        done = self.lint("m.c")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertRegex(done.stdout, r"(?m)^m\.c:10:\d+: warning: .*\[blocking-call\]$")
        self.assertNotIn("\x1b", done.stdout)
        self.assertIn("\x1b[", self.lint("--color=always").stdout)

    def test_several_formats(self):
        self.write("m.c", HELD)
        self.database("m.c")
        done = self.lint("-f", "concise", "-f", f"json:{self.path('out.json')}", "-f", f"sarif:{self.path('out.sarif')}")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        for name in ("out.json", "out.sarif"):
            with open(self.path(name), encoding="utf-8") as stream:
                self.assertTrue(json.load(stream))
        self.refused("-f", f"json:{self.path('no/such/out.json')}", says="cannot write .*out.json")

    def test_database_is_found_upwards_and_by_p(self):
        self.write("src/deep/m.c", HELD)
        self.write("src/other.c", "int f(void) { return 0; }\n")
        self.database("src/deep/m.c", "src/other.c")
        deep = self.path("src/deep")
        self.assertEqual(json.loads(self.lint("-f", "json", cwd=deep).stdout)["units"]["total"], 2)
        self.assertEqual(json.loads(self.lint("-f", "json", ".", cwd=deep).stdout)["units"]["total"], 1)
        self.assertEqual(self.findings("-p", self.folder, "src/other.c", code=0)["units"]["total"], 1)
        self.assertEqual(json.loads(self.lint("-f", "json", "-p", self.folder, cwd="/").stdout)["units"]["total"], 2)

    def test_whole_program(self):
        """The lock is released in one unit, the wait is in another."""
        self.write("low.c", "extern long read(int, void *, unsigned long);\nlong low(char *b) { return read(0, b, 1); }\n")
        self.write("m.c", "extern long low(char *);\n" + MODULE % "\tlow(&byte);")
        self.database("m.c", "low.c")
        found = self.findings(code=1)["findings"]
        self.assertEqual([(f["function"], f["entry"], os.path.basename(f["file"])) for f in found],
                         [("low", "m_read", "low.c")])

    def test_failed_units_are_listed(self):
        self.write("m.c", HELD)
        self.write("broken.c", '\n#include "missing.h"\n')
        self.database("m.c", "broken.c")
        done = self.lint("--format", "json")
        units = json.loads(done.stdout)["units"]
        self.assertEqual((done.returncode, units["total"], units["extracted"]), (1, 2, 1))
        self.assertEqual([f["file"] for f in units["failed"]], [self.path("broken.c")])
        self.assertIn("'missing.h' file not found", units["failed"][0]["why"])
        self.assertRegex(done.stderr, r"^gilscope-lint: not analysed: .*broken\.c:2:10: fatal error: 'missing.h'.*\n$")
        self.assertIn("broken.c", self.lint().stdout)

    def test_build_folder_is_gone(self):
        self.write("m.c", HELD)
        self.write("compile_commands.json", json.dumps(
            [{"directory": "/no/such/folder", "file": self.path("m.c"), "arguments": ["cc", "-c"]}]))
        done = self.lint()
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"not analysed: .*m\.c: cannot run .*clang-19 in /no/such/folder: No such file")

    def test_no_unit_at_all(self):
        self.write("broken.c", "int f(\n")
        self.database("broken.c")
        done = self.lint()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("none of the 1 units could be analysed", done.stderr)
        self.database()
        self.refused(says="names no C or C\\+\\+ source")
        self.write("other.c", "")
        self.database("gone.c")
        self.refused("other.c", says="has no C or C\\+\\+ source below .*other.c")

    def test_broken_databases(self):
        self.write("compile_commands.json", '[\n {"directory": "/",\n  "file" "a.c"}]')
        self.refused(says=r"compile_commands\.json:3:\d+: not valid JSON")
        self.write("compile_commands.json", '[{"directory": "/d"}]')
        self.refused(says='no entry of .* can be used.*no "file"')
        self.refused("-p", "/no/such/folder", says="cannot read /no/such/folder/?.*: No such file")
        self.refused("gone.c", says="cannot read gone.c: No such file")

    def test_names_with_blanks_and_quotes(self):
        self.write("it's here/m.c", HELD)
        self.write("compile_commands.json", json.dumps([{
            "directory": self.folder, "file": "it's here/m.c",
            "command": "cc -D'WORD=a \"b\"' -c \"it's here/m.c\""}]))
        self.findings(code=1)

    # ---- usage ----

    def test_usage(self):
        for args, says in (
                (["--format", "yaml"], 'no format "yaml"'), (["--format", "json", "--format", "text"], "two formats"),
                (["--select", "no-rule"], 'no rule "no-rule"'), (["-j", "0"], "-j 0"), (["--confidence", "x"], "high, medium"),
                (["--no-such-option"], "unrecognized option"), (["--"], "no command"), (["--format", "json:"], "no file name")):
            with self.subTest(args):
                done = self.lint(*args)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(says, done.stderr)

    def test_help_version_explain(self):
        for args, part in ((["--help"], "gilscope-lint -- make"), (["--version"], "gilscope-lint "),
                           (["--explain", "blocking-call"], "Py_BEGIN_ALLOW_THREADS")):
            done = self.lint(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(part, done.stdout)
        done = self.lint("--explain", "no-rule")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("unbalanced", done.stderr)

    def test_missing_model(self):
        self.write("m.c", HELD)
        self.database("m.c")
        self.refused("--model", "gone.yml", says="gone.yml")

    def test_no_temporary_folder(self):
        self.write("m.c", HELD)
        self.database("m.c")
        self.refused(says="TMPDIR", env={**self.environment, "TMPDIR": "/no/such/folder"})

    # ---- without a database ----

    def test_single_file(self):
        self.write("m.c", HELD)
        done = self.lint("m.c")
        if done.returncode == 2:  # no python3-config on this machine: one line that says what to do
            self.assertIn("python3-dev", done.stderr)
        else:
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("no compile_commands.json", done.stderr)
        self.refused(".", says="no compile_commands.json at or above .*gilscope-lint -- make.*-p DIR")
        self.write("notes.txt", "")
        self.assertEqual(self.lint("notes.txt").returncode, 2)

    # ---- a build ----

    def makefile(self, compiler):
        self.write("m.c", HELD)
        self.write("Makefile", f"CC = {compiler}\nall: m.o gen.o\n\t@echo built\ngen.c:\n\techo 'int gen;' > $@\n"
                               "%.o: %.c\n\t$(CC) -O2 -c -o $@ $<\nclean:\n\trm -f *.o gen.c\n")

    def test_capture_make(self):
        for compiler in ("gcc", shutil.which("gcc"), "./cc.sh", "clang-19"):
            with self.subTest(compiler):
                self.makefile(compiler)
                self.write("cc.sh", '#!/bin/sh\nexec gcc "$@"\n')
                os.chmod(self.path("cc.sh"), 0o755)
                done = self.lint("--format", "json", "--", "make", "-j2")
                self.assertEqual(done.returncode, 1, done.stderr)
                document = json.loads(done.stdout)
                self.assertEqual(document["units"]["extracted"], 2)
                self.assertEqual(document["findings"][0]["file"], "m.c")
                self.assertIn("built", done.stderr)  # the build talks on stderr
                self.assertTrue(os.path.exists(self.path("m.o")))
                self.lint("--", "make", "clean")
        self.makefile("gcc")
        self.write("gen.c", "int gen;\n")
        self.assertEqual(self.findings("gen.c", "--", "make", code=0)["units"]["total"], 1)

    def test_capture_nothing_or_failure(self):
        self.refused("--", "true", says="true compiled no C or C\\+\\+ source; clean the build first")
        self.refused("--", "false", says="false failed with exit code 1")
        self.refused("--", "no-such-program", says="cannot run no-such-program: No such file")
        self.refused("--", "sh", "-c", "kill -9 $$", says="sh was killed by signal 9")
        self.makefile("gcc")
        self.write("m.c", "int f(\n")
        done = self.lint("--", "make")
        self.assertEqual(done.returncode, 2)
        self.assertIn("make failed with exit code 2", done.stderr)

    def test_capture_one_compiler_call(self):
        self.write("m.c", HELD)
        self.write("two.cc", "int main() { return 0; }\n")
        self.assertEqual(self.findings("--", "gcc", "-c", "m.c", code=1)["units"]["total"], 1)
        # compiled and linked at once, two sources
        document = self.findings("--", "sh", "-c", "g++ -shared -fPIC -x c++ two.cc -x c m.c -o both.so || exit 3", code=1)
        self.assertEqual(document["units"]["total"], 2)

    def test_capture_sources_that_vanish(self):
        """Generated code in a folder that the build deletes."""
        self.write("m.c.in", HELD)
        self.write("build.sh", 'set -e\nd=$(mktemp -d ./XXXXXX)\nmkdir $d/include\necho "#define ANSWER 42" > $d/include/gen.h\n'
                               '(echo \'#include "gen.h"\'; cat m.c.in) > $d/m.c\n(cd $d && gcc -Iinclude -c m.c)\nrm -r $d\n')
        document = self.findings("--", "sh", "build.sh", code=1)
        self.assertEqual(document["units"], {"total": 1, "extracted": 1, "cached": 0, "failed": []})

    def test_capture_ignores_configure_checks(self):
        self.write("m.c", HELD)
        self.write("conftest.c", "int main(void) { return 0; }\n")
        self.write("build.sh", "gcc conftest.c -o conftest && gcc --version > version && gcc -E conftest.c > text\n"
                               "gcc -c missing.c 2>/dev/null || gcc -c m.c\n")
        self.assertEqual(self.findings("--", "sh", "build.sh", code=1)["units"]["total"], 1)

    def test_capture_keeps_the_build_as_it_is(self):
        """Exit codes, output and environment are the compiler's; no path of ours is in sight."""
        self.write("m.c", HELD)
        self.write("build.sh", "gcc -c nothing.c; echo code $?\nwhich gcc\ngcc -c m.c -o m.o && env > after\n")
        done = self.lint("--", "sh", "build.sh")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("code 1\n", done.stderr)
        self.assertIn(shutil.which("gcc") + "\n", done.stderr)
        self.assertRegex(done.stderr, r"nothing\.c: No such file")

    def venv_pip(self):
        for python in (sys.executable, shutil.which("python3")):
            venv = self.path("venv")
            has_header = "import sysconfig; open(sysconfig.get_paths()['include'] + '/Python.h').close()"
            if python and not subprocess.run([python, "-c", has_header], capture_output=True, check=False).returncode \
                    and not subprocess.run([python, "-m", "venv", venv], capture_output=True, check=False).returncode:
                return os.path.join(venv, "bin", "pip")
        return self.skipTest("skipped, because no python3 here has venv and Python.h")

    def test_capture_wheel(self):
        """A package in isolation, as people build theirs."""
        pip = self.venv_pip()
        self.write("pkg.c", "#include <Python.h>\n#include <unistd.h>\n"
                   "static PyObject *wait_byte(PyObject *self, PyObject *args)\n{\n\tchar byte;\n\tread(0, &byte, 1);\n"
                   "\tPy_RETURN_NONE;\n}\nstatic PyMethodDef methods[] = {{\"wait_byte\", wait_byte, METH_NOARGS, 0}, {0}};\n"
                   "static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, \"pkg\", 0, -1, methods};\n"
                   "PyMODINIT_FUNC PyInit_pkg(void) { return PyModule_Create(&def); }\n")
        self.write("pyproject.toml", '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n')
        self.write("setup.py", "from setuptools import setup, Extension\n"
                   "setup(name='pkg', version='1', ext_modules=[Extension('pkg', ['pkg.c'])])\n")
        # pip builds in an environment of its own, for which it downloads setuptools.
        if subprocess.run([pip, "download", "-q", "--no-deps", "-d", self.path("try"), "setuptools"],
                          capture_output=True, check=False).returncode:
            self.skipTest("skipped, because no package index can be reached")
        document = self.findings("--", pip, "wheel", "--no-deps", "-w", "out", ".", code=1)
        self.assertEqual([(f["operation"], f["entry"]) for f in document["findings"]], [("read", "wait_byte")])
        self.assertTrue(any(name.endswith(".whl") for name in os.listdir(self.path("out"))))

    # ---- interruption ----

    def interrupt(self, number, *args):
        child = subprocess.Popen([LINT, *args], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, start_new_session=True)
        limit = time.monotonic() + 60
        while not os.listdir(self.tmp) and time.monotonic() < limit:
            time.sleep(0.01)
        self.assertTrue(os.listdir(self.tmp), "the run did not begin")
        os.kill(child.pid, number)
        out, _ = child.communicate(timeout=60)
        self.assertEqual((child.returncode, out), (-number, b""))
        self.assertEqual(os.listdir(self.tmp), [])

    def test_interrupted_extraction(self):
        names = [f"m{n}.c" for n in range(60)]
        for name in names:
            self.write(name, HELD.replace("PyInit_m", "PyInit_" + name[:-2]))
        self.database(*names)
        for number in (signal.SIGINT, signal.SIGTERM):
            self.interrupt(number)

    def test_interrupted_build(self):
        self.write("build.sh", "exec sleep 600\n")
        self.interrupt(signal.SIGTERM, "--", "sh", "build.sh")

    def test_reader_goes_away(self):
        self.write("m.c", HELD)
        self.database("m.c")
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([LINT], cwd=self.folder, env=self.environment, stdout=writer, stderr=subprocess.PIPE,
                              restore_signals=True, timeout=120, check=False)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))
        self.assertEqual(os.listdir(self.tmp), [])


if __name__ == "__main__":
    unittest.main()
