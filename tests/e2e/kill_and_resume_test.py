"""Killing any process at any moment loses nothing that was reported; Ctrl-C ends cleanly.

Waiting is for things that happen, with limits that a stalled machine keeps too.
MOIRE_KILL_ROUNDS (5): how often the supervisor, a worker or triage is killed. MOIRE_KILL_JSON: where to write the
figures. The moments are drawn from a fixed seed.
"""

import glob
import json
import os
import random
import re
import signal
import subprocess

from moire_binary import MOIRE, NOTHING, TestCase, main, moire, processes_naming, wait_for

ROUNDS = int(os.environ.get("MOIRE_KILL_ROUNDS", "5"))
START = 300  # seconds for a campaign to start its processes
REACT = 120  # seconds for it to replace one of them, or for children to follow their parent


def children(pid):
    """Processes below `pid`: (pid, name)."""
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            below = file.read().split()
    except OSError:
        return found
    for child in below:
        try:
            with open(f"/proc/{child}/comm", encoding="ascii") as file:
                found.append((int(child), file.read().strip()))
        except OSError:
            continue
        found += children(child)
    return found


class Campaign(TestCase):
    def start(self, out, *flags):
        log = open(self.path("log"), "w+b")  # pylint: disable=consider-using-with
        self.addCleanup(log.close)
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            [MOIRE, "fuzz", "--jobs", "2", "--out", out, *flags],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, log

    def text(self, log):
        log.seek(0)
        return log.read().decode(errors="replace")

    def corpus(self, out):
        return set(os.listdir(os.path.join(out, "corpus")))

    def test_kill_9(self):
        rng = random.Random(9)
        out, seeds = self.path("out"), self.crash_corpus()
        reported, corpus = set(), set()
        figures = {"rounds": 0, "supervisor": 0, "worker": 0, "triage": 0, "findings": 0, "corpus": 0}
        for number in range(ROUNDS):
            process, log = self.start(out, "--corpus", seeds, "--seed", str(number + 1))
            started = wait_for(lambda: children(process.pid) or process.poll() is not None, START)
            self.assertIsNone(process.poll(), self.text(log))
            self.assertTrue(started)
            if number % 3:  # two of three in the midst of fuzzing, the third while it starts
                self.assertTrue(wait_for(lambda: glob.glob(out + "/workers/*/new/*"), START), self.text(log))
            wait_for(lambda: process.poll() is not None, rng.uniform(0.2, 9))
            below = children(process.pid)
            workers = [pid for pid, name in below if name.startswith("moire-fuzz")]
            triage = [pid for pid, name in below if name == "moire"]  # and what it has forked
            victims = triage if number % 4 == 3 and triage else workers
            if number % 2 and victims:
                os.kill(rng.choice(victims), signal.SIGKILL)
                figures["triage" if victims is triage else "worker"] += 1
                # The supervisor takes it, starts another, and goes on.
                self.assertTrue(
                    wait_for(lambda: len([n for _, n in children(process.pid) if n.startswith("moire-fuzz")]) >= 2, REACT),
                    self.text(log),
                )
                self.assertIsNone(process.poll(), self.text(log))
            else:
                figures["supervisor"] += 1
            process.kill()
            process.wait()
            rows = {row["cause"] for row in self.findings(out)}
            self.assertTrue(wait_for(lambda: not processes_naming(out), REACT), processes_naming(out))
            self.assertLessEqual(reported, rows, "a reported finding is lost")
            self.assertLessEqual(corpus, self.corpus(out), "a corpus entry is lost")
            reported, corpus = rows, self.corpus(out)
            figures["rounds"] += 1
        # It goes on with its corpus and what waited in the inbox, and ends well.
        outcome = moire(
            "fuzz", "--jobs", 1, "--cases", 700, "--time", "5m", "--corpus", seeds, "--out", out, timeout=900
        )
        self.check_code(outcome, NOTHING)
        self.assertLessEqual(corpus, self.corpus(out))
        rows = {row["cause"] for row in self.findings(out)}
        self.assertLessEqual(reported, rows)
        self.assertTrue([cause for cause in rows if cause.startswith("crash/Div")], outcome)
        figures["findings"], figures["corpus"] = len(rows), len(corpus)
        if "MOIRE_KILL_JSON" in os.environ:
            with open(os.environ["MOIRE_KILL_JSON"], "w", encoding="utf-8") as file:
                json.dump(figures, file)

    def test_ctrl_c(self):
        out = self.path("out")
        for number in (signal.SIGINT, signal.SIGTERM):
            process, log = self.start(out)
            self.assertTrue(wait_for(lambda: children(process.pid), START))
            wait_for(lambda: process.poll() is not None, 8)
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=600), NOTHING, self.text(log))
            self.assertRegex(self.text(log), r"(?m)^\d+ cases in \d+s")
            self.assertRegex(self.text(log), r"(?m)^\d+ distinct finding")
            self.assertTrue(wait_for(lambda: not processes_naming(out), REACT), processes_naming(out))
            self.findings(out)
        self.assertTrue(self.corpus(out))

    def test_one_campaign_a_directory(self):
        out = self.path("out")
        process, _ = self.start(out)
        self.assertTrue(wait_for(lambda: children(process.pid), START))
        self.check_complaint(moire("fuzz", "--time", "1s", "--out", out), 2, "another campaign", out)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=600)

    def test_resume_reads_the_corpus(self):
        out = self.path("out")
        first = moire("fuzz", "--jobs", 1, "--cases", 300, "--out", out)
        blocks = [int(re.search(r"blocks: (\d+) reached", first.out)[1])]
        kept = len(self.corpus(out))
        self.assertGreater(kept, 20)
        second = moire("fuzz", "--jobs", 1, "--cases", kept + 1, "--seed", 2, "--out", out)
        blocks.append(int(re.search(r"blocks: (\d+) reached", second.out)[1]))
        # Its corpus alone brings it back to nearly what it had reached.
        self.assertGreater(blocks[1], 0.97 * blocks[0], (first, second))


if __name__ == "__main__":
    main()
