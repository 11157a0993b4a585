#!/usr/bin/env python3
"""Bad input of every kind, given to the real program: exit 2, a message that says where and what, nothing on standard
output, and nothing written."""
import copy
import os
import stat
import subprocess

from support import GOOD, PROGRAM, ProgramTest, main, some_products


def spoiled(change):
    scenario = copy.deepcopy(GOOD)
    change(scenario)
    return scenario


def put(*path, value):
    def change(scenario):
        for key in path[:-1]:
            scenario = scenario[key]
        scenario[path[-1]] = value
    return change


# What the file holds, and what the message must contain.
FILES = {
    "not JSON": ("model: deepseek", ["bad.json:1:1", "not JSON"]),
    "a comma too many": ('{"schema": 1,}', ["bad.json:1:14", "not JSON"]),
    "an empty file": ("", ["bad.json", "the text is empty"]),
    "half a file": ('{"schema": 1, "model": {"moe": ', ["bad.json:1:", "/model"]),
    "a list": ("[1, 2]", ["bad.json: the whole document", "expected an object"]),
    "NaN": ('{"schema": NaN}', ["bad.json:1:"]),
    "invalid UTF-8": (b'{"schema": 1, "name": "\xff\xfe"}', ["bad.json:1:", "UTF-8"]),
    "a NUL byte": (b'{"schema": 1}\0', ["bad.json:1:14", "NUL"]),
    "a duplicate key": ('{"schema": 1, "cluster": {"card": "a", "card": "b"}}', ["bad.json: /cluster/card", "twice"]),
    "10,000-deep lists": ("[" * 10_000 + "]" * 10_000, ["bad.json: /0", "100 levels"]),
    "10,000-deep objects": ('{"a":' * 10_000 + "1" + "}" * 10_000, ["bad.json: /a", "100 levels"]),
    "a wrong type": (spoiled(put("workload", "tokens_per_rank", value="many")), ["/workload/tokens_per_rank", '"many"']),
    "an unknown key": (spoiled(put("dispach", value={})), ["/dispach", 'did you mean "dispatch"?']),
    "an unknown key below": (spoiled(put("routing", "topk", value=2)), ["/routing/topk", 'did you mean "top_k"?']),
    "an unknown model": (spoiled(put("model", value="mixtral-8x77b")), ["/model", 'did you mean "mixtral-8x7b"?']),
    "an undisclosed model": (spoiled(put("model", value="gpt-4")), ["/model", "gpt-4"]),
    "an unknown cluster": (spoiled(put("cluster", value="h100-ibb")), ["/cluster", 'did you mean "h100-ib"?']),
    "P that does not divide": (spoiled(put("parallelism", "ep", value=3)), ["/parallelism/ep", "found 3", "2 or 4"]),
    "k above N": (spoiled(put("routing", "top_k", value=9)), ["/routing/top_k", "found 9", "from 1 to 8"]),
    "zero tokens": (spoiled(put("workload", "tokens_per_rank", value=0)), ["/workload/tokens_per_rank", "found 0"]),
    "negative nodes": (spoiled(put("cluster", "nodes", value=-1)), ["/cluster/nodes", "found -1"]),
    "a huge number": (spoiled(put("seed", value=10**30)), ["/seed", "found 1e+30"]),
    "a number beyond doubles": ('{"seed": 1e999}', ["bad.json:1:", "1e999"]),
    "10^12 GPUs": (spoiled(put("cluster", "nodes", value=125 * 10**9)), ["/cluster/nodes", "1000000000000", "GiB"]),
    "tokens beyond reason": (spoiled(put("workload", "tokens_per_rank", value=2**31)), ["/workload", "17179869184"]),
    "no schema": ({"cluster": "h100-ib", "workload": {}}, ["/schema", "found nothing"]),
    "a schema of the future": (spoiled(put("schema", value=2)), ["/schema", "found 2"]),
    "a model that is not there": (spoiled(put("model", value="./mine.json")), ["mine.json", "no such file"]),
}

