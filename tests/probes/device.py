#!/usr/bin/env python3
"""device.py PROBE FOLDER: runs moesim-probe if it was built. Exit 77, which CTest shows as skipped, if it was not or if
there is no GPU; but then what works without one is checked all the same."""
import json
import pathlib
import subprocess
import sys

probe, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
if not probe.exists():
    print("skipped: moesim-probe is not built (cmake --build BUILD --target moesim-probe)")
    sys.exit(77)


def run(*arguments):
    done = subprocess.run([str(probe), *arguments], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


code, out, err = run("--list", "--quick")
assert code == 0 and "grouped_gemm" in out and err == "", (code, err)
code, out, err = run("--only", "nothing")
assert code == 2 and err.count("\n") == 1 and "grouped_gemm" in err, (code, err)

output = folder / "probe.json"
output.unlink(missing_ok=True)
code, out, err = run("--quick", "--only", "memory", "--output", str(output))
if code == 77:
    assert err.count("\n") == 1 and "no GPU" in err and out == "", err
    assert not output.exists() and not pathlib.Path(f"{output}.partial").exists()
    print(f"skipped: {err.strip()}")
    sys.exit(77)
assert code == 0, (code, err)
points = json.loads(output.read_text())["points"]
assert points and all(point["status"] == "measured" for point in points), err
print(f"{len(points)} points measured")
