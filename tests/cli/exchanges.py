#!/usr/bin/env python3
"""Exchanges alone, collectives, libraries' cards, and moesim validate."""
import json

from support import ProgramTest, main

EXCHANGE = {"schema": 1, "model": "deepseek-v3", "cluster": {"card": "h800-ib", "nodes": 2},
            "workload": {"kind": "exchange", "tokens_per_rank": 64, "op": "combine"}, "parallelism": {"ep": 16},
            "routing": {"kind": "top_k"}, "dispatch": {"algorithm": "low_latency", "dispatch_dtype": "fp8"}}
COLLECTIVE = {"schema": 1, "cluster": "h100-node",
              "workload": {"kind": "collective", "op": "all_reduce", "algorithm": "ring", "bytes": 450_000_000}}


class Exchanges(ProgramTest):
    def result(self, scenario, *arguments):
        self.write("s.json", scenario)
        done = self.run_program("run", "s.json", "--json", "-", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_an_exchange_runs_again_to_the_same_result(self):
        first = self.result(EXCHANGE)
        self.assertEqual(first["scenario"]["dispatch"]["library"], "deepep_low_latency-h800")
        again = self.result(first["scenario"])
        for result in (first, again):
            del result["wall_s"]
        self.assertEqual(first, again)
        self.assertEqual(list(first["breakdown_us"]), ["combine"])
        self.assertEqual(first["copies"]["to_experts"], 64 * 16 * 8)
        self.assertLessEqual(first["copies"]["to_nodes"], 64 * 16 * 2)

    def test_a_library_takes_time_and_none_takes_none(self):
        with_card = self.result(EXCHANGE)
        without = self.result(EXCHANGE, "--set", "/dispatch/library=none")
        self.assertGreater(with_card["time_us"], without["time_us"] + 10)
        self.assertNotIn("exchange_library", [caveat["key"] for caveat in without["caveats"]])
        text = {caveat["key"]: caveat["text"] for caveat in with_card["caveats"]}["exchange_library"]
        self.assertIn("1 of the 4 constants of its card deepep_low_latency-h800 were fitted, 2 more", text)

    def test_a_card_in_place(self):
        card = {"card": "deepep_low_latency-h800", "name": "mine", "constants": [
            {"name": "launch_us", "value": 100, "origin": "published", "source": "a guess for a test"}]}
        slow = self.result({**EXCHANGE, "dispatch": {**EXCHANGE["dispatch"], "library": card}})
        none = self.result(EXCHANGE, "--set", "/dispatch/library=none")
        self.assertAlmostEqual(slow["time_us"], none["time_us"] + 100, delta=1e-3)

    def test_a_ring_takes_its_closed_form(self):
        # 14 steps of 450 MB / 8 over 450 GB/s, and of two links of 0.3 us: 14 * (125 us + 0.6 us).
        result = self.result(COLLECTIVE)
        self.assertAlmostEqual(result["time_us"], 14 * 125.6, delta=1e-4)
        self.assertAlmostEqual(result["bus_bandwidth_gb_per_s"], 2 * 7 / 8 * 450e6 / (14 * 125.6e-6) / 1e9, delta=1e-6)

    def test_collectives_of_more_ranks_than_they_can_have(self):
        for nodes, change, words in (
                (2, {"algorithm": "in_network"}, ["/workload/algorithm", "16 ranks", "at most 8"]),
                (162, {"algorithm": "direct"}, ["/workload", "all_reduce by direct of 1296 ranks", "another algorithm"])):
            self.write("s.json", {**COLLECTIVE, "cluster": {"card": "h100-ib", "nodes": nodes},
                                  "workload": {**COLLECTIVE["workload"], **change}})
            done = self.run_program("check", "s.json")
            self.assertEqual(done.returncode, 2, change)
            for word in words:
                self.assertIn(word.encode(), done.stderr)

    def test_bad_collectives(self):
        for change, words in (({"op": "all_redcue"}, ["/workload/op", "all_reduce"]),
                              ({"op": "all_gather", "algorithm": "tree"}, ["/workload/algorithm", "direct, ring"]),
                              ({"algorithm": "hierarchical", "ranks": 7}, ["/workload/ranks", "whole nodes of 8"]),
                              ({"op": "send_recv", "algorithm": "direct", "source": 1},
                               ["/workload/destination", "1, the source"]),
                              ({"op": "send_recv", "algorithm": "direct", "source": 8}, ["/workload/source"]),
                              ({"source": 2}, ["/workload/source", "only with send_recv"]),
                              ({"ranks": 9}, ["/workload/ranks"]), ({"chunks": 2}, ["/workload/chunks"])):
            self.write("s.json", {**COLLECTIVE, "workload": {**COLLECTIVE["workload"], **change}})
            done = self.run_program("run", "s.json", "--json", "out.json")
            self.assertEqual(done.returncode, 2, change)
            for word in words:
                self.assertIn(word, done.stderr.decode())
            self.assertFalse((self.folder / "out.json").exists())

    def test_bad_libraries(self):
        for library, words in (("deepepp", ["/dispatch/library", "moesim show library"]),
                               ("nccl", ["/dispatch/library", "no constants for h800"]),
                               ("deepep", ["does not run low_latency"]),
                               ({"card": "deepep_low_latency-h800", "constants": [
                                   {"name": "lunch_us", "value": 1, "origin": "fitted", "source": "x"}]},
                                ["/dispatch/library/constants/0/name", 'did you mean "launch_us"'])):
            self.write("s.json", {**EXCHANGE, "dispatch": {**EXCHANGE["dispatch"], "library": library}})
            done = self.run_program("run", "s.json")
            self.assertEqual(done.returncode, 2, library)
            for word in words:
                self.assertIn(word, done.stderr.decode())

    def test_libraries_are_shown(self):
        listed = self.run_program("show", "library").stdout.decode()
        self.assertIn("deepep-h800", listed)
        self.assertIn("launch_us", self.run_program("show", "library", "deepep-h800").stdout.decode())
        cards = json.loads(self.run_program("show", "library", "--json", "-").stdout)
        self.assertEqual(cards["deepep-h800"]["gpus"], ["h800"])

    def test_validate(self):
        done = self.run_program("validate", "network", "--only", "deepep-low-latency-pplx")
        self.assertEqual(done.returncode, 0)
        self.assertIn("inside the band", done.stdout.decode())
        done = self.run_program("validate", "network", "--only", "deepep-low-latency-pplx", "--json", "-")
        rows = json.loads(done.stdout)["rows"]
        self.assertEqual({row["id"] for row in rows}, {"A0155", "A0156", "A0161", "A0162"})
        for row in rows:
            self.assertAlmostEqual(row["error"], row["computed"] / row["published"] - 1)
        # One row that is known to be far off, alone.
        done = self.run_program("validate", "network", "--only", "bytes 134217728, ranks 8")
        self.assertEqual(done.returncode, 3)
        self.assertIn("outside the band", done.stdout.decode())
        # Rows that a constant was fitted on, alone, say nothing.
        done = self.run_program("validate", "network", "--only", "deepep-normal-h800-node")
        self.assertEqual(done.returncode, 0)
        self.assertIn("nothing judged", done.stdout.decode())
        self.assertNotIn("inside the band", done.stdout.decode())
        done = self.run_program("validate", "network", "--only", "deepep-normal-h800-node", "--json", "-")
        self.assertIsNone(json.loads(done.stdout)["passes"])
        self.assertEqual(self.run_program("validate", "network", "--only", "no such row").returncode, 2)


if __name__ == "__main__":
    main()