# The command line behind the program's name, and what the message must contain.
COMMANDS = {
    "a missing file": (["run", "absent.json"], ["absent.json", "no such file"]),
    "a folder as file": (["run", "."], [".", "a folder"]),
    "no file": (["run"], ["FILE"]),
    "an unknown verb": (["rum", "good.json"], ['did you mean "run"?']),
    "an unknown flag": (["run", "good.json", "--sed", "3"], ["--sed"]),
    "a flag without its value": (["run", "good.json", "--json"], ["--json"]),
    "a negative seed": (["run", "good.json", "--seed", "-1"], ["--seed"]),
    "a seed that is no number": (["run", "good.json", "--seed", "x"], ["--seed"]),
    "a huge seed": (["run", "good.json", "--seed", "99999999999999999999"], ["--seed"]),
    "--set without a value": (["run", "good.json", "--set", "/seed"], ["--set", "without a ="]),
    "--set without a pointer": (["run", "good.json", "--set", "seed=1"], ["--set", "/seed=2"]),
    "--set below nothing": (["run", "good.json", "--set", "/a/b=1"], ["good.json: /a", "an unknown key"]),
    "--set of a zero-led index": (["run", "good.json", "--set", "/list=[1]", "--set", "/list/00=1"], ["below 1"]),
    "--set below a number": (["run", "good.json", "--set", "/seed/b=1"], ["--set: /seed/b"]),
    "--set of half a document": (["run", "good.json", "--set", '/routing={"kind"'], ["--set /routing", "not JSON"]),
    "--set of a bad value": (["run", "good.json", "--set", "/seed=-1"], ["good.json: /seed", "found -1"]),
    "a result into no folder": (["run", "good.json", "--json", "no/r.json"], ["no/r.json", "no such folder"]),
    "a result into a folder": (["run", "good.json", "--json", "."], ["a folder"]),
    "a trace into no folder": (["run", "good.json", "--trace", "no/t.json"], ["no/t.json", "no such folder"]),
    "both into one file": (["run", "good.json", "--json", "r", "--trace", "./r"], ["./r", "names, too"]),
    "a result over its scenario": (["run", "good.json", "--json", "./good.json"], ["is read"]),
    "a result into no name": (["run", "good.json", "--json", ""], ["--json", "empty"]),
    "a trace into no name": (["run", "good.json", "--trace", ""], ["--trace", "empty"]),
    "a name too long": (["run", "good.json", "--json", "r" * 250], ["too long"]),
    "too slow a link": (["run", "good.json", "--set", "/cluster/nic_gbit_per_s=1e-6", "--set", "/cluster/nodes=2",
                         "--set", "/workload/tokens_per_rank=1000000", "--set", "/cluster/scale_out_efficiency=0.01",
                         "--set", '/workload={"kind": "flows", "rows": [[0, 8, 1000000000000000, 0]]}',
                         *[word for key in ("model", "parallelism", "routing", "placement", "dispatch", "compute")
                           for word in ("--set", f"/{key}=null")]], ["good.json", "over 106 days"]),
    "a misspelled required key": (["run", "good.json", "--set", "/workload=null", "--set", "/worload={}"],
                                  ["/workload"]),
    "a control character in a name": (["run", "good.json", "--set", '/name="a\\u0000b\\u001b"'],
                                      ["\\u0000b\\u001b"]),
    "a trace to standard output": (["run", "good.json", "--trace", "-"], ["--trace"]),
    "a good result and a bad trace": (["run", "good.json", "--json", "r.json", "--trace", "no/t"], ["no/t"]),
    "an unknown card": (["show", "gpu", "h10"], ['did you mean "h100"?']),
    "an unknown kind of card": (["show", "models"], ["models"]),
    "the beginning of a name": (["show", "model", "mixtral"], ['"mixtral-8x22b" or "mixtral-8x7b"?']),
    "nearly the beginning of a name": (["run", "good.json", "--set", "/model=mixtrl"], ['did you mean "mixtral-']),
    "a row with a mistake": (["run", "good.json", "--set", '/workload={"kind": "flows", "rows": [[0, 99, 1, 0]]}',
                              *[word for key in ("model", "parallelism", "routing", "placement", "dispatch", "compute")
                                for word in ("--set", f"/{key}=null")]], ["good.json: /workload/rows/0"]),
    "too hot a rank": (["run", "good.json", "--set", '/routing/skew={"kind": "hot_rank", "share": 0.9}'],
                       ["/routing/skew/share", "above 0 and below 0.5"]),
    "an undisclosed card": (["show", "model", "gpt-4"], ["gpt-4"]),
    "an unknown schema": (["schema", "scenrio"], ['did you mean "scenario"?']),
    "a configuration that is none": (["import", "hf", "good.json", "-o", "card.json"], ["good.json"]),
    "a missing configuration": (["import", "hf", "absent.json", "-o", "card.json"], ["absent.json", "no such file"]),
    "calibrate alone": (["calibrate"], ["subcommand"]),
    "an unknown verb of calibrate": (["calibrate", "imprt"], ['did you mean "import"?']),
    "an import of nothing": (["calibrate", "import", "-o", "m.csv"], ["FILE"]),
    "an import to nowhere": (["calibrate", "import", "good.json"], ["--output"]),
    "an import of a missing file": (["calibrate", "import", "absent.txt", "-o", "m.csv"], ["absent.txt", "no such file"]),
    "an import of a folder": (["calibrate", "import", ".", "-o", "m.csv"], [".", "a folder"]),
    "an import of a scenario": (["calibrate", "import", "good.json", "-o", "m.csv"], ["good.json"]),
    "an import of standard input": (["calibrate", "import", "-", "-o", "m.csv"], ["standard input", "is empty"]),
    "an import of a good and a missing file": (["calibrate", "import", "good.csv", "absent", "-o", "-"], ["absent"]),
    "an import over its input": (["calibrate", "import", "good.csv", "-o", "./good.csv"], ["is read"]),
    "an import into no folder": (["calibrate", "import", "good.csv", "-o", "no/m.csv"], ["no/m.csv", "no such folder"]),
    "an import of an unknown form": (["calibrate", "import", "good.csv", "-o", "-", "--format", "cvs"],
                                     ['did you mean "csv"?']),
    "an import in an unknown unit": (["calibrate", "import", "good.csv", "-o", "-", "--unit", "ns"], ["us, ms or s"]),
    "--map without a =": (["calibrate", "import", "good.csv", "-o", "-", "--map", "m"], ["--map", "without a ="]),
    "--map to no column": (["calibrate", "import", "good.csv", "-o", "-", "--map", "m=mm"], ["good.csv:1", '"mm"']),
    "--set of no column": (["calibrate", "import", "good.csv", "-o", "-", "--set", "dtpe=bf16"],
                           ['did you mean "dtype"?']),
    "--set twice": (["calibrate", "import", "good.csv", "-o", "-", "--set", "m=1", "--set", "m=2"], ["twice"]),
    "--library with a comma": (["calibrate", "import", "good.csv", "-o", "-", "--library", "a,b"], ["--library"]),
}

