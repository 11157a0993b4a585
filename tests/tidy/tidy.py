#!/usr/bin/env python3
"""The rules of the house that a compiler does not check. Exit 1 with one line for each breach.

    tidy.py ROOT          checks the sources below ROOT
    tidy.py --self-test   breaks every rule once, in a scratch folder, and expects to be told
"""
import pathlib
import re
import sys
import tempfile

# The rooms and whom they may include: the arrows of docs/ARCHITECTURE.md. Whatever is not listed is forbidden.
ARROWS = {
    "sim": {"sim"},
    "topologies": {"topologies", "sim"},
    "models": {"models", "sim"},
    "scenarios": {"scenarios", "models", "topologies", "sim"},
    "validate": {"validate", "scenarios", "models", "topologies", "sim"},
    "cli": {"cli", "validate", "scenarios", "models", "topologies", "sim"},
}
# Libraries that are kept to some rooms; tests and benchmarks may use them all.
LIBRARIES = {
    "nlohmann/": {"scenarios", "validate"},
    "CLI/": {"cli"},
    "Eigen/": {"sim", "models", "validate"},
    "cuda": {"validate"},
    "catch2/": set(),
    "benchmark/": set(),
}
SOURCE_FOLDERS = [*ARROWS, "tests", "bench"]
SUFFIXES = {".cpp", ".hpp", ".cu", ".cuh"}
MAX_COLUMNS = 120
MAX_LINES = {".hpp": 200, ".cpp": 400}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FORBIDDEN_WORDS = re.compile(r"\b(TODO|FIXME|XXX)\b")
# std distributions differ between standard libraries, so they would break "same input, same bytes".
FORBIDDEN_CODE = re.compile(r"std::(?:normal|lognormal|uniform_real|uniform_int|exponential|discrete)_distribution")


def include_breaches(room, path, number, line):
    match = INCLUDE.match(line)
    if not match or room not in ARROWS:
        return
    quoted, target = match.group(1) == '"', match.group(2)
    if quoted:
        other = target.split("/")[0]
        if other not in ARROWS:
            yield f"{path}:{number}: include \"{target}\" from the root, as \"{room}/...\""
        elif other not in ARROWS[room]:
            yield f"{path}:{number}: {room}/ may not include {other}/ ({target})"
    for library, rooms in LIBRARIES.items():
        if target.startswith(library) and room not in rooms:
            yield f"{path}:{number}: {room}/ may not include <{target}>"


def file_breaches(root, path):
    relative = path.relative_to(root)
    room = relative.parts[0]
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".hpp" and "#pragma once" not in lines:
        yield f"{relative}: no #pragma once"
    limit = MAX_LINES.get(path.suffix)
    if limit and len(lines) > limit and room in ARROWS:
        yield f"{relative}: {len(lines)} lines, at most {limit}: is it one concept?"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"{relative}:{number}: {len(line)} columns, at most {MAX_COLUMNS}"
        if line != line.rstrip() or "\t" in line:
            yield f"{relative}:{number}: a tab or a space at the end"
        if FORBIDDEN_WORDS.search(line):
            yield f"{relative}:{number}: unfinished: {line.strip()}"
        if FORBIDDEN_CODE.search(line) and room in ARROWS:
            yield f"{relative}:{number}: its numbers differ between standard libraries; sim/rng.hpp has ours"
        yield from include_breaches(room, relative, number, line)


def breaches(root):
    for folder in SOURCE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES:
                yield from file_breaches(root, path)


def self_test():
    cases = {
        "sim/a.cpp": '#include "models/data_type.hpp"\n',
        "topologies/a.cpp": '#include "models/data_type.hpp"\n',
        "models/a.cpp": '#include "topologies/topology.hpp"\n',
        "models/b.cpp": "#include <nlohmann/json.hpp>\n",
        "scenarios/a.cpp": "#include <CLI/CLI.hpp>\n",
        "sim/b.cpp": '#include "units.hpp"\n',
        "sim/c.hpp": "int no_pragma;\n",
        "sim/d.cpp": "x" * 121 + "\n",
        "sim/e.cpp": "int a; \n",
        "sim/f.cpp": "// " + "TO" + "DO later\n",
        "sim/g.cpp": "std::normal_distribution<double> d;\n",
        "sim/h.cpp": "int a;\n" * 401,
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in cases.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        found = list(breaches(root))
        missed = [name for name in cases if not any(line.startswith(name) for line in found)]
        if missed or len(found) != len(cases):
            print("tidy does not notice:", missed, "\n".join(found))
            return 1
    print(f"tidy notices all {len(cases)} breaches")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = list(breaches(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "tidy: nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
