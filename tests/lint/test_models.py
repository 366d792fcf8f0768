#!/usr/bin/env python3
"""Holds every entry of analyzer/models/ against the header that declares it.

For each header a probe is compiled by clang -fsyntax-only: it takes each function's address, compares each
constant of a condition with its stated value, and asks for the type of each argument that a model uses. A
misspelt name, a wrong value or a wrong index fails. A header that is not installed is skipped, loudly; the headers
of libraries that the set-up installs for the first models may not be skipped.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from collections import defaultdict

SOURCE = os.environ["GILSCOPE_SOURCE"]
DUMP = os.path.join(os.environ["GILSCOPE_BIN"], "models_dump")
CLANG = shutil.which("clang-19") or "clang"
MODELS = os.path.join(SOURCE, "analyzer", "models")
MUST = {"cpython", "libc", "pthread", "libpq", "sqlite3", "zlib"}

# What C++ sees of a function: how many arguments, and of what kind each is.
ARGUMENT_KINDS = """
#include <cstddef>
#include <type_traits>
#include <tuple>
template <class F> struct gs_shape;
template <class R, class... A> struct gs_shape<R (*)(A...)> {
	static constexpr bool has(std::size_t i) { return i < sizeof...(A); }
	static constexpr bool is_variadic = false;
	using arguments = std::tuple<A..., void, void, void>;
	static constexpr std::size_t count = sizeof...(A);
};
template <class R, class... A> struct gs_shape<R (*)(A..., ...)> {
	static constexpr bool has(std::size_t) { return true; }
	static constexpr bool is_variadic = true;
	using arguments = std::tuple<A..., void, void, void>;
	static constexpr std::size_t count = sizeof...(A);
};
template <class R, class... A> struct gs_shape<R (*)(A...) noexcept> : gs_shape<R (*)(A...)> {};
template <class R, class... A> struct gs_shape<R (*)(A..., ...) noexcept> : gs_shape<R (*)(A..., ...)> {};
template <class F, std::size_t I> constexpr bool gs_is(char kind)
{
	using S = gs_shape<F>;
	if constexpr (I >= S::count) {
		return S::is_variadic;
	} else {
		using T = std::tuple_element_t<I, typename S::arguments>;
		constexpr bool number = std::is_arithmetic_v<T> || std::is_enum_v<T>;
		constexpr bool function = std::is_pointer_v<T> && (std::is_function_v<std::remove_pointer_t<T>> ||
			std::is_void_v<std::remove_pointer_t<T>>);
		return kind == 'n' ? number || std::is_pointer_v<T> : kind == 'i' ? number :
			kind == 'f' ? function : std::is_pointer_v<T> || std::is_class_v<T> || number;
	}
}
"""


def run(command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", check=False)


def load_models(paths):
    dumped = run([DUMP, *paths])
    if dumped.returncode:
        raise RuntimeError(dumped.stderr)
    rows = [json.loads(line) for line in dumped.stdout.splitlines()]
    return [row for row in rows if "name" in row], [row for row in rows if "constant" in row]


def pkg_config_flags(module):
    if not module or not shutil.which("pkg-config"):
        return []
    found = run(["pkg-config", "--cflags", *module.split()])
    return found.stdout.split() if found.returncode == 0 else []


def header_flags(header):
    """Headers that their project keeps to itself want to be asked."""
    return ["-DPy_BUILD_CORE=1"] if "internal/pycore_" in header else []


def includes(header):
    return "".join(f"#include <{name}>\n" for name in header.split())


class Probe:
    """Lines of C or C++, each of which proves one claim; a compiler's error on a line refutes it."""

    def __init__(self, language, header, flags):
        self.language, self.flags = language, flags
        wrap = includes(header)
        if language == "c++":
            wrap = ARGUMENT_KINDS + wrap
        self.lines, self.claims = wrap.splitlines(), {}

    def claim(self, text, what):
        self.lines.append(text.replace("\n", " "))
        self.claims[len(self.lines)] = what

    def refuted(self):
        """[(what, the compiler's words)]"""
        with tempfile.TemporaryDirectory(prefix="gilscope-probe-") as folder:
            path = os.path.join(folder, "probe." + ("cc" if self.language == "c++" else "c"))
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("\n".join(self.lines) + "\n")
            standard = "-std=gnu++17" if self.language == "c++" else "-std=gnu17"
            ran = run([CLANG, standard, "-D_GNU_SOURCE", "-fsyntax-only", "-w", "-ferror-limit=0",
                       "-fno-caret-diagnostics", *self.flags, path])
        wrong, elsewhere = {}, []
        for line in ran.stderr.splitlines():
            found = re.match(re.escape(path) + r":(\d+):\d+: (?:fatal )?error: (.*)", line)
            if found and int(found[1]) in self.claims:
                wrong.setdefault(int(found[1]), found[2])
            elif ": error:" in line or ": fatal error:" in line:
                elsewhere.append(line)
        if ran.returncode and not wrong:
            return [(None, "\n".join(elsewhere) or ran.stderr)]
        return [(self.claims[number], text) for number, text in sorted(wrong.items())]


def installed(header, flags, language):
    """None, or the header that is missing."""
    for name in header.split():
        tried = run([CLANG, "-x", language, "-D_GNU_SOURCE", "-E", "-o", os.devnull, *flags, "-"],
                    f"#if !__has_include(<{name}>)\n#error missing\n#endif\n")
        if tried.returncode:
            return name
    return None


def is_cxx(name):
    return "::" in name


