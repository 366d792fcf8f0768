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
from concurrent.futures import ThreadPoolExecutor

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
    """Headers that their project keeps to itself want to be asked; NumPy says where its own are."""
    if "numpy/" in header:
        asked = run(["/usr/bin/python3", "-c", "import numpy; print(numpy.get_include())"])
        return ["-I" + asked.stdout.strip()] if asked.returncode == 0 else []
    return ["-DPy_BUILD_CORE=1"] if "internal/pycore_" in header else []


def includes(header):
    return "".join(f"#include <{name}>\n" for name in header.split())


class Probe:
    """Lines of C or C++, each of which proves one claim; a compiler's error on a line refutes it."""

    def __init__(self, language, headers, flags):
        self.language, self.flags = language, flags
        text = "".join(includes(header) for header in headers)
        self.lines, self.claims = ((ARGUMENT_KINDS if language == "c++" else "") + text).splitlines(), {}

    def claim(self, text, what):
        self.lines.append(text.replace("\n", " "))
        self.claims[len(self.lines)] = what

    def refuted(self):
        """[(what, the compiler's words)]; what is None when the headers themselves do not compile."""
        with tempfile.TemporaryDirectory(prefix="gilscope-probe-") as folder:
            path = os.path.join(folder, "probe." + ("cc" if self.language == "c++" else "c"))
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("\n".join(self.lines) + "\n")
            standard = "-std=gnu++17" if self.language == "c++" else "-std=gnu17"
            ran = run([CLANG, standard, "-D_GNU_SOURCE", "-fsyntax-only", "-w", "-ferror-limit=0",
                       "-fno-caret-diagnostics", *self.flags, path])
        missing = re.search(r"fatal error: '([^']+)' file not found", ran.stderr)
        if missing:
            raise Missing(missing[1])
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


class Missing(Exception):
    """A header that is not installed."""


def is_cxx(name):
    return "::" in name


def claim_cxx_name(probe, number, row, is_member):
    """A using-declaration takes the whole overload set; a constructor is there when its class is."""
    scope, _, name = row["name"].rpartition("::")
    if name == scope.rsplit("::", 1)[-1]:
        probe.claim(f"using gs_type_{number} = {scope};", row)
    elif is_member:
        probe.claim(f"struct gs_{number} : {scope} {{ using {scope}::{name}; }};", row)
    else:
        probe.claim(f"namespace gs_{number} {{ using {scope}::{name}; }}", row)


def refuted_names(key, rows, is_member=False):
    _library, header, module, language = key
    probe = Probe(language, [header], pkg_config_flags(module) + header_flags(header))
    for number, row in enumerate(rows):
        if language == "c++":
            claim_cxx_name(probe, number, row, is_member)
        else:
            probe.claim(f"const void *gs_{number} = (const void *)&({row['name']});", row)
    refuted = probe.refuted()
    members = [row for row, text in refuted if "class member" in text]
    if not members or is_member:
        return refuted
    return [pair for pair in refuted if pair[0] not in members] + refuted_names(key, members, True)


def claim_arguments(probe, row):
    pointer = f"decltype(&({row['name']}))"
    for index, kind in sorted({(index, kind) for index, kind in row["arguments"]}):
        letter = {"size": "n", "number": "i", "pointer": "p", "function": "f"}[kind]
        probe.claim(f"static_assert(gs_is<{pointer}, {index}>('{letter}'), \"argument {index} is no {kind}\");", row)


def check_names(key, rows):
    """(rows that are declared, what is wrong) of the rows that name the same headers."""
    library = key[0]
    try:
        refuted = refuted_names(key, rows)
    except Missing as missing:
        print(f"skipped, because <{missing}> is not installed ({rows[0]['package'] or library}): "
              f"{len(rows)} entries of {library}")
        wrong = [(rows[0], f"<{missing}> must be there")] if library in MUST and not rows[0]["absent"] else []
        return [], wrong
    wrong, absent = [], set()
    for row, text in refuted:
        absent.add(row and row["name"])
        if row and row["absent"]:
            print(f"not declared here: {row['name']} ({row['absent']})")
        else:
            wrong.append((row, text))
    return [row for row in rows if row["name"] not in absent], wrong


def check_arguments(key, rows):
    """What is wrong with the argument indexes of one library's C functions."""
    module, flags = key[1], header_flags(" ".join(row["header"] for row in rows))
    probe = Probe("c++", list(dict.fromkeys(row["header"] for row in rows)), pkg_config_flags(module) + flags)
    for row in rows:
        claim_arguments(probe, row)
    return probe.refuted()


def check_all(functions):
    """(entries checked, what is wrong)"""
    by_header, by_library = defaultdict(list), defaultdict(list)
    cxx_headers = {row["header"] for row in functions if is_cxx(row["name"])}
    for row in functions:
        if row["header"]:
            language = "c++" if row["header"] in cxx_headers else "c"
            by_header[row["library"], row["header"], row["pkg_config"], language].append(row)
    checked, wrong = 0, []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for present, refuted in pool.map(check_names, *zip(*sorted(by_header.items()))):
            checked, wrong = checked + len(present), wrong + refuted
            for row in present:
                if row["arguments"] and row["header"] not in cxx_headers:
                    private = "internal/" in row["header"]
                    by_library[row["library"], row["pkg_config"], private].append(row)
        for refuted in pool.map(check_arguments, *zip(*sorted(by_library.items()))):
            wrong += refuted
    return checked, wrong


class Models(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.paths = sorted(os.path.join(MODELS, name) for name in os.listdir(MODELS) if name.endswith(".yml"))
        cls.functions, cls.constants = load_models(cls.paths)

    def test_every_function_and_argument_exists(self):
        checked, wrong = check_all(self.functions)
        for row, text in wrong:
            place = f"{os.path.relpath(row['file'], SOURCE)}:{row['line']}: {row['name']}" if row else "headers"
            print(f"{place}: {text}")
        print(f"{checked} of {len(self.functions)} entries held against their headers, {len(wrong)} wrong")
        self.assertEqual(wrong, [])
        self.assertGreater(checked, 1000)

    def test_every_constant_has_the_stated_value(self):
        by_header = defaultdict(list)
        modules = {row["file"]: row["pkg_config"] for row in self.functions}
        for row in self.constants:
            if row["header"]:
                by_header[row["file"], row["header"]].append(row)
        wrong = []
        for (path, header), rows in sorted(by_header.items()):
            probe = Probe("c", [header], pkg_config_flags(modules.get(path)))
            for row in rows:
                probe.claim(f"_Static_assert((long long)({row['constant']}) == {row['value']}ll, \"value\");", row)
            try:
                wrong += [(row and row["constant"], text) for row, text in probe.refuted()]
            except Missing as missing:
                print(f"skipped, because <{missing}> is not installed: {len(rows)} constants of {path}")
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
            _, wrong = check_all(rows)
        names = [row["name"] for row, _ in wrong]
        self.assertEqual(sorted(names), ["accept", "connect", "recvv", "sendto"])


if __name__ == "__main__":
    unittest.main()
