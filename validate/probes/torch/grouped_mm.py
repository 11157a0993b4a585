#!/usr/bin/env python3
"""Times PyTorch's grouped products on a GPU and writes a table that `moesim calibrate` reads.

PyTorch's `_grouped_mm` (BF16) and `_scaled_grouped_mm` (FP8 E4M3, one scale a row) are CUTLASS kernels for Hopper that
take all groups in one launch, which cuBLAS has for BF16 only. Each shape is checked against float64 on sampled outputs
(an output that was poisoned and not written fails), then timed as docs/probes.md says of moesim-probe: cold after a
flush of the L2, hot as many launches in a row, behind a spin that keeps the host's time out.

    python3 grouped_mm.py --output torch.csv [--quick] [--trace trace.json]
"""

import argparse
import statistics
import subprocess
import sys
import zlib

import torch

COLUMNS = "kernel,library,dtype,load,cache,groups,rows,n,k,time_us,p10_us,p90_us"
# (model, local experts, rows of the tokens that a rank receives, [(n, k) of up and down])
SHAPES = [
    ("deepseek-v3", (8, 32, 256), (128, 1024, 8192, 32768, 131072), ((4096, 7168), (7168, 2048))),
    ("mixtral-8x7b", (2, 8), (32, 256, 2048, 8192, 32768), ((28672, 4096), (4096, 14336))),
    ("qwen3-235b-a22b", (16, 128), (128, 1024, 8192, 32768, 131072), ((3072, 4096), (4096, 1536))),
]


def apportion(shares, total):
    """Whole numbers proportional to `shares`; largest remainders get what rounding down leaves."""
    exact = [total * share / sum(shares) for share in shares]
    counts = [int(value) for value in exact]
    order = sorted(range(len(shares)), key=lambda i: -round(exact[i] - counts[i], 9))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def load_rows(load, rows, groups):
    if load == "balanced":
        return apportion([1.0] * groups, rows)
    if load == "zipf:1":
        return apportion([1.0 / (i + 1) for i in range(groups)], rows)
    raise ValueError(load)


class Problem:
    """One grouped product: x [rows, k] in groups of rows, w [groups, n, k], out [rows, n] = x_g w_g^T."""

    def __init__(self, dtype, counts, n, k, seed):
        generator = torch.Generator(device="cuda").manual_seed(seed)
        rows = sum(counts)
        self.dtype, self.counts = dtype, counts
        self.offsets = torch.tensor(counts, device="cuda").cumsum(0).to(torch.int32)
        x = torch.randn(rows, k, generator=generator, device="cuda", dtype=torch.bfloat16)
        w = torch.empty(len(counts), n, k, device="cuda", dtype=torch.bfloat16)
        for one in w:
            one.normal_(generator=generator)
        if dtype == "bf16":
            self.x, self.w = x, w
            return
        self.x, self.w = x.to(torch.float8_e4m3fn), w.to(torch.float8_e4m3fn)
        self.x_scale = torch.rand(rows, generator=generator, device="cuda") + 0.5
        self.w_scale = torch.rand(len(counts), n, generator=generator, device="cuda") + 0.5

    def launch(self):
        if self.dtype == "bf16":
            return torch._grouped_mm(self.x, self.w.transpose(-2, -1), offs=self.offsets)
        return torch._scaled_grouped_mm(self.x, self.w.transpose(-2, -1), self.x_scale, self.w_scale,
                                        offs=self.offsets, out_dtype=torch.bfloat16, use_fast_accum=True)

    def check(self, seed):
        """||out - ref|| / ||ref|| on sampled rows and columns, in float64 on the host."""
        out = self.launch()
        if not torch.isfinite(out).all():
            return float("inf")
        generator = torch.Generator().manual_seed(seed)
        rows = sum(self.counts)
        picked = torch.randint(rows, (32,), generator=generator)
        columns = torch.randint(self.w.shape[1], (32,), generator=generator)
        ends = self.offsets.cpu()
        error = norm = 0.0
        for row in picked.tolist():
            group = int(torch.searchsorted(ends, row, right=True))
            reference = self.w[group][columns.cuda()].cpu().double() @ self.x[row].cpu().double()
            if self.dtype == "fp8":
                reference *= self.x_scale[row].cpu().double() * self.w_scale[group][columns.cuda()].cpu().double()
            found = out[row][columns.cuda()].cpu().double()
            error += float(((found - reference) ** 2).sum())
            norm += float((reference**2).sum())
        return (error / norm) ** 0.5


