#!/usr/bin/env python3
"""The published schemas and the program's readers agree: what is shipped passes both, and whatever a schema forbids,
the reader refuses."""
import copy
import json

import jsonschema
from support import GOOD, SCENARIOS, SOURCE, ProgramTest, main

CARDS = {
    "model": sorted((SOURCE / "models/catalog").glob("*.json")),
    "gpu": sorted((SOURCE / "topologies/catalog/gpus").glob("*.json")),
    "cluster": sorted((SOURCE / "topologies/catalog/clusters").glob("*.json")),
    "profile": sorted((SOURCE / "models/kernels/profiles").glob("*.json")),
}
# Between them they use every key of a scenario.
OTHERS = [
    {"schema": 1, "cluster": "h100-node", "workload": {"kind": "flows", "rows": [[0, 1, 5, 0.5]]}},
    {"schema": 1, "cluster": "h100-node", "parallelism": {"ep": 2},
     "workload": {"kind": "all_to_all", "bytes_per_pair": 5, "sigma": 0.5}, "dispatch": {"algorithm": "pairwise"}},
    {"schema": 1, "cluster": "h100-node", "parallelism": {"ep": 2},
     "workload": {"kind": "all_to_all", "matrix": [[0, 1], [2, 0]]}},
    {"schema": 1, "workload": {"kind": "flows", "rows": [[0, 8, 5, 0]]},
     "cluster": {"schema": 1, "name": "x", "kind": "graph", "gpu": "h100", "nodes": 2, "ranks_per_node": 8,
                 "scale_up_latency_us": 0.3, "nics_per_node": 1, "nic_gbit_per_s": 400, "nic_latency_us": 1,
                 "switch_latency_us": 0.5, "routing": "ecmp", "forwarding": "none", "endpoint_cables": "copper",
                 "pcie_gb_per_s": 64, "pcie_latency_us": 0.5, "switches": ["a", "b"],
                 "cables": [{"ends": ["node0/nic0", "a"]}, {"ends": ["node1/nic0", "b"], "gbit_per_s": 200},
                            {"ends": ["a", "b"], "latency_us": 0.2}],
                 "faults": [{"kind": "nic_slow", "name": "node0/nic0", "factor": 0.5}]}},
    {"schema": 1, "workload": {"kind": "flows", "rows": [[0, 8, 5, 0]]},
     "cluster": {"schema": 1, "name": "x", "kind": "multi_plane", "gpu": "h100", "nodes": 2, "ranks_per_node": 8,
                 "scale_up_latency_us": 0.3, "nics_per_node": 8, "nic_gbit_per_s": 400, "nic_latency_us": 1,
                 "switch_latency_us": 0.5, "switch_radix": 64, "planes": 8,
                 "more_nodes": [{"gpu": "a100-80gb", "nodes": 1, "ranks_per_node": 8, "nics_per_node": 8,
                                 "nic_gbit_per_s": 200}],
                 "faults": [{"kind": "switch_down", "name": "plane0/leaf0"}]}},
    {**GOOD, "$schema": "x", "workload": {"kind": "moe_layer", "tokens_per_rank": 8, "direction": "backward"},
     "routing": {"kind": "group_limited", "groups": 4, "groups_kept": 2, "scoring": "softmax", "normalize": True,
                 "capacity": "none", "path": "logits", "skew": {"kind": "hot_rank", "share": 0.2}},
     "dispatch": {"algorithm": "two_hop", "chunks": 2}, "compute": {"optimizer_bytes_per_weight": 8}},
    {**GOOD, "routing": {"skew": {"kind": "power_law", "alpha": 1.2}}},
    {**GOOD, "routing": {"skew": {"kind": "lognormal", "sigma": 1.2}}},
    {**GOOD, "placement": {"kind": "eplb", "redundant_experts": 8, "groups": 4, "replicas": "nearest",
                           "load_steps": 2, "load_seed": 5}},
    {**GOOD, "placement": {"kind": "duplicates", "redundant_experts": 8, "replicas": "even", "load_steps": 2}},
    {**GOOD, "placement": {"kind": "greedy", "loads": "same_step"}},
    {**GOOD, "placement": {"kind": "coactivation", "load_slack": 0.2, "loads": "previous_steps"}},
    {**GOOD, "workload": {"kind": "rebalance", "tokens_per_rank": 8, "from": {"kind": "strided"}},
     "placement": "greedy"},
]