def claim_cxx_name(probe, number, row):
    """A using-declaration takes the whole overload set, and a constructor."""
    scope, name = row["name"].rsplit("::", 1)
    if name == scope.rsplit("::", 1)[-1]:
        probe.claim(f"using gs_type_{number} = {scope};", row)
    else:
        probe.claim(f"namespace gs_{number} {{ using {scope}::{name}; }}", row)


def claim_arguments(probe, row):
    pointer = f"decltype(&({row['name']}))"
    for index, kind in sorted({(index, kind) for index, kind in row["arguments"]}):
        letter = {"size": "n", "number": "i", "pointer": "p", "function": "f"}[kind]
        probe.claim(f"static_assert(gs_is<{pointer}, {index}>('{letter}'), \"argument {index} is no {kind}\");", row)


class Models(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.paths = sorted(os.path.join(MODELS, name) for name in os.listdir(MODELS) if name.endswith(".yml"))
        cls.functions, cls.constants = load_models(cls.paths)

    def groups(self):
        by_header = defaultdict(list)
        for row in self.functions:
            if row["header"]:
                language = "c++" if is_cxx(row["name"]) else "c"
                by_header[row["library"], row["header"], row["pkg_config"], language].append(row)
        return sorted(by_header.items())

    def check_group(self, key, rows):
        """(entries checked, what is wrong)"""
        library, header, module, language = key
        flags = pkg_config_flags(module) + header_flags(header)
        missing = installed(header, flags, language)
        if missing:
            print(f"skipped, because <{missing}> is not installed ({rows[0]['package'] or library}): "
                  f"{len(rows)} entries of {library}")
            self.assertNotIn(library, MUST, f"<{missing}> must be there")
            return 0, []
        wrong, absent = self.check_names(header, flags, language, rows)
        present = [row for row in rows if row["name"] not in absent and not is_cxx(row["name"])]
        with_arguments = [row for row in present if row["arguments"]]
        if with_arguments:
            probe = Probe("c++", header, flags)
            for row in with_arguments:
                claim_arguments(probe, row)
            wrong += probe.refuted()
        return len(present), wrong

    def check_names(self, header, flags, language, rows):
        probe = Probe(language, header, flags)
        for number, row in enumerate(rows):
            if language == "c++":
                claim_cxx_name(probe, number, row)
            else:
                probe.claim(f"const void *gs_{number} = (const void *)&({row['name']});", row)
        wrong, absent = [], set()
        for row, text in probe.refuted():
            if row is not None:
                absent.add(row["name"])
            if row is not None and row["absent"]:
                print(f"not declared here: {row['name']} ({row['absent']})")
            else:
                wrong.append((row, text))
        return wrong, absent

    def test_every_function_and_argument_exists(self):
        checked, wrong = 0, []
        for key, rows in self.groups():
            count, found = self.check_group(key, rows)
            checked += count
            wrong += found
            for row, text in found:
                place = f"{row['file']}:{row['line']}: {row['name']}" if row else f"<{key[1]}>"
                print(f"{os.path.relpath(place, SOURCE) if row else place}: {text}")
        print(f"{checked} of {len(self.functions)} entries held against their headers, {len(wrong)} wrong")
        self.assertEqual(wrong, [])
        self.assertGreater(checked, 300)

    def test_every_constant_has_the_stated_value(self):
        by_header = defaultdict(list)
        modules = {row["file"]: row["pkg_config"] for row in self.functions}
        for row in self.constants:
            if row["header"]:
                by_header[row["file"], row["header"]].append(row)
        wrong = []
        for (path, header), rows in sorted(by_header.items()):
            flags = pkg_config_flags(modules.get(path))
            missing = installed(header, flags, "c")
            if missing:
                print(f"skipped, because <{missing}> is not installed: {len(rows)} constants of {path}")
                continue
            probe = Probe("c", header, flags)
            for row in rows:
                probe.claim(f"_Static_assert((long long)({row['constant']}) == {row['value']}ll, \"value\");", row)
            wrong += [(row["constant"], text) for row, text in probe.refuted()]
        self.assertEqual(wrong, [])

    def test_no_function_is_in_two_files(self):
        seen = {}
        for row in self.functions:
            other = seen.setdefault(row["name"], row["file"])
            self.assertEqual(other, row["file"], row["name"])

    def test_the_probe_refutes_what_is_wrong(self):
        """This test can fail: each of four seeded mistakes is found, the two sound entries are not."""
        with tempfile.TemporaryDirectory(prefix="gilscope-models-") as folder:
            path = os.path.join(folder, "seeded.yml")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("library: seeded\nheader: sys/socket.h\nsource: here\nconstants:\n"
                             "  - {name: MSG_DONTWAIT, value: 0x40}\nfunctions:\n"
                             "  - {name: recv, effect: blocks, wait_on: peer, unless: [arg3 & MSG_DONTWAIT]}\n"
                             "  - {name: send, effect: trivial}\n"
                             "  - {name: recvv, effect: trivial}\n"
                             "  - {name: connect, effect: computes, size_arg: 3}\n"
                             "  - {name: sendto, effect: trivial, callbacks: [{arg: 2}]}\n"
                             "  - {name: accept, effect: mutex-lock, lock_arg: 5}\n")
            rows, _ = load_models([path])
            _, wrong = self.check_group(("seeded", "sys/socket.h", "", "c"), rows)
        names = [row["name"] for row, _ in wrong]
        self.assertEqual(sorted(names), ["accept", "connect", "recvv", "sendto"])


if __name__ == "__main__":
    unittest.main()
