"""layouts.tsv and debug_offsets.tsv against the internal headers of every CPython whose headers are installed."""
import glob
import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ["GILSCOPE_SOURCE"]


def load(name):
    """version (and arch and build) → {field: number, or None where the version has no such thing}."""
    rows = {}
    with open(os.path.join(SOURCE, "probes", name), encoding="utf-8") as lines:
        table = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    for row in table[1:]:
        fields = dict(zip(table[0], row))
        key = fields.pop("version"), fields.pop("arch", None), fields.pop("build", None)
        rows[key] = fields
    return rows


def number(text):
    return None if text == "-" else int(text, 0) if text[0].isdigit() else text


def headers():
    """(version, include directory) of all there are; only headers with the internal part count."""
    roots = ["/usr/include", *glob.glob(os.path.expanduser("~/.pyenv/versions/*/include"))]
    for root in roots:
        for folder in glob.glob(f"{root}/python3.*"):
            version = os.path.basename(folder)[len("python"):].rstrip("t")
            if os.path.isdir(f"{folder}/internal") and version.replace(".", "").isdigit() and int(version[2:]) >= 8:
                yield version, folder


def offsets(include, machine_flags):
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/offsets"
        subprocess.run(["gcc", "-w", "-DPy_BUILD_CORE", *machine_flags, f"-I{include}", f"-I{include}/internal",
                        f"{SOURCE}/tests/tools/layout_offsets.c", "-o", program], check=True)
        done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())


class Layouts(unittest.TestCase):
    def test_rows_are_complete(self):
        rows = load("layouts.tsv")
        for minor in range(8, 16):
            for arch in ("x86_64", "aarch64"):
                self.assertIn((f"3.{minor}", arch, "gil"), rows)
        for (version, arch, build), fields in rows.items():
            # The machines differ in the size of a mutex, and in nothing else.
            other = dict(rows[version, "x86_64", build])
            if arch == "aarch64":
                other["gil_switch_cond"] = hex(int(other["gil_switch_cond"], 0) + 8)
            self.assertEqual(fields, other, (version, arch, build))

    def test_rows_are_what_headers_say(self):
        if os.uname().machine != "x86_64":
            self.skipTest("skipped, because the headers here are for another machine")
        rows, places, tried = load("layouts.tsv"), load("debug_offsets.tsv"), 0
        for version, include in headers():
            for build, flags in (("gil", []), ("ft", ["-DPy_GIL_DISABLED=1"])):
                if (version, "x86_64", build) not in rows:
                    continue
                tried += 1
                with self.subTest(f"{include} {build}"):
                    said = offsets(include, flags)
                    place = {key.split()[1]: int(value, 0) for key, value in said.items() if " " in key}
                    said = {key: int(value, 0) for key, value in said.items() if " " not in key}
                    row = {key: number(value) for key, value in rows[version, "x86_64", build].items()}
                    # Facts about meaning that no offset tells.
                    row = {key: value for key, value in row.items()
                           if value is not None and key not in ("lines", "frame_code_is_tagged")}
                    self.assertEqual(said, row)
                    listed = places.get((version, None, None), {})
                    self.assertEqual(place, {key: number(value) for key, value in listed.items()})
        if not tried:
            self.skipTest("skipped, because no internal headers of CPython are installed")


if __name__ == "__main__":
    unittest.main()
