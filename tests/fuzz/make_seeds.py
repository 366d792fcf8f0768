"""Writes the seed corpora of the fuzz targets: make_seeds.py SOURCE FOLDER → FOLDER/<target>/*."""
import json
import os
import re
import shutil
import sqlite3
import struct
import sys

FINDING = {
    "rule": "blocking-call", "confidence": "high", "severity": "warning", "message": "m", "file": "f.c", "line": 4,
    "column": 9, "function": "g", "symbol": "g", "operation": "read", "entry": "h",
    "path": [{"file": "f.c", "line": 7, "function": "h", "message": "m"}], "siblings": [],
    "fix": {"verdict": "safe", "note": "", "edits": [
        {"file": "f.c", "line": 4, "column": 1, "end_line": 4, "end_column": 1, "text": "x"}]},
    "fingerprint": "01234567", "suppressed": {"reason": "r"}, "cost": {"hold_ns": 1, "wait_ns": None, "calls": 2}}
DOCUMENT = {"schema": "gilscope-findings/1", "seconds": 1, "findings": [FINDING],
            "units": {"total": 1, "extracted": 1, "cached": 0, "failed": [{"file": "x.c", "why": "w"}]}}
WORDS = {("run", "tier"): "exact", ("process", "lock"): "on", ("histogram", "kind"): "wait", ("frame", "kind"): "python",
         ("longest", "kind"): "hold"}


def value(table, column, kind, row):
    """Something that the reader takes: small, in order, and where needed a known word."""
    if kind == "TEXT":
        return WORDS.get((table, column), column[:3])
    if column in ("id", "is_complete", "lock", "sched", "is_open", "is_sampled"):
        return 1
    if column == "pid" and table != "process":
        return row // 4
    if column in ("depth", "pid", "tid", "at_ns", "low_ns", "waiter_tid"):
        return row
    if column in ("holder_tid", "other_tid"):
        return row + 1
    return 1 if column == "stack" else 50 + row


def write_run(path, schema, header, page_bytes, rows):
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA page_size = {page_bytes}")
    db.execute(f"PRAGMA application_id = {header['RUN_APPLICATION_ID']}")
    db.execute(f"PRAGMA user_version = {header['RUN_VERSION']}")
    db.executescript(schema)
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = db.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall()
        for row in range(1 if table == "run" else rows):
            marks = ", ".join("?" * len(columns))
            db.execute(f"INSERT INTO {table} VALUES ({marks})", [value(table, *column, row) for column in columns])
    db.commit()
    db.close()


def write_outline(path, version):
    """One function, int f(p) { return g(p->n); }: see analyzer/outline.h and the header in outline.c."""
    none = 0xFFFFFFFF
    values = [(6, 0, 0, 0, 0, 0), (9, 0, 0, 2, 0, 8), (8, 0, 1, 0, 0, 0), (3, 0, 1, 0, 0, 0), (7, 0, 1, 0, 0, 0)]
    strings = [b"f", b"g", b"struct.s", b"m.c"]
    sections = [
        (len(values), b"".join(struct.pack("<HHIIIq", *value) for value in values)),
        (0, b""),
        (2, struct.pack("<HH8I", 3, 0, 2, none, none, 0, 0, 3, 1, 2) + struct.pack("<HH8I", 1, 0, 3, none, 4, 0, 1, 3, 1, 9)),
        (1, struct.pack("<9I", 0, 2, 4, 4, 0, 0, 0, none, 1)),
        (0, b""),
        (2, struct.pack("<12I", 0, 0, 3, 1, 0, 1, 0, 1, 0, 5, 0, 0) + struct.pack("<12I", 1, 1, none, 0, 16, 1, 1, 0, 5, 0, 0, 0)),
        (1, struct.pack("<5I", 1, 2, 0, 0, 1)),
        (1, struct.pack("<4IQq", 3, 0, 2, 8, 8, 0)),
        (1, struct.pack("<I", 2)),
        (0, b""),
        (0, b""),
        (len(strings), struct.pack("<4I", *(sum(len(s) + 1 for s in strings[:i]) for i in range(len(strings))))),
        (sum(len(s) + 1 for s in strings), b"".join(s + b"\0" for s in strings))]
    body = b"".join(data + bytes(-len(data) % 8) for _, data in sections)
    counts = [count for count, _ in sections]
    with open(path, "wb") as stream:
        stream.write(struct.pack("<8sIIII13IIQ", b"gsoutln", 0x01020304, version, 3, 0, *counts, 0, 88 + len(body)) + body)


