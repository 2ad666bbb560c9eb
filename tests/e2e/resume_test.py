"""moire reduce: interrupted or killed at any moment, it goes on and ends at the same result."""

import filecmp
import json
import os
import signal
import subprocess

import onnx
from moire_binary import FINDINGS, MOIRE, USAGE, TestCase, main, model, moire, processes_naming, value, wait_for
from onnx import TensorProto, helper

# Fails (exit 7) where the model has a Tanh and an Exp; each run is noted, and takes a little.
BOTH = """
echo run >> '{log}'
sleep {seconds}
grep -qaF Tanh "$1/model.onnx" && grep -qaF Exp "$1/model.onnx" && exit 7
exit 0
"""


def chain(length):
    ops = ["Tanh", *["Abs"] * length, "Exp", *["Abs"] * length]
    nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"]) for i, op in enumerate(ops)]
    f = TensorProto.FLOAT
    return model(nodes, [value("v0", f, [3, 4])], [value(f"v{len(ops)}", f, [3, 4])])


class Resume(TestCase):
    def setUp(self):
        super().setUp()
        onnx.save(chain(6), self.path("m.onnx"))
        self.log = self.path("log")

    def runs(self):
        return os.path.getsize(self.log) // 4 if os.path.exists(self.log) else 0

    def check(self, seconds=0.005):
        name = f"check{seconds}.sh"
        self.write(name, BOTH.format(log=self.log, seconds=seconds).encode())
        return f"sh {self.path(name)}"

    def start(self, out, *flags):
        """The same question as `whole`, in a process of its own."""
        return subprocess.Popen(
            [MOIRE, "reduce", self.path("m.onnx"), "--check", self.check(), "-o", self.path(out), *map(str, flags)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def finish(self, out, *flags):
        outcome = moire("reduce", *flags, "--json", self.path(f"{out}.json"))
        self.check_code(outcome, FINDINGS)
        with open(self.path(f"{out}.json"), encoding="utf-8") as file:
            return json.load(file)

    def whole(self, *flags):
        return self.finish(
            "whole", self.path("m.onnx"), "--check", self.check(), "-o", self.path("whole"), *flags
        )

    def check_same(self, report, whole):
        for key in ("nodes_after", "bytes_after", "minimal", "finished"):
            self.assertEqual(report[key], whole[key], key)
        for name in ("model.onnx", "test_data_set_0/input_0.pb"):
            same = filecmp.cmp(os.path.join(report["bundle"], name), os.path.join(whole["bundle"], name), shallow=False)
            self.assertTrue(same, name)

    def test_interrupted(self):
        whole = self.whole()
        self.assertEqual((whole["nodes_after"], whole["minimal"], whole["finished"]), (2, True, True))
        self.assertFalse(os.path.exists(self.path("whole", "unfinished")))
        before = self.runs()
        running = self.start("out")
        self.assertTrue(wait_for(lambda: self.runs() >= before + 24, 60))
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        self.assertEqual(running.returncode, FINDINGS, out + err)
        self.assertIn("--resume", out)
        # The best so far, and what it takes to go on.
        best = onnx.load(self.path("out", "m", "model.onnx"))
        self.assertLess(len(best.graph.node), 14)
        self.assertTrue(os.path.exists(self.path("out", "unfinished", "journal.bin")))
        started = self.runs()
        report = self.finish("out", "--resume", self.path("out"))
        self.check_same(report, whole)
        self.assertEqual(report["checks"], whole["checks"])
        self.assertGreater(report["known"], 5)
        # What was known was not run again: the original, the control and the result are.
        self.assertLess(self.runs() - started, whole["checks"] - report["known"] + 3)
        self.assertFalse(os.path.exists(self.path("out", "unfinished")))

    def test_killed_twice(self):
        whole = self.whole("--search", "learned", "--seed", 5)
        known = 0
        for part in ("start", "resume"):
            before = self.runs()
            flags = ("--search", "learned", "--seed", 5)
            running = self.start("out", *flags) if part == "start" else subprocess.Popen(
                [MOIRE, "reduce", "--resume", self.path("out")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            self.assertTrue(wait_for(lambda: self.runs() >= before + 14, 60))
            running.kill()
            running.communicate()
            records = os.path.getsize(self.path("out", "unfinished", "journal.bin")) // 16
            # The runs that confirm the original are no judgements of candidates; at most one was lost.
            self.assertGreater(records, known + 2, part)
            known = records
        self.assertTrue(wait_for(lambda: not processes_naming(self.path("out")), 20))
        report = self.finish("out", "--resume", self.path("out"))
        self.check_same(report, whole)
        self.assertGreaterEqual(report["known"], known - 1)

    def test_jobs(self):
        whole = self.whole()
        before = self.runs()
        report = self.finish(
            "jobs", self.path("m.onnx"), "--check", self.check(0.03), "--jobs", 2, "-o", self.path("jobs")
        )
        self.check_same(report, whole)
        self.assertEqual(report["checks"], whole["checks"])
        self.assertGreaterEqual(self.runs() - before, report["checks"])
        self.assertTrue(wait_for(lambda: not processes_naming(self.path("check0.03.sh")), 20))

    def test_progress(self):
        running = subprocess.Popen(
            [MOIRE, "reduce", self.path("m.onnx"), "--check", self.check(0.2), "-o", self.path("out"), "--seconds", "3"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        out, err = running.communicate(timeout=120)
        self.assertRegex(err, r"(?m)^best: nodes \d+, elements \d+, [\d.]+ kB; \d+ checks, \d+/s")
        self.assertIn("stopped at its limit", out)
        self.assertIn("not proven 1-minimal", out)

    def test_what_cannot_be_resumed(self):
        self.check_complaint(moire("reduce", "--resume", self.path("nowhere")), USAGE, "no unfinished reduction")
        os.makedirs(self.path("out", "unfinished"))
        self.write("out/unfinished/reduction.json", b"{not json")
        self.check_complaint(moire("reduce", "--resume", self.path("out")), USAGE, "reduction.json")
        running = self.start("out")
        self.assertTrue(wait_for(lambda: self.runs() >= 12, 60))
        running.kill()
        running.communicate()
        onnx.save(chain(7), self.path("m.onnx"))
        self.check_complaint(moire("reduce", "--resume", self.path("out")), USAGE, "has changed")
        self.check_complaint(self.start_bad("--search", "best"), USAGE, "no search 'best'")

    def start_bad(self, *flags):
        return moire("reduce", self.path("m.onnx"), "--check", "false", "-o", self.path("bad"), *flags)


if __name__ == "__main__":
    main()
