#!/usr/bin/env python3
"""What a product takes beside a communication kernel, against the form that moesim has for it.

    python3 validate/measured/contention.py validate/measured/h100-contention.json

One line a product and library. Ratios are of median times, to the same product with nothing held; `form` is
S / (S - h), what docs/models/kernels.md says of a product that is bound by arithmetic (h of S multiprocessors held).
"""
import json
import sys


def rows(path):
    document = json.load(open(path))
    sms = document["device"]["sms"]
    times = {}
    for point in document["points"]:
        if point["kernel"] == "contention" and point["status"] == "measured":
            p = point["parameters"]
            key = (point["library"], point["dtype"], p["groups"], p["rows"], p["n"], p["k"])
            times.setdefault(key, {})[p["sms_held"], p["stream_gb_per_s"]] = point["median_us"]
    return sms, times


def main():
    for path in sys.argv[1:]:
        sms, times = rows(path)
        print(path)
        for (library, dtype, groups, tokens, n, k), by in sorted(times.items()):
            alone = by.get((0, 0))
            if alone is None:
                continue
            print(f"  {library} {dtype}, {groups} x [rows, {k}] x [{k}, {n}], {tokens} rows in all, alone {alone:.1f} us")
            for (held, stream), us in sorted(by.items()):
                if held:
                    print(f"    {held:3d} held, {stream:5d} GB/s   measured {us / alone:5.2f}   form {sms / (sms - held):5.2f}")


if __name__ == "__main__":
    main()
