#!/usr/bin/env python3
"""The README shows what the program prints.

    readme.py README.md MOESIM ROOT            exit 1 and a diff where the shown output is not the real one
    readme.py README.md MOESIM ROOT --write    puts the real output in
"""
import difflib
import pathlib
import re
import subprocess
import sys

INDENT = "    "


def main():
    readme, program, root = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    text = readme.read_text(encoding="utf-8")
    block = re.search(r"^    \$ moesim (.*)\n((?:    .*\n|\n(?=    ))*)", text, re.MULTILINE)
    if "@@" in text:
        print(f"{readme} has a mark that was to be replaced")
        return 1
    if not block:
        print(f"{readme} shows no command")
        return 1
    printed = subprocess.run([program, *block.group(1).split()], cwd=root, check=True, capture_output=True, text=True)
    real = "".join(INDENT + line + "\n" if line else "\n" for line in printed.stdout.rstrip("\n").split("\n"))
    if "--write" in sys.argv:
        readme.write_text(text[: block.start(2)] + real + text[block.end(2) :], encoding="utf-8")
        return 0
    shown = block.group(2)
    sys.stdout.writelines(difflib.unified_diff(shown.splitlines(True), real.splitlines(True), "README", "program"))
    return 0 if shown == real else 1


if __name__ == "__main__":
    sys.exit(main())
