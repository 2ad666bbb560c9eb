"""A fault that many cases hit: the campaign learns to steer around it, reports it once, and forgets the rule
when the fault is gone. Real campaigns on the fault-injecting runtime (tests/faulty); the full size is
point 8 of the acceptance tests.
"""

import json
import os
import signal
import subprocess

from moire_binary import BIN, NOTHING, TestCase, main, wait_for

FAULTY = os.path.join(BIN, "moire-faulty")
CRASH = "faulty:fault=crash,op=Gather,type=float"
WRONG = "faulty:fault=swapped,op=Sub,type=float"


class FrequentFault(TestCase):
    def start(self, backend, out):
        log = open(self.path("log"), "w+b")  # pylint: disable=consider-using-with
        self.addCleanup(log.close)
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            [FAULTY, "fuzz", "--jobs", "1", "--feedback", "sanitizer", "--backend", backend, "--out", out],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, log

    def end(self, process, log):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=240), NOTHING, self.text(log))

    def text(self, log):
        log.seek(0)
        return log.read().decode(errors="replace")

    def rules(self, out):
        try:
            with open(os.path.join(out, "rules.json"), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):  # not there yet
            return []

    def test_crash(self):
        out, mended = self.path("out"), self.path("mended")
        process, log = self.start(f"{CRASH},unless={mended}", out)
        self.assertTrue(wait_for(lambda: self.rules(out), 180), self.text(log))
        rule = self.rules(out)[0]
        self.assertEqual([node["op"] for node in rule["nodes"]], ["Gather"], rule)
        self.assertTrue(rule["cause"].startswith("crash/Gather"), rule)
        with open(mended, "w", encoding="utf-8"):
            pass
        self.assertTrue(wait_for(lambda: not self.rules(out), 240), self.text(log))
        self.end(process, log)
        causes = [row["cause"] for row in self.findings(out)]
        self.assertEqual(len(causes), 1, causes)
        self.assertRegex(self.text(log), r"[0-9.]+ % of cases steered around")

    def test_wrong_value_costs_no_rule(self):
        out = self.path("out")
        process, log = self.start(WRONG, out)
        seen = lambda: sum(row["times_seen"] for row in self.findings(out))  # noqa: E731
        self.assertTrue(wait_for(lambda: os.path.exists(os.path.join(out, "moire.db")), 60))
        self.assertTrue(wait_for(lambda: seen() >= 30, 180, step=1), self.text(log))
        self.end(process, log)
        rows = self.findings(out)
        self.assertEqual(len(rows), 1, [row["cause"] for row in rows])
        self.assertTrue(rows[0]["cause"].startswith("mismatch/Sub/float"), rows)
        self.assertEqual(self.rules(out), [])


if __name__ == "__main__":
    if not os.access(FAULTY, os.X_OK):
        raise SystemExit(f"{FAULTY} is not built")
    main()
