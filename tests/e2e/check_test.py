"""moire reduce --check: any program as judge, and programs that cannot be one."""

import json
import os
import sys

import onnx
from moire_binary import FINDINGS, NOTHING, ROOT, USAGE, TestCase, main, model, moire, value
from onnx import TensorProto, helper

# Fails (exit 7) where the model has a Tanh and an Exp, which is no bug of any runtime.
# Looks for op_type fields in the bytes: importing onnx for each candidate takes a second.
BOTH = """
import os, re, sys
assert os.environ["MOIRE_BUNDLE"] == sys.argv[1], sys.argv
with open(os.path.join(sys.argv[1], "model.onnx"), "rb") as file:
    ops = [op.decode()[2:] for op in re.findall(rb"\\x22[\\x03\\x04](?:Tanh|Abs|Exp)", file.read())]
print("has", *ops)
sys.exit(7 if "Tanh" in ops and "Exp" in ops else 0)
"""


def chain(length):
    """Tanh, many Abs, Exp, many Abs."""
    ops = ["Tanh", *["Abs"] * length, "Exp", *["Abs"] * length]
    nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"]) for i, op in enumerate(ops)]
    f = TensorProto.FLOAT
    return model(nodes, [value("v0", f, [3, 4])], [value(f"v{len(ops)}", f, [3, 4])])


