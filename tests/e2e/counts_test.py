"""What a campaign says that it covered: operators and element types, in the JSON of `moire fuzz`."""

import json

from moire_binary import NOTHING, TestCase, TensorProto, helper, main, model, moire, value, write_backend_test

import numpy as np


class Counts(TestCase):
    def fuzz(self, name, *arguments):
        file = self.path(name + ".json")
        outcome = moire("fuzz", "--jobs", 1, "--seed", 5, "--out", self.path(name), "--json", file, *arguments)
        self.check_code(outcome, NOTHING)
        with open(file, encoding="utf-8") as opened:
            return json.load(opened)

    def check_rows(self, report):
        for row in report["operators"] + report["types"]:
            self.assertGreaterEqual(row["generated"], row["valid"], row)
            self.assertGreaterEqual(row["valid"], row["executed"], row)
            self.assertTrue(0 <= row["undecidable_share"] <= 1, row)
        shares = report["decidable_share_all"] + report["unspecified_share"] + report["undecidable_share"]
        self.assertAlmostEqual(shares, 1, places=6)

    def test_rows_add_up(self):
        report = self.fuzz("a", "--feedback", "none", "--cases", 400)
        self.check_rows(report)
        operators = {row["name"]: row for row in report["operators"]}
        self.assertEqual(len(operators), len(report["operators"]))
        self.assertGreater(len(operators), 80)
        nodes = sum(row["generated"] for row in operators.values())
        self.assertTrue(400 < nodes < 400 * 40, nodes)
        executed = sum(row["executed"] for row in operators.values())
        self.assertGreater(executed / nodes, 0.8)
        types = {row["name"]: row for row in report["types"]}
        self.assertGreater(len(types), 10)
        # Types are counted by case: every row is part of the whole.
        for row in types.values():
            self.assertLessEqual(row["generated"], report["cases"], row)
        self.assertGreater(types["float"]["generated"], 100)
        self.assertNotIn("If", operators)

    def test_mutants_and_the_solver(self):
        report = self.fuzz("m", "--cases", 1500)
        mutants, solver = report["mutants"], report["solver"]
        self.assertGreater(mutants["made"], 200)
        self.assertGreaterEqual(mutants["made"], mutants["broken"])
        self.assertGreaterEqual(mutants["broken"], mutants["repaired"])
        self.assertGreater(mutants["nodes_mended"], 0)
        self.assertGreater(solver["near"], 0)
        self.assertLessEqual(solver["timeouts"], solver["solves"])
        self.assertLess(solver["near_median_us"], 5000)

    def test_an_operator_of_the_corpus_is_counted(self):
        """A default campaign makes no If: the one that is counted comes from the corpus."""
        f = TensorProto.FLOAT
        then = helper.make_graph([helper.make_node("Neg", ["x"], ["p"])], "t", [], [value("p", f, [2])])
        other = helper.make_graph([helper.make_node("Abs", ["x"], ["q"])], "e", [], [value("q", f, [2])])
        made = model(
            [helper.make_node("If", ["go"], ["y"], then_branch=then, else_branch=other)],
            [value("go", TensorProto.BOOL, []), value("x", f, [2])],
            [value("y", f, [2])],
        )
        write_backend_test(self.path("if"), made, [np.array(True), np.array([1, -2], np.float32)])
        self.check_code(moire("corpus", "import", self.path("if"), "--to", self.path("seeds")), 0)
        report = self.fuzz("b", "--cases", 40, "--corpus", self.path("seeds"))
        self.check_rows(report)
        row = next(row for row in report["operators"] if row["name"] == "If")
        self.assertGreaterEqual(row["executed"], 1)


if __name__ == "__main__":
    main()
