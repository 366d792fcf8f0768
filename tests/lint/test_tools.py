#!/usr/bin/env python3
"""The tree's own tools: check-rooms finds what it must find, and says where."""
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["GILSCOPE_SOURCE"]
TOOLS = os.path.join(SOURCE, "tests", "tools")


class CheckRooms(unittest.TestCase):
    def setUp(self):
        self.tree = tempfile.mkdtemp(prefix="gilscope-rooms-")
        self.addCleanup(shutil.rmtree, self.tree)
        os.makedirs(os.path.join(self.tree, "tests", "tools"))
        shutil.copy(os.path.join(TOOLS, "check-rooms"), os.path.join(self.tree, "tests", "tools"))
        shutil.copy(os.path.join(SOURCE, "CONTRIBUTING.md"), self.tree)

    def check(self, path, text):
        """What check-rooms says of a tree that holds this file."""
        full = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as stream:
            stream.write(text)
        done = subprocess.run(["/usr/bin/python3", "tests/tools/check-rooms"], cwd=self.tree, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def assert_refused(self, path, text, line, reason):
        status, said = self.check(path, text)
        self.assertEqual(status, 1, said)
        self.assertIn(f"{path}:{line}: ", said)
        self.assertIn(reason, said)

    def assert_accepted(self, path, text):
        status, said = self.check(path, text)
        self.assertEqual(status, 0, said)

    def test_own_room_and_rooms_in_the_table(self):
        self.assert_accepted("probes/x.c", '#include <stdio.h>\n#include <bpf/libbpf.h>\n#include "probes/x.h"\n'
                             '#include "runtime/core/run.h"\n#include "probes/gil.skel.h"\n')

    def test_room_outside_the_table(self):
        self.assert_refused("probes/x.c", '#include "runtime/base/err.h"\n#include "analyzer/solve.h"\n', 2,
                            "probes may not include analyzer")

    def test_library_outside_the_table(self):
        self.assert_refused("probes/x.c", "#include <llvm-c/Core.h>\n", 1, "probes may not include LLVM")

    def test_one_file_may_do_more(self):
        text = '#include "runtime/report/report.h"\n'
        self.assert_refused("analyzer/x.c", text, 1, "analyzer may not include runtime/report")
        os.remove(os.path.join(self.tree, "analyzer", "x.c"))
        self.assert_accepted("analyzer/main.c", text)

    def test_include_that_is_not_from_the_root(self):
        self.assert_refused("runtime/core/x.c", '#include "run.h"\n', 1, "from the root of the tree")

    def test_folder_without_a_row(self):
        self.assert_refused("runtime/new/x.c", '#include "runtime/base/err.h"\n', 1, "table of rooms")

    def test_long_function_and_long_file(self):
        body = "int f(void)\n{\n%s}\n"
        self.assert_accepted("probes/x.c", body % ("\tg();\n" * 60))
        self.assert_refused("probes/x.c", body % ("\tg();\n" * 61), 2, "a function of 61 lines")
        self.assert_refused("probes/x.c", "int a;\n" * 801, 801, "801 lines")

    def test_marks_and_paths(self):
        self.assert_refused("probes/x.c", "/* TO" + "DO: finish */\n", 1, "unfinished")
        os.remove(os.path.join(self.tree, "probes", "x.c"))
        self.assert_refused("probes/x.md", "see /ro" + "ot/notes\n", 1, "path of one machine")
        self.assert_accepted("probes/x.md", "opens /proc/4242/ro" + "ot/etc, mkstemp(XX" + "XXXX)\n")

    def test_top_level_is_fixed(self):
        status, said = self.check("docs/x.md", "text\n")
        self.assertEqual(status, 1)
        self.assertIn("docs:1: ", said)


class InstallPackages(unittest.TestCase):
    def test_unknown_set_is_refused(self):
        done = subprocess.run([os.path.join(TOOLS, "install-packages"), "nonsense"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no set 'nonsense'", done.stderr)


if __name__ == "__main__":
    unittest.main()
