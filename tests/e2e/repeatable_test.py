"""Campaigns repeat: by seed without coverage, from the journal with it."""

import os
import re

from moire_binary import NOTHING, TestCase, main, moire


RECORD = 29  # bytes of a record (docs/formats.md)


class Repeatable(TestCase):
    def cases_in(self, journal):
        """Records of cases, made or spliced; rows are skipped."""
        with open(journal, "rb") as file:
            data = file.read()
        at = cases = 0
        while at + RECORD <= len(data):
            row = data[at] == 3
            cases += not row
            at += RECORD + (int.from_bytes(data[at + 5 : at + 13], "little") if row else 0)
        return cases

    def cases_and_causes(self, name, seed):
        out = self.path(name)
        outcome = moire("fuzz", "--feedback", "none", "--jobs", 1, "--seed", seed, "--cases", 300, "--out", out)
        self.check_code(outcome, NOTHING)
        with open(os.path.join(out, "cases.log"), "rb") as file:
            log = file.read()
        self.assertEqual(len({line.split()[0] for line in log.splitlines()}), 300)
        return log, sorted((row["cause"], row["symptom"]) for row in self.findings(out))

    def test_same_seed_same_cases_and_findings(self):
        first, second = self.cases_and_causes("a", 7), self.cases_and_causes("b", 7)
        self.assertEqual(first[0], second[0])
        self.assertEqual(first[1], second[1])
        self.assertNotEqual(first[0], self.cases_and_causes("c", 8)[0])

    def test_journal_repeats_every_case(self):
        out, other = self.path("out"), self.path("other")
        # The crash makes it a journal over several processes.
        outcome = moire(
            "fuzz", "--cases", 600, "--seed", 3, "--jobs", 1, "--corpus", self.crash_corpus(), "--out", out
        )
        self.check_code(outcome, NOTHING)
        ran = int(re.search(r"^(\d+) cases in", outcome.out, re.MULTILINE)[1])
        self.assertGreaterEqual(ran, 600)
        again = moire("fuzz", "--rerun", os.path.join(out, "journal-0.bin"), "--out", other)
        self.check_code(again, NOTHING)
        repeated = re.search(r"^rerun: (\d+) cases, 0 differ from the journal", again.err, re.MULTILINE)
        self.assertTrue(repeated, again)
        # Corpus entries are read, not made: the journal has no record of them. Those that died are not counted.
        made = self.cases_in(os.path.join(out, "journal-0.bin"))
        died = int(re.search(r"restarts (\d+)$", again.out.splitlines()[1])[1])
        self.assertEqual(int(repeated[1]), made - died)
        self.assertGreater(made, 100)

    def test_a_damaged_journal_is_told(self):
        out = self.path("out")
        self.check_code(moire("fuzz", "--cases", 60, "--seed", 3, "--jobs", 1, "--out", out), NOTHING)
        with open(os.path.join(out, "journal-0.bin"), "rb") as file:
            journal = file.read()
        # A record cut off at its end is what a kill leaves; it is dropped.
        path = self.write("short.bin", journal[:-5])
        self.check_code(moire("fuzz", "--rerun", path, "--corpus", os.path.join(out, "corpus"), "--out", self.path("o")), NOTHING)
        # The first record is the row "#restart"; behind it stands the kind of the second.
        second = RECORD + len("#restart")
        path = self.write("damaged.bin", journal[:second] + b"\xff" + journal[second + 1 :])
        self.check_complaint(moire("fuzz", "--rerun", path, "--out", self.path("p")), 2, "damaged.bin")


if __name__ == "__main__":
    main()
