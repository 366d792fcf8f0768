#!/usr/bin/env python3
"""cmake --install into a fresh prefix leaves programs that work from there, with the models installed beside them."""
import os
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["GILSCOPE_BUILD"]
SOURCE = """
#include <Python.h>
#include <unistd.h>
static PyObject *nap(PyObject *self, PyObject *unused)
{
	usleep(1000);
	Py_RETURN_NONE;
}
static PyMethodDef methods[] = {{"nap", nap, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "m", .m_methods = methods};
PyMODINIT_FUNC PyInit_m(void)
{
	return PyModule_Create(&module);
}
"""


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gilscope-install-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "usr")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, capture_output=True)
        cls.source = os.path.join(cls.folder, "m.c")
        with open(cls.source, "w", encoding="utf-8") as stream:
            stream.write(SOURCE)

    def call(self, program, *args):
        include = subprocess.run(["/usr/bin/python3", "-c", "import sysconfig; print(sysconfig.get_paths()['include'])"],
                                 capture_output=True, text=True, check=True).stdout.strip()
        return subprocess.run([os.path.join(self.prefix, "bin", program), *args, "--", "cc", "-I" + include, "-c", self.source,
                               "-o", os.path.join(self.folder, "m.o")], cwd=self.folder, capture_output=True, text=True)

    def test_lint_finds_its_models(self):
        done = self.call("gilscope-lint", "--format", "concise")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("usleep", done.stdout)

    def test_gilscope_runs_the_lint_beside_it(self):
        done = self.call("gilscope", "lint", "--format", "concise")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("usleep", done.stdout)

    def test_installed_models_are_the_ones_used(self):
        models = os.path.join(self.prefix, "share", "gilscope", "models")
        self.assertGreater(len(os.listdir(models)), 3)
        kept = models + ".kept"
        shutil.copytree(models, kept)
        try:
            with open(os.path.join(models, "libc.yml"), "w", encoding="utf-8") as stream:
                stream.write("library: [\n")
            done = self.call("gilscope-lint")
        finally:
            shutil.rmtree(models)
            os.rename(kept, models)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(self.prefix, done.stderr)
        self.assertIn("libc.yml", done.stderr)

    def test_nothing_else_is_installed(self):
        self.assertEqual(sorted(os.listdir(os.path.join(self.prefix, "bin"))), ["gilscope", "gilscope-lint"])


if __name__ == "__main__":
    unittest.main()
