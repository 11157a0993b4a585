#!/usr/bin/env python3
"""The README shows what the program prints, wherever it shows a command of it.

    readme.py README.md MOESIM ROOT            exit 1 and a diff where a shown output is not the real one
    readme.py README.md MOESIM ROOT --write    puts the real outputs in
"""
import difflib
import glob
import pathlib
import re
import subprocess
import sys

INDENT = "    "
OUTSIDE_THE_BAND = 3  # A check that is missed: the README shows it as well.


BLOCK = re.compile(r"^    \$ (?:build/release/bin/)?moesim (.*)\n((?:    .*\n|\n(?=    ))*)", re.MULTILINE)


def real_output(program, root, arguments):
    """What the command prints, indented as the README shows it. Patterns such as *.csv are the shell's to expand."""
    words = []
    for word in arguments.split():
        words += sorted(glob.glob(word, root_dir=root)) if "*" in word else [word]
    done = subprocess.run([program, *words], cwd=root, capture_output=True, text=True)
    if done.returncode not in (0, OUTSIDE_THE_BAND):
        raise SystemExit(f"moesim {arguments}: exit {done.returncode}: {done.stderr}")
    return "".join(INDENT + line + "\n" if line else "\n" for line in done.stdout.rstrip("\n").split("\n"))


def main():
    readme, program, root = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    text = readme.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    if not blocks:
        print(f"{readme} shows no command")
        return 1
    status = 0
    for block in reversed(blocks):  # From the end, so that what is before stays where it is.
        real = real_output(program, root, block.group(1))
        if "--write" in sys.argv:
            text = text[: block.start(2)] + real + text[block.end(2) :]
        elif block.group(2) != real:
            sys.stdout.writelines(
                difflib.unified_diff(block.group(2).splitlines(True), real.splitlines(True), "README", "program"))
            status = 1
    if "--write" in sys.argv:
        readme.write_text(text, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