def sample_us(problem, cache, flush, launches):
    torch.cuda._sleep(400_000)  # Some 200 us, in which the host queues what follows.
    if cache == "cold":
        flush.zero_()
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(launches):
        problem.launch()
    end.record()
    end.synchronize()
    return 1e3 * begin.elapsed_time(end) / launches


def measure(problem, cache, flush):
    """(median, p10, p90) in us over samples until their middle half is within 1 %, 10 to 40 of them."""
    for _ in range(3):
        first = sample_us(problem, cache, flush, 1)
    launches = 1 if cache == "cold" else max(1, min(8, int(200 / first)))
    samples = []
    while len(samples) < 40:
        samples += [sample_us(problem, cache, flush, launches) for _ in range(5)]
        quartiles = statistics.quantiles(samples, n=4)
        if len(samples) >= 10 and quartiles[2] - quartiles[0] < 0.01 * quartiles[1]:
            break
        if sum(samples) > 4e5:
            break
    tenths = statistics.quantiles(samples, n=10)
    return statistics.median(samples), tenths[0], tenths[8]


def points(quick):
    for model, locals_, rows_list, products in SHAPES:
        for groups in locals_:
            for n, k in products:
                for rows in rows_list:
                    for load in ("balanced", "zipf:1"):
                        if load != "balanced" and ((n, k) != products[0] or groups == locals_[0]):
                            continue
                        if quick and (model != "deepseek-v3" or groups != 32 or (n, k) != products[0]):
                            continue
                        for dtype in ("bf16", "fp8"):
                            yield groups, rows, n, k, load, dtype


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trace", help="also a Chrome trace of ten launches of three shapes, for calibrate import")
    arguments = parser.parse_args()
    device = torch.cuda.get_device_properties(0)
    driver = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
                            capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    flush = torch.empty(2 * device.L2_cache_size, dtype=torch.int8, device="cuda")
    failed = 0
    with open(arguments.output, "w") as out:
        print(f"# device: {device.name}", file=out)
        print(f"# source: grouped_mm.py, PyTorch {torch.__version__}, driver {driver}", file=out)
        print(COLUMNS, file=out)
        for groups, rows, n, k, load, dtype in points(arguments.quick):
            what = f"{dtype} groups={groups} rows={rows} n={n} k={k} {load}"
            seed = zlib.crc32(what.encode())
            try:
                problem = Problem(dtype, load_rows(load, rows, groups), n, k, seed)
                error = problem.check(seed)
            except (RuntimeError, torch.OutOfMemoryError) as reason:
                failed += 1
                print(f"{what}: {str(reason).splitlines()[0]}", file=sys.stderr)
                continue
            if not error <= (5e-3 if dtype == "bf16" else 2e-2):
                failed += 1
                print(f"{what}: relative error {error}", file=sys.stderr)
                continue
            for cache in ("cold", "hot"):
                median, low, high = measure(problem, cache, flush)
                print(f"grouped_gemm,torch,{dtype},{load},{cache},{groups},{rows},{n},{k},"
                      f"{median:.4f},{low:.4f},{high:.4f}", file=out, flush=True)
                print(f"{what} {cache}: {median:.2f} us, error {error:.1e}", file=sys.stderr)
            del problem
            torch.cuda.empty_cache()
    if arguments.trace:
        problems = [Problem("bf16", load_rows("balanced", rows, 8), 4096, 7168, rows) for rows in (1024, 8192, 32768)]
        with torch.profiler.profile(record_shapes=True) as profile:
            for problem in problems:
                for _ in range(10):
                    problem.launch()
            torch.cuda.synchronize()
        profile.export_chrome_trace(arguments.trace)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