# The same with rows.csv, a table of products, few.csv, its first rows, copies.csv, a table of kernels that are not
# fitted, moe.csv, experts without end, and seen.json, a profile that was fitted on all of rows.csv.
CALIBRATIONS = {
    "a fit of nothing": (["calibrate", "fit", "--gpu", "h200", "-o", "p.json"], ["FILE"]),
    "a fit for no GPU": (["calibrate", "fit", "rows.csv", "-o", "p.json"], ["--gpu"]),
    "a fit to nowhere": (["calibrate", "fit", "rows.csv", "--gpu", "h200"], ["--output"]),
    "a fit to no name": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", ""], ["empty"]),
    "a fit for an unknown GPU": (["calibrate", "fit", "rows.csv", "--gpu", "h2000", "-o", "p.json"],
                                 ["--gpu", '"h2000"', 'did you mean "h200"?']),
    "a fit for a GPU without a card": (["calibrate", "fit", "rows.csv", "--gpu", "./no.json", "-o", "p.json"],
                                       ["no.json", "no such file"]),
    "a fit of a missing file": (["calibrate", "fit", "absent.csv", "--gpu", "h200", "-o", "p.json"],
                                ["absent.csv", "no such file"]),
    "a fit of an empty file": (["calibrate", "fit", "empty.csv", "--gpu", "h200", "-o", "p.json"],
                               ["empty.csv:1: found no header"]),
    "a fit of an empty input": (["calibrate", "fit", "-", "--gpu", "h200", "-o", "-"], ["standard input:1"]),
    "a fit of a header": (["calibrate", "fit", "header.csv", "--gpu", "h200", "-o", "p.json"],
                          ["header.csv: found 0 rows"]),
    "a fit of a scenario": (["calibrate", "fit", "good.json", "--gpu", "h200", "-o", "p.json"], ["good.json:1"]),
    "a fit of copies": (["calibrate", "fit", "copies.csv", "--gpu", "h200", "-o", "p.json"],
                        ["copies.csv: found 1 rows, none of them"]),
    "a fit of few rows": (["calibrate", "fit", "few.csv", "--gpu", "h200", "-o", "p.json"],
                          ["gemm bf16 of trtllm", "7 constants"]),
    "a fit of experts without end": (["calibrate", "fit", "moe.csv", "--gpu", "h200", "-o", "p.json"],
                                     ["moe.csv:2", "experts from 0 to 65536"]),
    "a fit of groups without end": (["calibrate", "fit", "groups.csv", "--gpu", "h200", "-o", "p.json"],
                                    ["groups.csv:2", "groups from 0 to 65536"]),
    "a fit over its rows": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "./rows.csv"], ["is read"]),
    "a fit into no folder": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "no/p.json"],
                             ["no/p.json", "no such folder"]),
    "more than all held out": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "p.json", "--held-out", "2"],
                               ["--held-out"]),
    "less than nothing held out": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "p.json",
                                    "--held-out=-0.1"], ["--held-out"]),
    "a negative seed of a split": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "p.json", "--seed=-1"],
                                   ["--seed"]),
    "a profile's name of two lines": (["calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "p.json",
                                       "--name", "a\nb"], ["--name", "a\\x0ab"]),
    "a check of nothing": (["calibrate", "check", "h200"], ["FILE"]),
    "a check of an unknown profile": (["calibrate", "check", "h20", "rows.csv"],
                                      ["PROFILE", '"h20"', 'did you mean "h200"?']),
    "a check of a scenario": (["calibrate", "check", "./good.json", "rows.csv"], ["good.json: /"]),
    "a check of a missing profile": (["calibrate", "check", "./no.json", "rows.csv"], ["no.json", "no such file"]),
    "a check against a missing file": (["calibrate", "check", "h200", "absent.csv"], ["absent.csv", "no such file"]),
    "a check against copies": (["calibrate", "check", "./seen.json", "copies.csv"],
                               ["copies.csv: found 1 rows, none"]),
    "a check against rows of no fit": (["calibrate", "check", "h200", "other.csv"],
                                       ["other.csv", "none of them", "gemm bf16 of mine"]),
    "a check on rows that were all fitted": (["calibrate", "check", "./seen.json", "rows.csv", "--json", "r.json"],
                                             ["rows.csv", "--all"]),
    "a check of an unknown GPU": (["calibrate", "check", "h200", "rows.csv", "--gpu", "h2"], ["--gpu"]),
    "a band of nothing": (["calibrate", "check", "h200", "rows.csv", "--band", "0"], ["--band"]),
    "a check over its rows": (["calibrate", "check", "h200", "rows.csv", "--json", "./rows.csv"], ["is read"]),
    "a check over its profile": (["calibrate", "check", "./seen.json", "rows.csv", "--all", "--json", "seen.json"],
                                 ["is read"]),
    "an unknown profile": (["show", "profile", "h10"], ['"h10"', 'did you mean "h100"?']),
}


