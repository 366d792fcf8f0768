#!/usr/bin/env python3
"""Units to outlines: outlines/NAME.c and .cc against outlines/NAME.out, whole.

UPDATE=1 python3 test_extract.py rewrites the .out files; read the difference before committing it.
"""
import os
import subprocess
import tempfile
import unittest

LINT = os.path.join(os.environ["GILSCOPE_BIN"], "gilscope-lint")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "outlines")


def extract(source, outline, *flags):
    return subprocess.run([LINT, "extract", outline, source, *flags], capture_output=True, text=True, timeout=120)


def show(outline, *function):
    return subprocess.run([LINT, "outline", outline, *function], capture_output=True, text=True, timeout=60)


class Extract(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.outline = os.path.join(self.folder, "o")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def text_of(self, source, *flags):
        done = extract(source, self.outline, *flags)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shown = show(self.outline)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        return shown.stdout

    def test_golden(self):
        sources = sorted(name for name in os.listdir(FOLDER) if not name.endswith(".out"))
        self.assertGreaterEqual(len(sources), 2)
        for name in sources:
            expected = os.path.join(FOLDER, os.path.splitext(name)[0] + ".out")
            text = self.text_of(os.path.join(FOLDER, name))
            if os.environ.get("UPDATE"):
                with open(expected, "w", encoding="utf-8") as stream:
                    stream.write(text)
            with open(expected, encoding="utf-8") as stream, self.subTest(name):
                self.assertEqual(text, stream.read())

    def test_deterministic(self):
        source = os.path.join(FOLDER, "guard.cc")
        images = []
        for number in range(2):
            outline = os.path.join(self.folder, str(number))
            self.assertEqual(extract(source, outline).returncode, 0)
            with open(outline, "rb") as stream:
                images.append(stream.read())
        self.assertEqual(images[0], images[1])

    def test_system_headers_are_flagged(self):
        text = self.text_of(self.write("m.c", "#include <ctype.h>\nint f(int c) { return tolower(c); }\n"), "-O2")
        self.assertIn("tolower", text)
        self.write("Python.h", "")
        self.write("object.h", "static inline int own(int x) { return x; }\n")
        text = self.text_of(self.write("n.c", '#include "object.h"\nint f(int x) { return own(x); }\n'))
        self.assertRegex(text, r"function own/1 internal.* system  ; object.h:1")
        self.assertNotRegex(text, r"function f/1.* system")

    def test_line_directives_name_the_real_source(self):
        text = self.text_of(self.write("m.c", 'int g(int);\n#line 7 "code.pyx"\nint f(int x) { return g(x); }\n'))
        self.assertIn("; code.pyx:7:", text)

    def test_old_style_c_is_taken(self):
        """gcc warns about these; clang-19 calls them errors unless told otherwise."""
        self.text_of(self.write("m.c", "int f(char *p) { int x = p; return unknown(x); }\nint (*q)(int) = f;\n"))

    def test_unknown_flags_are_left_out(self):
        text = self.text_of(os.path.join(FOLDER, "facts.c"), "-fno-such-flag", "-march=nonesuch", "-mno-such", "-DX")
        self.assertIn("function by_value", text)

    def test_failures_name_the_first_error(self):
        done = extract(self.write("m.c", "int f(void) { return }\nint g(;\n"), self.outline)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^gilscope-lint: .*m\.c:1:\d+: error: .*\n$")
        self.assertFalse(os.path.exists(self.outline))

    def test_a_large_unit(self):
        """Deep expressions, long chains of blocks and a wide switch: no recursion gives out."""
        deep = "x" + " + g(x)" * 3000
        chain = "\n".join(f"\tif (x & {n}) g({n});" for n in range(1, 3000))
        cases = "\n".join(f"\tcase {n}: return g({n});" for n in range(2000))
        text = self.text_of(self.write("m.c", "int g(int);\n"
                                       f"int deep(int x) {{ return {deep}; }}\n"
                                       f"void chain(int x)\n{{\n{chain}\n}}\n"
                                       f"int wide(int x)\n{{\n\tswitch (x) {{\n{cases}\n\t}}\n\treturn 0;\n}}\n"),
                            "-fbracket-depth=8192")
        self.assertEqual(text.count("call @g("), 3000 + 2999 + 2000)

    def test_damaged_outlines_are_refused(self):
        self.text_of(os.path.join(FOLDER, "facts.c"))
        os.truncate(self.outline, os.path.getsize(self.outline) - 8)
        done = show(self.outline)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cut short", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
