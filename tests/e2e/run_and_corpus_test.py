"""run, reduce, replay, repro.py of a bundle; corpus import and export; backends list."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from moire_binary import (
    BUNDLE_FILES,
    FINDINGS,
    NOTHING,
    TestCase,
    add_model,
    main,
    model,
    moire,
    value,
    write_backend_test,
    write_crash,
)


class Run(TestCase):
    def test_judges_every_level(self):
        onnx.save(add_model(), self.path("add.onnx"))
        outcome = moire("run", self.path("add.onnx"), "--json", self.path("out.json"))
        self.check_code(outcome, NOTHING)
        with open(self.path("out.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertFalse(report["bug"])
        levels = [row["configuration"].rpartition("level=")[2] for row in report["verdicts"]]
        self.assertEqual(sorted(levels), ["all", "basic", "extended", "none"])
        for row in report["verdicts"]:
            for key in ("configuration", "oracle", "verdict", "severity", "reason", "case"):
                self.assertIn(key, row)
            self.assertEqual(row["verdict"], "match")

    def test_generated_inputs_follow_the_seed(self):
        onnx.save(add_model(), self.path("add.onnx"))
        cases = []
        for seed, to in ((3, "a"), (3, "b"), (4, "c")):
            outcome = moire("corpus", "import", self.path("add.onnx"), "--seed", seed, "--to", self.path(to))
            self.check_code(outcome, NOTHING)
            cases.append(os.listdir(self.path(to)))
        self.assertEqual(cases[0], cases[1])
        self.assertNotEqual(cases[0], cases[2])

    def test_json_alone_on_standard_output(self):
        onnx.save(add_model(), self.path("add.onnx"))
        for flags in (("--json",), ("--json", "-")):
            outcome = moire("run", self.path("add.onnx"), *flags)
            self.assertFalse(json.loads(outcome.out)["bug"])
        json.loads(moire("backends", "list", "--json").out)


class ExternalData(TestCase):
    """Models whose initializers lie in a file beside them; the branch of an If is finding 82."""

    @staticmethod
    def branch(name, elements):
        weight = numpy_helper.from_array(np.array(elements, np.float32), f"w_{name}")
        sum_of = helper.make_node("Add", ["x", weight.name], [name])
        return helper.make_graph([sum_of], name, [], [value(name, TensorProto.FLOAT, None)], [weight])

    def save(self, name, node, weights):
        io = [value("x", TensorProto.FLOAT, [2])], [value("y", TensorProto.FLOAT, None)]
        made = model([node], *io, [numpy_helper.from_array(array, key) for key, array in weights.items()])
        os.makedirs(self.path(name))
        onnx.save_model(
            made, self.path(f"{name}/{name}.onnx"), save_as_external_data=True, location="weights", size_threshold=0
        )
        for graph in [made.graph] + [attribute.g for attribute in made.graph.node[0].attribute]:
            for weight in graph.initializer:
                self.assertEqual(weight.data_location, TensorProto.EXTERNAL)
        return self.path(f"{name}/{name}.onnx")

    def test_is_run_reduced_and_replayed_from_files(self):
        right = self.save("add", helper.make_node("Add", ["x", "w"], ["y"]), {"w": np.ones(2, np.float32)})
        self.check_code(moire("run", right), NOTHING)
        branches = {"then_branch": self.branch("a", [1, 2]), "else_branch": self.branch("b", [3, 4])}
        wrong = self.save("if", helper.make_node("If", ["c"], ["y"], **branches), {"c": np.array(True)})
        spec = "ort@1.32.0:level=none+all"
        outcome = moire("reduce", wrong, "--backend", spec, "--out", self.path("out"), "--json", self.path("r.json"))
        self.check_code(outcome, FINDINGS)
        with open(self.path("r.json"), encoding="utf-8") as file:
            bundle = json.load(file)["bundle"]
        self.assertTrue(os.path.isfile(os.path.join(bundle, "model.onnx.data")))
        self.check_code(moire("replay", bundle), FINDINGS)
        script = subprocess.run(
            [sys.executable, "repro.py"], cwd=bundle, capture_output=True, text=True, timeout=120, check=False
        )
        self.assertEqual(script.returncode, FINDINGS, script.stdout + script.stderr)


class Bundle(TestCase):
    """A crash made small and bundled: it replays, its repro.py shows it, other releases tell it apart."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = os.path.realpath(f"/tmp/moire-e2e-bundle-{os.getpid()}")
        write_crash(os.path.join(cls.root, "crash"))
        cls.reduced = moire("reduce", f"{cls.root}/crash", "--out", f"{cls.root}/reduced", "--json", f"{cls.root}/r.json")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)

    def bundle(self):
        with open(f"{self.root}/r.json", encoding="utf-8") as file:
            report = json.load(file)
        return report, os.path.join(self.root, report["bundle"])

    def test_reduces(self):
        self.check_code(self.reduced, FINDINGS)
        report, bundle = self.bundle()
        self.assertEqual((report["nodes_before"], report["nodes_after"]), (2, 1))
        for name in BUNDLE_FILES:
            self.assertTrue(os.path.isfile(os.path.join(bundle, name)), name)
        with open(os.path.join(bundle, "finding.json"), encoding="utf-8") as file:
            finding = json.load(file)
        self.assertEqual(finding["verdict"]["verdict"], "crash")
        self.assertIn("SIGFPE", finding["symptom"])
        self.assertEqual(finding["operators"], ["Div"])
        onnx.checker.check_model(onnx.load(os.path.join(bundle, "model.onnx")))

    def test_replays(self):
        _, bundle = self.bundle()
        outcome = moire("replay", bundle, "--json", self.path("replay.json"))
        self.check_code(outcome, FINDINGS)
        self.assertIn("fails", outcome.out)
        with open(self.path("replay.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual(report["failing"], 1)
        for key in ("configuration", "oracle", "verdict", "severity", "reason"):
            self.assertIn(key, report["verdicts"][0])

    def test_a_mended_bundle_passes(self):
        _, bundle = self.bundle()
        mended = self.path("mended")
        shutil.copytree(bundle, mended)
        name = os.path.join(mended, "test_data_set_0", "input_1.pb")
        tensor = onnx.TensorProto()
        with open(name, "rb") as file:
            tensor.ParseFromString(file.read())
        ones = numpy_helper.from_array(np.ones_like(numpy_helper.to_array(tensor)), tensor.name)
        with open(name, "wb") as file:
            file.write(ones.SerializeToString())
        outcome = moire("replay", mended)
        self.check_code(outcome, NOTHING)
        self.assertIn("passes", outcome.out)

    def test_repro_needs_only_python(self):
        _, bundle = self.bundle()
        done = subprocess.run(
            [sys.executable, os.path.join(bundle, "repro.py")], cwd="/", capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^BUG .*SIGFPE")
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)


class Corpus(TestCase):
    def test_round_trip(self):
        inputs = [np.array([1.5, -2], np.float32), np.array([np.inf, 0], np.float32)]
        write_backend_test(self.path("test"), add_model(), inputs)
        self.check_code(moire("corpus", "import", self.path("test"), "--to", self.path("cases")), NOTHING)
        self.check_code(moire("corpus", "export", self.path("cases"), "--to", self.path("back")), NOTHING)
        (name,) = os.listdir(self.path("back"))
        directory = self.path("back", name)
        back = onnx.load(os.path.join(directory, "model.onnx"))
        self.assertEqual([node.op_type for node in back.graph.node], ["Add"])
        for i, data in enumerate(inputs):
            tensor = onnx.TensorProto()
            with open(os.path.join(directory, "test_data_set_0", f"input_{i}.pb"), "rb") as file:
                tensor.ParseFromString(file.read())
            np.testing.assert_array_equal(numpy_helper.to_array(tensor), data)
        # Import of what was exported is the same case: its name is the hash of its bytes.
        self.check_code(moire("corpus", "import", self.path("back"), "--to", self.path("again")), NOTHING)
        self.assertEqual(os.listdir(self.path("again")), os.listdir(self.path("cases")))


class Backends(TestCase):
    def test_list(self):
        outcome = moire("backends", "list", "--json", self.path("list.json"))
        self.check_code(outcome, NOTHING)
        with open(self.path("list.json"), encoding="utf-8") as file:
            rows = json.load(file)
        self.assertIn("reference", [row["name"] for row in rows])
        for row in rows:
            for key in ("name", "version", "path", "installed", "note"):
                self.assertIn(key, row)
            if row["installed"] and row["path"]:
                self.assertTrue(os.path.exists(row["path"]))


if __name__ == "__main__":
    main()