GOOD_TABLE = "kernel,library,bytes,time_us\ncopy,cuda,1024,2.5\n"


class BadInput(ProgramTest):
    def check(self, arguments, expected, stdin=b""):
        before = self.files()
        done = self.run_program(*arguments, stdin=stdin)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, 2, message)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(message.startswith("moesim: "), message)
        for text in expected:
            self.assertIn(text, message)
        self.assertEqual(self.files(), before)

    def test_files(self):
        for what, (content, expected) in FILES.items():
            with self.subTest(what):
                self.write("bad.json", content)
                self.check(["run", "bad.json", "--json", "result.json", "--trace", "trace.json"], expected)
                self.check(["check", "bad.json", "--json", "-"], expected)

    def test_standard_input(self):
        self.check(["run", "-"], ["standard input", "the text is empty"])
        self.check(["run", "-"], ["standard input:1:2"], stdin=b"{,}")

    def test_imports(self):
        for what, (content, expected) in {
            "a binary file": (b"\x7fELF\x02\x00\x00,\n" * 9, ["no known form"]),
            "a compressed file": (b"\x1f\x8b\x08\x00", ["gunzip"]),
            "an empty file": ("", ["the text is empty"]),
            "prose": ("It was a dark\nand stormy night\n", ["no known form", "nccl-tests"]),
            "a table without rows": ("kernel,library,bytes,time_us\n", ["bad.txt: no measurement"]),
            "a table of bad rows": (GOOD_TABLE.replace("2.5", "x") * 1, ["nothing could be read", 'bad.txt:2: found "x"']),
            "a header of controls": (b"a\x1b[2J,b\n1,2\n", ["bad.txt:1"]),
        }.items():
            with self.subTest(what):
                self.write("bad.txt", content)
                self.check(["calibrate", "import", "bad.txt", "-o", "m.csv"], expected)

    def test_commands(self):
        self.write("good.json", GOOD)
        self.write("good.csv", GOOD_TABLE)
        for what, (arguments, expected) in COMMANDS.items():
            with self.subTest(what):
                self.check(arguments, expected)

    def test_calibrations(self):
        products = some_products()
        lines = products.splitlines(keepends=True)
        header = next(i for i, line in enumerate(lines) if line.startswith("kernel,"))
        self.write("good.json", GOOD)
        self.write("rows.csv", products)
        self.write("few.csv", "".join(lines[header:header + 6]))
        self.write("header.csv", "".join(lines[:header + 1]))
        self.write("empty.csv", "")
        self.write("other.csv", lines[header] + "gemm,mine,bf16,1,2,3,4.5\n")
        self.write("copies.csv", GOOD_TABLE)
        self.write("moe.csv", "kernel,library,dtype,load,tokens,hidden,width,top_k,experts,ep,tp,matrices,time_us\n"
                              f"moe,mine,bf16,balanced,16,1024,1024,8,{2**45},1,1,3,100\n")
        self.write("groups.csv", "kernel,library,dtype,load,rows,groups,n,k,time_us\n"
                                 f"grouped_gemm,mine,bf16,balanced,16,{2**45},1024,1024,100\n")
        self.run_program("calibrate", "fit", "rows.csv", "--gpu", "h200", "-o", "seen.json", "--held-out", "0")
        for what, (arguments, expected) in CALIBRATIONS.items():
            with self.subTest(what):
                self.check(arguments, expected)

    def test_a_source_that_is_blank_or_no_plain_text(self):
        # What a fit writes must be readable: a blank source gives way to the file's name, controls are refused.
        rows = "".join(line for line in some_products().splitlines(keepends=True) if not line.startswith("#"))
        self.write("blank.csv", "# source:\n" + rows)
        self.run_program("calibrate", "fit", "blank.csv", "--gpu", "h200", "-o", "p.json")
        shown = self.run_program("show", "profile", "./p.json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn(b"blank.csv", shown.stdout)
        self.write("bell.csv", "# source: a\x07b\n" + rows)
        self.check(["calibrate", "fit", "bell.csv", "--gpu", "h200", "-o", "q.json"], ["bell.csv", "plain text"])

    def test_unreadable_and_unwritable(self):
        if os.geteuid() == 0:
            self.skipTest("root reads and writes everything")
        self.write("good.json", GOOD)
        self.write("secret.json", GOOD)
        (self.folder / "secret.json").chmod(0)
        self.check(["run", "secret.json"], ["secret.json", "Permission denied"])
        (self.folder / "closed").mkdir()
        (self.folder / "closed").chmod(stat.S_IRUSR | stat.S_IXUSR)
        self.check(["run", "good.json", "--json", "closed/r.json"], ["closed/r.json", "Permission denied"])

    def test_a_pipe_does_not_block(self):
        self.write("good.json", GOOD)
        os.mkfifo(self.folder / "pipe")
        self.check(["run", "good.json", "--json", "pipe"], ["pipe"])

    def test_no_file_without_the_text(self):
        self.write("good.json", GOOD)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "run", "good.json", "--json", "r.json", "--trace", "t.json"], stdout=full,
                                  stderr=subprocess.PIPE, cwd=self.folder, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(self.files(), ["good.json"])

    def test_a_full_disk(self):
        self.write("good.json", GOOD)
        done = self.run_program("run", "good.json", "--json", "/dev/full")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"/dev/full", done.stderr)
        self.assertEqual(done.stdout, b"")


if __name__ == "__main__":
    main()
