"""A campaign over a corpus that holds a crash: the finding, its states, what is known, the exit codes."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

from moire_binary import FINDINGS, NOTHING, USAGE, TestCase, main, moire


class Findings(TestCase):
    """The tests share one campaign and copy its directory where they change it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = f"/tmp/moire-e2e-findings-{os.getpid()}"
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        helper = cls()
        helper.dir = cls.root
        os.mkdir(cls.root)
        cls.seeds = helper.crash_corpus()
        cls.out = os.path.join(cls.root, "out")
        cls.campaign = moire(
            "fuzz", "--jobs", 1, "--cases", 150, "--nodes", "1-5", "--time", "60s", "--corpus", cls.seeds,
            "--out", cls.out, "--json", os.path.join(cls.root, "fuzz.json"), timeout=400,
        )

    def copy(self):
        return shutil.copytree(self.out, self.path("out"))

    def crash(self, out=None):
        rows = [row for row in self.findings(out or self.out) if row["verdict"] == "crash"]
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def test_finds_shrinks_and_reports_it(self):
        self.check_code(self.campaign, NOTHING)  # findings alone do not fail a campaign
        row = self.crash()
        self.assertEqual((row["operators"], row["nodes"], row["state"]), ("Div", 1, "new"))
        self.assertIn("SIGFPE", row["symptom"])
        line = [text for text in self.campaign.out.splitlines() if re.search(r"crash +Div \(1 node\)", text)]
        self.assertEqual(len(line), 1, self.campaign.out)
        self.assertIn(row["bundle"], self.campaign.out)
        self.assertRegex(self.campaign.out, r"judged: [\d.]+ % of output elements decidable")
        # Not a terminal: plain lines.
        self.assertNotIn("\r", self.campaign.err)
        self.assertRegex(self.campaign.err, r"\d+ cases \d+/s \| valid [\d.]+% \| blocks \d+")

    def test_json(self):
        with open(os.path.join(self.root, "fuzz.json"), encoding="utf-8") as file:
            report = json.load(file)
        for key in (
            "cases", "seconds", "valid_share", "decidable_share", "median_bound", "avoided_share", "blocks_total",
            "blocks_base", "blocks_reached", "restarts", "findings",
        ):
            self.assertIn(key, report)
        self.assertGreaterEqual(report["cases"], 150)
        self.assertGreaterEqual(report["restarts"], 1)
        self.assertGreater(report["blocks_total"], 900_000)
        self.assertGreater(report["blocks_reached"], report["blocks_base"])
        for finding in report["findings"]:
            for key in ("symptom", "cause", "verdict", "operators", "nodes", "times_seen", "bundle"):
                self.assertIn(key, finding)
            self.assertTrue(os.path.isdir(finding["bundle"]))

    def test_every_bundle_replays_and_its_script_shows_it(self):
        rows = [row for row in self.findings(self.out) if row["state"] != "ours"]
        outcome = moire("replay", os.path.join(self.out, "findings"), "--json", self.path("replay.json"))
        self.check_code(outcome, FINDINGS)
        with open(self.path("replay.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual({bundle["state"] for bundle in report["bundles"]}, {"fails"}, outcome)
        self.assertEqual(len(report["bundles"]), len(rows))
        for row in rows:
            script = os.path.join(self.out, row["bundle"], "repro.py")
            done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, f"{script}\n{done.stdout}{done.stderr}")
            self.assertRegex(done.stdout, r"\ABUG [^\n]*\n\Z", script)

    def test_list_show_mark(self):
        out, cause = self.copy(), self.crash()["cause"]
        self.assertIn(cause, moire("findings", "--out", out, "list").out)
        shown = moire("findings", "--out", out, "show", cause[:-4])
        self.check_code(shown, NOTHING)
        for words in (cause, "Div", "repro.py", "moire replay"):
            self.assertIn(words, shown.out)
        self.check_code(moire("findings", "--out", out, "mark", cause, "confirmed", "--note", "by hand"), NOTHING)
        self.assertEqual((self.crash(out)["state"], self.crash(out)["note"]), ("confirmed", "by hand"))
        self.check_complaint(moire("findings", "--out", out, "mark", cause, "great"), USAGE, "great", "confirmed")
        self.check_complaint(moire("findings", "--out", out, "mark", "nothing/like/it", "open"), USAGE, "nothing/like/it")
        self.check_complaint(moire("findings", "--out", out, "merge", cause, cause), USAGE, "itself")

    def test_merge(self):
        out, crash = self.copy(), self.crash()
        twin = dict(crash, cause=crash["cause"] + "-twin", times_seen=5)
        with contextlib.closing(sqlite3.connect(os.path.join(out, "moire.db"))) as database, database:
            columns = ", ".join(twin)
            marks = ", ".join("?" for _ in twin)
            database.execute(f"INSERT INTO finding ({columns}) VALUES ({marks})", list(twin.values()))
        self.check_code(moire("findings", "--out", out, "merge", twin["cause"], crash["cause"]), NOTHING)
        self.assertNotIn(twin["cause"], moire("findings", "--out", out, "list").out)
        seen = {row["cause"]: row["times_seen"] for row in self.findings(out)}
        self.assertEqual(seen[crash["cause"]], crash["times_seen"] + 5)
        again = moire("findings", "--out", out, "merge", crash["cause"], twin["cause"])
        self.check_complaint(again, USAGE, "merged")

    def fuzz_seeds(self, *flags):
        """A short campaign over the crash alone."""
        return moire("fuzz", "--jobs", 1, "--cases", 3, "--nodes", 1, "--time", "30s", "--corpus", self.seeds, *flags)

    def test_export_and_known(self):
        cause = self.crash()["cause"]
        exported = moire("findings", "--out", self.out, "export", self.path("exported"), "--cause", cause)
        self.check_code(exported, NOTHING)
        with open(self.path("exported", "known.txt"), encoding="utf-8") as file:
            self.assertTrue(file.read().startswith(cause + " #"))
        for known in (self.path("exported", "known.txt"), self.path("exported")):
            out = self.path("campaign-" + os.path.basename(known))
            outcome = self.fuzz_seeds("--out", out, "--fail-on-finding", "--known", known)
            row = self.crash(out)
            self.assertEqual(row["state"], "known")
            self.assertGreaterEqual(row["times_seen"], 1)
            unknown = [row for row in self.findings(out) if row["state"] == "new"]
            self.check_code(outcome, FINDINGS if unknown else NOTHING)

    def test_known_until(self):
        cause = self.crash()["cause"]
        for day, state in (("2999-12-31", "known"), ("2001-01-01", "new")):
            known = self.write("known.txt", f"# ours to file\n{cause} until {day} # reported\n".encode())
            outcome = self.fuzz_seeds("--out", self.path(day), "--fail-on-finding", "--known", known)
            self.assertEqual(self.crash(self.path(day))["state"], state, outcome)

    def test_fail_on_finding(self):
        outcome = self.fuzz_seeds("--out", self.path("out"), "--fail-on-finding")
        self.check_code(outcome, FINDINGS)
        self.crash(self.path("out"))

    def test_stop_on_finding(self):
        outcome = moire(
            "fuzz", "--jobs", 1, "--time", "200s", "--corpus", self.seeds, "--out", self.path("out"), "--stop-on-finding"
        )
        self.check_code(outcome, FINDINGS)
        seconds = re.search(r"cases in (?:(\d+)m)?(\d+)s", outcome.out)
        self.assertLess(60 * int(seconds[1] or 0) + int(seconds[2]), 120)
        self.assertTrue(self.findings(self.path("out")))


if __name__ == "__main__":
    main()
