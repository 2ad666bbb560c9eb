"""moire explain, and what a bundle holds for those who file it. On known bugs of ONNX Runtime 1.32.0."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

from moire_binary import NOTHING, ROOT, USAGE, TestCase, add_model, main, moire, write_backend_test
import numpy as np

HOME = os.environ.get("MOIRE_HOME", os.path.join(ROOT, ".moire"))
KNOWN = os.path.join(ROOT, "corpus", "known_bugs")


class Explain(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = f"/tmp/moire-e2e-explain-{os.getpid()}"
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        outcome = moire(
            "reduce", os.path.join(KNOWN, "21_divmul_fusion_int"), "--backend", "ort@1.32.0", "-o", cls.root,
            "--json", "-", timeout=200,
        )
        cls.bundle = json.loads(outcome.out)["bundle"]
        cls.explained = moire("explain", cls.bundle, "--json", os.path.join(cls.root, "e.json"), timeout=400)

    def report(self):
        with open(os.path.join(self.root, "e.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_explains(self):
        self.check_code(self.explained, NOTHING)
        report = self.report()
        self.assertIn("level != none", report["predicate"])
        self.assertEqual(report["pass"], "DivMulFusion")
        support = report["support"]
        self.assertGreater(support["failing"], 50)
        self.assertGreater(support["passing"], 50)
        self.assertGreaterEqual(support["fresh_right"], 0.98 * support["fresh"])
        self.assertIn("level = none", report["passing_changes"])
        self.assertTrue(self.explained.out.startswith("fails iff "))

    def test_releases(self):
        """Every installed release has this bug (about.json): no regression, none that passes."""
        with open(os.path.join(KNOWN, "21_divmul_fusion_int", "about.json"), encoding="utf-8") as file:
            truth = json.load(file)["releases"]
        report = self.report()
        for release in report["bad_releases"]:
            self.assertEqual(truth.get(release, "bug"), "bug", release)
        for release in report["good_releases"]:
            self.assertEqual(truth.get(release, "clean"), "clean", release)
        self.assertEqual(report["first_bad_release"], report["bad_releases"][0])
        self.assertIn("1.32.0", report["bad_releases"])
        self.assertEqual(report["last_good_release"], "")

    def test_the_bundle_has_what_an_issue_needs(self):
        self.report()
        with open(os.path.join(self.bundle, "issue.md"), encoding="utf-8") as file:
            issue = file.read()
        for words in ("# Div + Mul: mismatch after DivMulFusion", "fails iff", "## Steps", "## Expected", "## Actual",
                      "## Versions", "1.32.0", "repro.py"):
            self.assertIn(words, issue)
        self.assertRegex(issue, r'- Div: "Performs element-wise binary division')
        with open(os.path.join(self.bundle, "environment.json"), encoding="utf-8") as file:
            environment = json.load(file)
        for key in ("system", "cpu", "cpu_features", "opsets", "configurations"):
            self.assertTrue(environment[key], key)
        with open(os.path.join(self.bundle, "explanation.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["predicate"], self.report()["predicate"])

    def test_repro_in_cpp(self):
        """Compiles with the command in its first lines, and shows the bug."""
        source = os.path.join(self.bundle, "repro.cc")
        with open(source, encoding="utf-8") as file:
            command = re.search(r"//   (g\+\+ .*) && (\./repro) PATH", file.read())
        compile_it = command[1].replace("DIRECTORY_OF_onnxruntime_c_api.h", os.path.join(HOME, "ort-headers"))
        compiler = "g++" if shutil.which("g++") else "clang++-19"
        compile_it = compile_it.replace("g++", compiler, 1).replace("repro.cc", source)
        done = subprocess.run(compile_it, shell=True, cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (library,) = glob.glob(os.path.join(HOME, "runtimes", "onnxruntime", "1.32.0", "libonnxruntime.so*"))
        done = subprocess.run(["./repro", library], cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\ABUG output 0 element 0 is [^\n]*\n\Z")

    def test_pytest_file_fails(self):
        code = "import test_finding; test_finding.test_finding()"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.bundle, capture_output=True, text=True, check=False
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("AssertionError: BUG", done.stderr)

    def explain_finding(self, name):
        """The report on a case of corpus/findings, reduced first."""
        (case,) = glob.glob(os.path.join(ROOT, "corpus", "findings", name + "_*"))
        reduced = moire("reduce", case, "--backend", "ort@1.32.0", "-o", self.path(name), "--json", "-", timeout=200)
        bundle = json.loads(reduced.out)["bundle"]
        explained = moire("explain", bundle, "--seconds", "20", "--json", "-", timeout=400)
        self.check_code(explained, NOTHING)
        return json.loads(explained.out)

    def test_a_missing_kernel_is_told_beside_the_plain_configuration(self):
        """The optimiser asks for a kernel that does not exist: alone, that would be "not implemented"."""
        report = self.explain_finding("12")
        self.assertEqual(report["pass"], "QDQPropagationTransformer")
        self.assertIn("level != none", report["predicate"])

    def test_blames_what_never_told(self):
        """A rule that throws, and a fusion whose work dies: neither says that it modified the graph."""
        self.assertEqual(self.explain_finding("18")["pass"], "FuseReluClip")
        self.assertEqual(self.explain_finding("05")["pass"], "MatmulTransposeFusion")

    def test_what_cannot_be_explained(self):
        write_backend_test(self.path("plain"), add_model(), [np.ones(2, np.float32)] * 2)
        self.check_complaint(moire("explain", self.path("plain")), USAGE, "finding.json")
        # A bundle whose case does not fail any more.
        mended = self.path("mended")
        shutil.copytree(self.bundle, mended)
        shutil.rmtree(os.path.join(mended, "test_data_set_0"))
        os.remove(os.path.join(mended, "model.onnx"))
        write_backend_test(mended, add_model(), [np.ones(2, np.float32)] * 2)
        self.check_complaint(moire("explain", mended), USAGE, "does not fail")


if __name__ == "__main__":
    main()