def branches(schema, root):
    """The object schemas that `schema` may mean."""
    if "$ref" in schema:
        node = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            node = node[step]
        return branches(node, root)
    result = [schema]
    for key in ("oneOf", "anyOf"):
        for branch in schema.get(key, []):
            result += branches(branch, root)
    return result


def fits(value, schema, root):
    return jsonschema.Draft7Validator({**schema, "definitions": root.get("definitions", {})}).is_valid(value)


def violations(value, schema, root, change):
    """Yields (what, document): `change(new)` makes a document in which `value` is replaced by `new`."""
    for branch in branches(schema, root):
        if not fits(value, branch, root):
            continue
        for bound, beyond in (("minimum", -1), ("maximum", 1)):
            if bound in branch and isinstance(value, (int, float)):
                yield f"{bound} {branch[bound]}", change(branch[bound] + beyond)
        if "enum" in branch or "const" in branch:
            yield "enum", change("no such word")
        kind = branch.get("type")
        if kind in ("integer", "number", "boolean", "object", "array"):
            yield f"no {kind}", change("a word")
        if kind == "string":
            yield "no string", change(17)
        if kind == "integer":
            yield "a fraction", change(1.5)
        if isinstance(value, dict):
            if branch.get("additionalProperties") is False:
                yield "an unknown key", change({**value, "no_such_key": 1})
            for key in branch.get("required", []):
                yield f"without {key}", change({k: v for k, v in value.items() if k != key})
            for key, inner in branch.get("properties", {}).items():
                if key in value:
                    def below(new, key=key):
                        return change({**value, key: new})
                    for what, document in violations(value[key], inner, root, below):
                        yield f"/{key} {what}", document


class Schemas(ProgramTest):
    def schema(self, name):
        done = self.run_program("schema", name)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def test_they_are_schemas(self):
        for name in ("scenario", *CARDS):
            jsonschema.Draft7Validator.check_schema(self.schema(name))

    def test_what_is_shipped_passes(self):
        scenario = jsonschema.Draft7Validator(self.schema("scenario"))
        for path in SCENARIOS:
            with self.subTest(path.name):
                scenario.validate(json.loads(path.read_text()))
        for kind, paths in CARDS.items():
            validator = jsonschema.Draft7Validator(self.schema(kind))
            self.assertTrue(paths)
            for path in paths:
                with self.subTest(path.name):
                    validator.validate(json.loads(path.read_text()))

    def refused(self, arguments, document):
        self.write("bad.json", document)
        return self.run_program(*arguments).returncode == 2

    def check_violations(self, kind, document, arguments):
        root = self.schema(kind)
        validator = jsonschema.Draft7Validator(root)
        validator.validate(document)
        self.write("bad.json", document)
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        count = 0
        for what, bad in violations(document, root, root, copy.deepcopy):
            if validator.is_valid(bad):
                continue  # Another branch takes it.
            count += 1
            with self.subTest(what):
                self.assertTrue(self.refused(arguments, bad), what)
        self.assertGreater(count, 8)

    def test_scenarios_that_the_schema_refuses(self):
        for document in [GOOD, *OTHERS]:
            with self.subTest(document["workload"]["kind"]):
                self.check_violations("scenario", document, ["check", "bad.json"])

    def test_cards_that_the_schema_refuses(self):
        for kind, names in {"model": ["deepseek-v3", "switch-c"], "gpu": ["h800"],
                            "cluster": ["h800-ib", "tpu-v3-torus"]}.items():
            for path in CARDS[kind]:
                if path.stem in names:
                    with self.subTest(path.name):
                        self.check_violations(kind, json.loads(path.read_text()), ["show", kind, "./bad.json"])

    def test_profiles_that_the_schema_refuses(self):
        profile = json.loads(CARDS["profile"][0].read_text())
        first_of = {fit["family"]: fit for fit in reversed(profile["fits"])}
        self.assertLessEqual({"gemm", "mla_decode"}, first_of.keys())
        profile["fits"] = [first_of["gemm"], first_of["mla_decode"]]
        self.check_violations("profile", profile, ["show", "profile", "./bad.json"])


if __name__ == "__main__":
    main()