class Check(TestCase):
    def setUp(self):
        super().setUp()
        onnx.save(chain(10), self.path("m.onnx"))

    def script(self, name, text):
        self.write(name, text.encode())
        return f"{sys.executable} -S -E {self.path(name)}"

    def reduce(self, command, *flags, **keywords):
        return moire("reduce", self.path("m.onnx"), "--check", command, "-o", self.path("out"), *flags, **keywords)

    def reduced(self, command, *flags):
        outcome = self.reduce(command, "--json", self.path("r.json"), *flags)
        self.check_code(outcome, FINDINGS)
        with open(self.path("r.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_reduces_to_what_the_check_needs(self):
        report = self.reduced(self.script("both.py", BOTH))
        self.assertEqual((report["nodes_before"], report["nodes_after"], report["minimal"]), (22, 2, True))
        self.assertLessEqual(report["bytes_after"], report["bytes_before"])
        self.assertGreater(report["checks"], 0)
        self.assertGreater(report["seconds"], 0)
        made = onnx.load(os.path.join(report["bundle"], "model.onnx"))
        onnx.checker.check_model(made, full_check=True)
        self.assertEqual(sorted(node.op_type for node in made.graph.node), ["Exp", "Tanh"])
        # The bundle's own script runs the check again.
        self.assertTrue(os.path.isfile(os.path.join(report["bundle"], "check.sh")))
        self.assertEqual(os.system(f"sh {report['bundle']}/check.sh > {self.path('log')}") >> 8, 7)

    def test_braces_regex_and_code(self):
        script = self.script("both.py", BOTH)
        report = self.reduced(script + " {} ; true", "--check-regex", "has.* Tanh|has Tanh")
        self.assertEqual((report["nodes_after"], report["minimal"]), (1, True))
        zero = self.script("zero.py", BOTH.replace("7 if", "0 if").replace("else 0", "else 1"))
        self.assertEqual(self.reduced(zero, "--check-code", 0)["nodes_after"], 2)

    def test_weights_in_a_file_of_their_own(self):
        """96 MB of them, none of which the disk holds; sizes that no message can have are refused unread."""
        f = TensorProto.FLOAT
        weight = TensorProto(name="w", data_type=f, dims=[512, 49152], data_location=TensorProto.EXTERNAL)
        weight.external_data.add(key="location", value="w.bin")
        graph = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Softsign", ["m"], ["y"])]
        made = model(graph, [value("x", f, [1, 512])], [value("y", f, [1, 49152])], [weight])
        with open(self.path("m.onnx"), "wb") as file:
            file.write(made.SerializeToString())
        self.write("w.bin", b"")
        os.truncate(self.path("w.bin"), 512 * 49152 * 4)
        self.write("softsign.sh", b'grep -qaF Softsign "$1/model.onnx" && exit 7; exit 0')
        report = self.reduced("sh " + self.path("softsign.sh"))
        self.assertEqual((report["nodes_after"], report["minimal"]), (1, True))
        self.assertGreater(report["bytes_before"], 96 << 20)
        self.assertLess(report["bytes_after"], 1000)
        made.graph.initializer[0].dims[1] = 1 << 21
        with open(self.path("m.onnx"), "wb") as file:
            file.write(made.SerializeToString())
        self.check_complaint(self.reduce("false"), USAGE, "external data", "more than 2147483647 bytes")

    def test_never_fails(self):
        self.check_complaint(self.reduce("true"), USAGE, "did not fail", "original")
        self.check_complaint(self.reduce("echo no", "--check-regex", "yes"), USAGE, "yes", "original")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_always_fails(self):
        self.check_complaint(self.reduce("false"), USAGE, "always fails", "Identity")

    def test_missing(self):
        self.check_complaint(self.reduce("/nowhere/no-such-program"), USAGE, "cannot be run", "no-such-program")
        self.write("plain", b"not a program")
        self.check_complaint(self.reduce(self.path("plain")), USAGE, "cannot be run", "126")

    def test_hangs(self):
        outcome = self.reduce("sleep 1000 #", "--check-seconds", 1, timeout=30)
        self.check_complaint(outcome, USAGE, "did not end within 1 s")
        # A child that keeps the pipe open does not keep the check.
        background = self.script("both.py", BOTH) + " {}; code=$?; sleep 300 & exit $code"
        self.assertEqual(self.reduced(background)["nodes_after"], 2)

    def test_a_candidate_that_hangs_does_not_stop_it(self):
        hang = BOTH.replace("sys.exit(7", "import time\nif len(ops) == 17: time.sleep(1000)\nsys.exit(7")
        self.assertEqual(self.reduced(self.script("hang.py", hang), "--seconds", 200)["nodes_after"], 2)

    def test_garbage(self):
        garbage = "head -c 3000000 /dev/urandom; printf '\\000\\377\\033[31m'"
        self.check_complaint(self.reduce(garbage + " #"), USAGE, "did not fail")
        self.check_complaint(self.reduce(garbage + "; false #"), USAGE, "always fails")
        outcome = self.reduce(garbage + "; exit 127 #")
        self.check_complaint(outcome, USAGE, "cannot be run")
        self.assertTrue(outcome.err.isprintable() or outcome.err.replace("\n", "").isprintable(), repr(outcome.err))
        report = self.reduced(garbage + "; " + self.script("both.py", BOTH) + " {}")
        self.assertEqual(report["nodes_after"], 2)

    def test_flaky(self):
        # Fails in 2 of 5 runs, by a counter: the rate holds whatever the machine does.
        flaky = BOTH.replace(
            "sys.exit(7 if",
            f"count = {self.path('count')!r}\n"
            "n = int(open(count).read()) if os.path.exists(count) else 0\n"
            "open(count, 'w').write(str(n + 1))\n"
            "sys.exit(7 if n % 5 in (1, 3) and",
        )
        outcome = self.reduce(
            self.script("flaky.py", flaky), "--json", self.path("r.json"), "--seconds", 250
        )
        self.check_code(outcome, FINDINGS)
        self.assertIn("flaky", outcome.out)
        with open(self.path("r.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertAlmostEqual(report["failure_rate"], 0.4, delta=0.05)
        self.assertEqual((report["nodes_after"], report["minimal"]), (2, True))

    def test_wrong_flags(self):
        self.check_complaint(self.reduce("false", "--check-regex", "["), USAGE, "--check-regex", "[")
        self.check_complaint(self.reduce(""), USAGE, "empty")
        self.check_complaint(self.reduce("false", "--only", "nodes,nothing"), USAGE, "nothing", "--list-passes")
        self.check_complaint(moire("reduce", self.path("m.onnx"), "--check-regex", "x"), USAGE, "--check")
        self.check_complaint(moire("reduce"), USAGE, "which")

    def test_passes(self):
        outcome = moire("reduce", "--list-passes")
        self.check_code(outcome, NOTHING)
        names = [line.split()[0] for line in outcome.out.splitlines()]
        self.assertGreaterEqual(len(names), 14)
        for name in ("nodes", "bypass", "bodies", "shapes", "singles"):
            self.assertIn(name, names)
        script = self.script("both.py", BOTH)
        report = self.reduced(script, "--only", "names,values")
        self.assertEqual((report["nodes_after"], report["minimal"]), (22, False))
        self.assertGreater(self.reduced(script, "--skip", "nodes,bypass,cut,singles")["nodes_after"], 2)


class Malformed(TestCase):
    def test_a_model_that_kills_the_version_converter(self):
        """ONNX's shape inference dies of it, in a process of its own; this release refuses it, rightly."""
        case = os.path.join(ROOT, "corpus", "findings", "03_einsum")
        self.check_code(moire("reduce", case, "--backend", "ort@1.23.2:level=none", "-o", self.path("out")), NOTHING)


if __name__ == "__main__":
    main()
