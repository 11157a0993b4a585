"""What the tests of the program share. Each test file is called with the program and the folder of the sources."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
SCENARIOS = sorted((SOURCE / "scenarios").glob("*.json"))

# Nothing is wrong with it, and it runs in a blink.
GOOD = {
    "schema": 1,
    "name": "good",
    "model": "mixtral-8x7b",
    "cluster": {"card": "h100-ib", "nodes": 1},
    "workload": {"kind": "moe_layer", "tokens_per_rank": 64, "direction": "forward"},
    "parallelism": {"ep": 8},
    "routing": {"kind": "top_k", "top_k": 2, "capacity": {"factor": 1.25, "scope": "rank"},
                "skew": {"kind": "zipf", "exponent": 0.5}},
    "placement": "contiguous",
    "dispatch": {"algorithm": "direct", "dispatch_dtype": "bf16", "combine_dtype": "bf16", "padding": "none"},
    "compute": {"dtype": "bf16", "weights_dtype": "bf16", "overlap_shared_experts": True},
    "seed": 1,
}


def some_products():
    """A table of measured products in bf16: every fourth of those that are shipped for H200."""
    lines = (SOURCE / "validate/reference/kernels/h200-gemm.csv").read_text().splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("kernel,"))
    rows = [line for line in lines[header + 1:] if ",bf16," in line]
    return "\n".join(lines[:header + 1] + rows[::4]) + "\n"


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def run_program(self, *arguments, stdin=b"", environment=None, **options):
        return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, cwd=self.folder,
                              env={**os.environ, **(environment or {})}, timeout=120, **options)

    def write(self, name, content):
        path = self.folder / name
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