def write_databases(folder):
    entry = {"directory": "/d", "file": "m.c", "command": "gcc -DA='b c' @x.rsp -Iinc -c m.c -o m.o"}
    entries = [entry, {"directory": "b", "file": "m.cc", "arguments": ["g++", "-x", "c++", "-isystem", "s", "m.cc"]}, {}]
    for number, document in enumerate(([entry], entries, [])):
        with open(os.path.join(folder, f"{number}.json"), "w", encoding="utf-8") as stream:
            json.dump(document, stream)


def write_lines(source, folder):
    """The line tables of the unit test, as fuzz_lines takes them."""
    with open(os.path.join(source, "tests/unit/probes/line_tables.txt"), encoding="utf-8") as stream:
        for number, line in enumerate(stream):
            _, kind, first, table, _ = line.split(" ", 4)
            with open(os.path.join(folder, str(number)), "wb") as out:
                out.write(struct.pack("<Bii", int(kind), int(first), 8))
                out.write(bytes.fromhex(table.strip("-")))


SOURCES = (
    "f(); /* gilscope: allow(blocking-call, churn) why */\n// gilscope: allow-begin(churn) x\n// gilscope: allow-end(churn)\n",
    "// NOLINTBEGIN(gilscope-*) \\\n why\nchar *s = R\"x(\n)\" /* )x\"; int i = 1'000; /* NOLINTEND(gilscope-*) */\n",
    "// NOLINTNEXTLINE(gilscope-churn)\nint c = '\\''; char *t = \"\\\"//\"; // NOLINT(x, gilscope-churn): y\n",
    "/*\n * gilscope: allow(none) why\n * gilscope: allow-end(churn)\n * gilscope: permit */")


def write_silencing(folder):
    for number, text in enumerate(SOURCES):
        with open(os.path.join(folder, "suppress", f"{number}.c"), "w", encoding="utf-8") as stream:
            stream.write(text)
    entry = {"fingerprint": "01234567", "rule": "churn", "function": "f", "file": "m.c", "places": 1}
    for number, entries in enumerate(([], [entry], [entry, {**entry, "fingerprint": "76543210"}])):
        with open(os.path.join(folder, "baseline", f"{number}.json"), "w", encoding="utf-8") as stream:
            json.dump({"schema": "gilscope-baseline/1", "findings": entries}, stream)


def copy_elf(fixtures, folder):
    """Small ELF files that the unit test of the site finder is built with."""
    for name in ("plt", "now", "no_plt", "ibt", "register"):
        path = os.path.join(fixtures, f"lock_{name}")
        if os.path.exists(path):
            shutil.copy(path, folder)


def main():
    source, folder = sys.argv[1:]
    for kind in ("findings", "run", "outline", "compdb", "elf", "lines", "suppress", "baseline"):
        shutil.rmtree(os.path.join(folder, kind), ignore_errors=True)  # the fuzzers add what they find
        os.makedirs(os.path.join(folder, kind))
    for number, document in enumerate((DOCUMENT, {**DOCUMENT, "findings": []}, {**DOCUMENT, "findings": [FINDING] * 3})):
        with open(os.path.join(folder, "findings", f"{number}.json"), "w", encoding="utf-8") as stream:
            json.dump(document, stream)
    with open(os.path.join(source, "analyzer", "outline.h"), encoding="utf-8") as stream:
        version = int(re.search(r"OUTLINE_VERSION (\d+)", stream.read())[1])
    write_outline(os.path.join(folder, "outline", "small.outline"), version)
    write_databases(os.path.join(folder, "compdb"))
    write_silencing(folder)
    write_lines(source, os.path.join(folder, "lines"))
    copy_elf(os.path.join(folder, "../../unit/probes/fixtures"), os.path.join(folder, "elf"))
    core = os.path.join(source, "runtime", "core")
    with open(os.path.join(core, "schema.sql"), encoding="utf-8") as stream:
        schema = stream.read()
    with open(os.path.join(core, "query.h"), encoding="utf-8") as stream:
        header = dict(re.findall(r"^#define (RUN_\w+) (\w+)", stream.read(), re.MULTILINE))
    for page_bytes, rows in ((512, 1), (512, 3), (4096, 40)):
        write_run(os.path.join(folder, "run", f"{page_bytes}-{rows}.run"), schema, header, page_bytes, rows)


if __name__ == "__main__":
    main()
