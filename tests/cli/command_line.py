#!/usr/bin/env python3
"""What the program promises to scripts: streams, exit codes, files, determinism."""
import json
import os
import pty
import signal
import subprocess
import time

from support import GOOD, PROGRAM, SCENARIOS, SOURCE, ProgramTest, main, some_products

RESULT_KEYS = ["schema", "version", "scenario", "seed", "time_us", "tokens", "tokens_per_s", "tokens_per_s_per_gpu",
               "mfu", "events", "wall_s", "breakdown_us", "exposed_communication_us", "traffic", "load", "kernels",
               "memory", "links", "caveats"]


class CommandLine(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("good.json", GOOD)

    def ok(self, *arguments, **options):
        done = self.run_program(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done

    def result(self, *arguments, **options):
        return json.loads(self.ok("run", *arguments, "--json", "-", **options).stdout)

    def test_json_stands_alone_on_standard_output(self):
        done = self.ok("run", "good.json", "--json", "-")
        self.assertEqual(list(json.loads(done.stdout)), RESULT_KEYS)
        self.assertEqual(done.stderr, b"")

    def test_the_same_input_gives_the_same_bytes(self):
        def run(*arguments):
            lines = self.ok("run", *arguments, "--json", "-", "--trace", "t.json").stdout.splitlines()
            return [line for line in lines if b"wall_s" not in line], (self.folder / "t.json").read_bytes()
        self.assertEqual(run("good.json"), run("good.json"))
        self.assertNotEqual(run("good.json")[0], run("good.json", "--seed", "2")[0])

    def test_the_resolved_scenario_runs_again(self):
        for path in SCENARIOS:
            if path.stat().st_size > 100_000 or "2048" in path.read_text():
                continue  # The large ones are run by the tests of the runner.
            with self.subTest(path.name):
                first = self.result(path, "--seed", "3")
                again = self.result("-", stdin=json.dumps(first["scenario"]).encode())
                first.pop("wall_s"), again.pop("wall_s")
                self.assertEqual(first, again)

    def test_files_are_written_whole_and_quietly(self):
        done = self.ok("run", "good.json", "--json", "r.json", "--trace", "t.json", "--quiet")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))
        self.assertEqual(self.files(), ["good.json", "r.json", "t.json"])
        self.assertIn("traceEvents", json.loads((self.folder / "t.json").read_text()))
        self.assertEqual(self.result("good.json")["time_us"], json.loads((self.folder / "r.json").read_text())["time_us"])

    def test_a_timeline_opens_in_viewers(self):
        # Viewers drop or move slices that overlap in a lane, and arrows that begin or end in no slice.
        self.ok("run", SOURCE / "scenarios/deepseek-v3-ep64.json", "--trace", "t.json", "--quiet")
        events = json.loads((self.folder / "t.json").read_text())["traceEvents"]
        lanes = {}
        for event in events:
            self.assertGreater(event["pid"], 0)
            if event["ph"] == "X":
                begin = round(event["ts"] * 1e6)
                lanes.setdefault((event["pid"], event["tid"]), []).append((begin, begin + round(event["dur"] * 1e6)))
        self.assertGreater(len(lanes), 64)
        for slices in lanes.values():
            slices.sort()
            for (_, end), (begin, _) in zip(slices, slices[1:]):
                self.assertLessEqual(end, begin)
        starts = {event["id"]: event for event in events if event["ph"] == "s"}
        ends = {event["id"]: event for event in events if event["ph"] == "f"}
        self.assertTrue(starts)
        self.assertEqual(set(starts), set(ends))
        for event in [*starts.values(), *ends.values()]:
            at = round(event["ts"] * 1e6)
            self.assertTrue(any(begin <= at <= end for begin, end in lanes[event["pid"], event["tid"]]))

    def test_set_and_seed(self):
        result = self.result("good.json", "--set", "/workload/tokens_per_rank=32", "--set", "/name=other", "--seed", "5")
        self.assertEqual(result["scenario"]["workload"]["tokens_per_rank"], 32)
        self.assertEqual(result["scenario"]["name"], "other")
        self.assertEqual((result["seed"], result["scenario"]["seed"]), (5, 5))
        self.assertEqual(result["tokens"], 32 * 8)

    def test_no_key_is_read_and_ignored(self):
        self.write("base.json", {
            **GOOD, "model": "deepseek-v2-lite", "cluster": {"card": "h800-ib", "nodes": 2}, "parallelism": {"ep": 16},
            "workload": {"kind": "moe_layer", "tokens_per_rank": 512, "direction": "forward_backward"},
            "routing": {"skew": {"kind": "zipf", "exponent": 0.5}}, "dispatch": {"algorithm": "two_hop"}})

        def fingerprint(*arguments):
            result = self.result("base.json", *arguments)
            return {key: result[key] for key in result if key not in ("scenario", "wall_s", "seed")}
        plain = fingerprint()
        for change in ("/seed=2", "/model/moe/width=1024", "/model=deepseek-v2", "/cluster/nic_gbit_per_s=100",
                       '/cluster/gpu={"card": "h800", "hbm_bandwidth_gb_per_s": 1000}',
                       '/cluster/gpu={"card": "h800", "scale_up_gb_per_s": 100}', "/cluster/gpu=h100",
                       "/workload/tokens_per_rank=256", "/workload/direction=forward", "/parallelism/ep=8",
                       "/routing/top_k=3", "/routing/skew/exponent=1", "/routing/path=logits",
                       '/routing/capacity={"factor": 1}', '/routing/capacity={"factor": 1, "scope": "batch"}',
                       '/routing={"kind": "node_limited", "groups_kept": 1}', "/placement=strided",
                       "/dispatch/algorithm=rank_dedup", "/dispatch/chunks=1",
                       "/dispatch/message_overhead_us=5", "/dispatch/dispatch_dtype=fp8",
                       "/dispatch/combine_dtype=fp8", "/compute/dtype=fp8", "/compute/weights_dtype=fp8",
                       "/compute/overlap_shared_experts=false", "/compute/optimizer_bytes_per_weight=8"):
            with self.subTest(change):
                self.assertTrue(fingerprint("--set", change) != plain)
        direct = ["--set", '/routing={"capacity": {"factor": 2}}', "--set", '/dispatch={"algorithm": "direct"}']
        self.assertTrue(fingerprint(*direct) != fingerprint(*direct, "--set", "/dispatch/padding=capacity"))
        scopes = [fingerprint("--set", f'/routing={{"capacity": {{"factor": 1, "scope": "{scope}"}}}}')
                  for scope in ("rank", "batch")]
        self.assertTrue(scopes[0] != scopes[1])

    def test_check_runs_nothing_and_resolves(self):
        self.assertIn(b"good", self.ok("check", "good.json").stdout)
        resolved = json.loads(self.ok("check", "good.json", "--json", "-").stdout)
        self.assertEqual(resolved["routing"]["top_k"], 2)
        for path in SCENARIOS:
            with self.subTest(path.name):
                self.ok("check", path)

    def test_help(self):
        self.assertIn(b"moesim run scenarios/", self.ok().stdout)
        first = next(word for word in self.ok().stdout.split() if word.startswith(b"scenarios/"))
        self.assertTrue((SOURCE / first.decode()).exists(), first)
        self.assertIn(b"Exit codes", self.ok("--help").stdout)
        self.assertRegex(self.ok("--version").stdout, rb"^moesim \d+\.\d+\.\d+\n$")

    def test_the_program_needs_no_folder(self):
        names = json.loads(self.ok("show", "cluster", "--json", "-").stdout)
        self.assertIn("h800-ib", names)
        model = json.loads(self.ok("show", "model", "deepseek-v3", "--json", "-").stdout)
        for key in ("total_params", "active_params", "forward_flops_per_token", "training_flops_per_token",
                    "kv_bytes_per_token", "weight_bytes"):
            self.assertIn(key, model)

    def test_an_imported_card_runs(self):
        configs = sorted((SOURCE / "tests").rglob("hf/*mixtral*.json"))
        self.assertTrue(configs)
        self.ok("import", "hf", configs[0], "-o", "mine.json")
        self.assertEqual(json.loads((self.folder / "mine.json").read_text())["name"], "mine")
        result = self.result("good.json", "--set", "/model=mine.json")
        self.assertEqual(result["scenario"]["model"]["name"], "mine")
        self.ok("show", "model", "./mine.json")

    def test_an_imported_infrastructure_runs(self):
        device = [{"name": "host", "links": [], "edges": [],
                   "components": [{"name": "xpu", "count": 1, "choice": "xpu"}, {"name": "nic", "count": 1, "choice": "nic"}]},
                  {"name": "box", "links": [], "edges": [], "components": [{"name": "port", "count": 4, "choice": "port"}]}]
        self.write("infra.json", {
            "name": "x", "devices": device,
            "links": [{"name": "l", "physical": {"bandwidth": {"choice": "gigabits_per_second", "gigabits_per_second": 100}}}],
            "instances": [{"name": "host", "device": "host", "count": 3}, {"name": "sw", "device": "box", "count": 1}],
            "edges": [{"ep1": {"instance": "host", "component": "nic"}, "ep2": {"instance": "sw[0]", "component": "port[0:3]"},
                       "scheme": "one2one", "link": "l"}]})
        done = self.ok("import", "infragraph", "infra.json", "--like", "h100-ib", "-o", "card.json")
        self.assertIn(b"inside_nodes", done.stderr)
        self.write("s.json", {"schema": 1, "cluster": "./card.json", "workload": {"kind": "flows", "rows": [[0, 2, 12500000, 0]]}})
        result = json.loads(self.ok("run", "s.json", "--json", "-").stdout)
        self.assertAlmostEqual(result["time_us"], 1000 + 2 * 1.175 + 0.45, places=3)

    def test_measurements_are_imported(self):
        data = SOURCE / "tests" / "validate" / "data"
        done = self.ok("calibrate", "import", data / "nccl_all_to_all.txt", "-o", "m.csv")
        self.assertEqual(done.stdout, b"3 measurements: all_to_all 3\n")
        self.assertIn(b"nccl_all_to_all.txt:19: #wrong is 3", done.stderr)
        table = (self.folder / "m.csv").read_bytes()
        self.assertIn(b"\nall_to_all,nccl,4096,4,12.84\n", table)
        again = self.ok("calibrate", "import", "-", "-o", "-", stdin=table)
        self.assertEqual(again.stdout, table)
        quiet = self.ok("calibrate", "import", data / "nccl_all_to_all.txt", "-o", "m.csv", "--quiet", "--device", "H1")
        self.assertEqual((quiet.stdout, quiet.stderr), (b"", b""))
        self.assertTrue((self.folder / "m.csv").read_bytes().startswith(b"# device: H1\n"))
        both = self.ok("calibrate", "import", data / "trace.json", data / "nccl_all_to_all.txt", "-o", "both.csv")
        self.assertIn(b"8 measurements: gemm 3, copy 1, all_to_all 3, all_gather 1", both.stdout)

    def test_a_profile_is_fitted_shown_and_checked(self):
        self.write("rows.csv", some_products())
        done = self.ok("calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "mine.json", "--name", "mine")
        self.assertRegex(done.stdout, rb"(?m)^gemm +trtllm-\S+ +bf16 ")
        self.assertEqual(done.stderr, b"")
        written = (self.folder / "mine.json").read_bytes()
        profile = json.loads(written)
        self.assertEqual((profile["name"], profile["gpu"]), ("mine", "h200"))
        self.assertIn("aiconfigurator", profile["origin"])
        quiet = self.ok("calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "mine.json", "--name", "mine", "--quiet")
        self.assertEqual((quiet.stdout, quiet.stderr), (b"", b""))
        self.assertEqual((self.folder / "mine.json").read_bytes(), written)  # The same input, the same bytes.
        alone = self.ok("calibrate", "fit", "-", "--gpu", "h200", "-o", "-", stdin=some_products().encode())
        self.assertEqual(json.loads(alone.stdout)["fits"], profile["fits"])
        self.assertEqual(json.loads(self.ok("show", "profile", "./mine.json", "--json", "-").stdout), profile)
        self.assertIn(b"peak_fraction", self.ok("show", "profile", "./mine.json").stdout)
        shown = json.loads(self.ok("show", "profile", "--json", "-").stdout)
        self.assertTrue({"h100", "h200", "h800"} <= set(shown))

        done = self.ok("calibrate", "check", "./mine.json", "rows.csv", "--worst", "2")
        self.assertEqual(done.stdout.count(b"gemm bf16 m="), 2)
        report = json.loads(self.ok("calibrate", "check", "./mine.json", "rows.csv", "--json", "-").stdout)
        (group,) = report["groups"]
        held_out = [row for row in group["rows"] if row["held_out"]]
        fit = profile["fits"][0]["fit"]
        self.assertEqual(len(held_out), fit["rows_held_out"])
        self.assertEqual(len(group["rows"]), fit["rows_held_out"] + fit["rows_fitted"])
        sizes = [abs(row["error"]) for row in group["rows"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        for row in group["rows"]:
            self.assertAlmostEqual(row["error"], row["predicted_us"] / row["measured_us"] - 1)
        mean = sum(abs(row["error"]) for row in held_out) / len(held_out)
        self.assertAlmostEqual(group["errors"]["all"]["mean_abs_error"], mean)
        self.assertAlmostEqual(fit["error_held_out"], mean)

    def test_a_check_outside_its_band_exits_3_with_its_output(self):
        rows = self.write("rows.csv", some_products())
        done = self.run_program("calibrate", "check", "h200", rows, "--band", "0.1", "--json", "r.json")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(b"outside", done.stdout)
        self.assertIn(b"outside its band", done.stderr)
        self.assertIs(json.loads((self.folder / "r.json").read_text())["passes"], False)
        done = self.run_program("calibrate", "check", "h200", rows, "--band", "0.1", "--json", "-")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(json.loads(done.stdout)["judged"], "held_out")
        everything = json.loads(self.ok("calibrate", "check", "h200", rows, "--all", "--json", "-").stdout)
        self.assertEqual(everything["judged"], "all")
        self.assertEqual(everything["groups"][0]["errors"]["all"]["rows"], len(everything["groups"][0]["rows"]))

    def test_rows_without_a_fit_are_named(self):
        rows = some_products() + "gemm,other-1,bf16,1,1024,1024,5\n"
        done = self.ok("calibrate", "check", "h200", self.write("rows.csv", rows))
        self.assertIn(b"not checked: gemm bf16 of other-1: 1 rows without a fit in the profile", done.stdout)

    def test_a_closed_pipe_is_no_error(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([PROGRAM, "show", "model", "--json", "-"], stdout=writer, stderr=subprocess.PIPE,
                              timeout=60)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_standard_output_that_is_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "show", "gpu"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output", done.stderr)

    def test_interrupted(self):
        self.write("long.json", {**GOOD, "workload": {**GOOD["workload"], "tokens_per_rank": 2**26}})
        for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = subprocess.Popen([PROGRAM, "run", "long.json", "--json", "r.json"], cwd=self.folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(0.5)
            process.send_signal(stop)
            self.assertEqual(process.wait(timeout=60), 128 + stop)
            process.communicate()
            self.assertEqual(self.files(), ["good.json", "long.json"])

    def on_terminal(self, environment):
        try:
            leader, follower = pty.openpty()
        except OSError as error:
            self.skipTest(f"no terminal to be had: {error}")
        process = subprocess.Popen([PROGRAM, "run", "good.json"], cwd=self.folder, stdout=follower,
                                   env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment})
        os.close(follower)
        output = b""
        try:
            while block := os.read(leader, 65536):
                output += block
        except OSError:
            pass  # The end of a terminal.
        os.close(leader)
        self.assertEqual(process.wait(timeout=60), 0)
        return output

    def test_colour_only_on_a_terminal(self):
        self.assertNotIn(b"\x1b", self.ok("run", "good.json").stdout)
        self.assertIn(b"\x1b[1m", self.on_terminal({"NO_COLOR": ""}))
        self.assertIn("█".encode(), self.on_terminal({"NO_COLOR": "1"}))
        self.assertNotIn(b"\x1b", self.on_terminal({"NO_COLOR": "1"}))
        self.assertNotIn(b"\x1b", self.on_terminal({"TERM": "dumb"}))


if __name__ == "__main__":
    main()
