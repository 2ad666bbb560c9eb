"""What the end-to-end tests share: the real binary as a child, small models, a campaign's files.

MOIRE_BIN is the directory of the built binaries, MOIRE_HOME what the set-up installed.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("MOIRE_BIN", os.path.join(ROOT, "build", "bin"))
MOIRE = os.path.join(BIN, "moire")

# Files that make a bundle whole (docs/formats.md).
BUNDLE_FILES = ("model.onnx", "case.pb", "finding.json", "graph.txt", "repro.py")

NOTHING, FINDINGS, USAGE, INTERNAL = 0, 1, 2, 3  # exit codes


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def moire(*arguments, timeout=300, **popen):
    """Runs moire to its end."""
    done = subprocess.run(
        [MOIRE, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        text=True,
        errors="replace",
        check=False,
        **popen,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def value(name, data_type, shape):
    return helper.make_tensor_value_info(name, data_type, shape)


def model(nodes, inputs, outputs, initializers=(), opset=21):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 10
    return made


def add_model():
    """What every configuration computes alike."""
    f = TensorProto.FLOAT
    return model(
        [helper.make_node("Add", ["a", "b"], ["c"])],
        [value("a", f, [2]), value("b", f, [2])],
        [value("c", f, [2])],
    )


def write_backend_test(directory, made, inputs):
    os.makedirs(os.path.join(directory, "test_data_set_0"))
    onnx.save(made, os.path.join(directory, "model.onnx"))
    for i, (info, data) in enumerate(zip(made.graph.input, inputs)):
        with open(os.path.join(directory, "test_data_set_0", f"input_{i}.pb"), "wb") as file:
            file.write(numpy_helper.from_array(data, info.name).SerializeToString())


def write_crash(directory):
    """INT_MIN / -1 kills ONNX Runtime 1.32.0 (SIGFPE): a finding that does not depend on luck."""
    i = TensorProto.INT32
    made = model(
        [helper.make_node("Div", ["a", "b"], ["q"]), helper.make_node("Abs", ["q"], ["c"])],
        [value("a", i, [2]), value("b", i, [2])],
        [value("c", i, [2])],
    )
    low = np.array([-(2**31), 4], np.int32)
    write_backend_test(directory, made, [low, np.array([-1, 2], np.int32)])


def processes_naming(text):
    """Command lines of running processes that name `text`, this one and its parents left out."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in (os.getpid(), os.getppid()):
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{pid}/environ", "rb") as file:
                command += file.read().decode(errors="replace")
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                zombie = file.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue  # it has ended
        if text in command and not zombie:
            found.append(f"{pid} {command[:200]}")
    return found


def wait_for(condition, seconds, step=0.05):
    """The first true value of condition(), or its last value when the time is over."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result or time.monotonic() > end:
            return result
        time.sleep(step)


class TestCase(unittest.TestCase):
    """A temporary directory for each test, and what is checked everywhere."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="moire-e2e-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def check_code(self, outcome, code):
        self.assertEqual(outcome.code, code, repr(outcome))

    def check_complaint(self, outcome, code, *words):
        """One line on stderr that says what is wrong, and the exit code."""
        self.check_code(outcome, code)
        lines = [line for line in outcome.err.splitlines() if line.startswith("moire: ")]
        self.assertEqual(len(lines), 1, repr(outcome))
        for word in words:
            self.assertIn(word.lower(), lines[0].lower())

    def crash_corpus(self):
        """A corpus directory that holds the crash."""
        write_crash(self.path("crash"))
        self.check_code(moire("corpus", "import", self.path("crash"), "--to", self.path("seeds")), 0)
        return self.path("seeds")

    def findings(self, out):
        """Rows of the store, checked: it opens, is sound, and every row has its whole bundle."""
        database = sqlite3.connect(os.path.join(out, "moire.db"))
        self.addCleanup(database.close)
        database.row_factory = sqlite3.Row
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchone()[0], "ok")
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'finding'").fetchone():
            return []  # the campaign has only just opened it
        rows = [dict(row) for row in database.execute("SELECT * FROM finding")]
        for row in rows:
            needed = ("case.pb",) if row["state"] == "ours" else BUNDLE_FILES
            for name in needed:
                file = os.path.join(out, row["bundle"], name)
                self.assertTrue(os.path.isfile(file), f"{file} is missing: {row}")
        return rows


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not os.access(MOIRE, os.X_OK):
        sys.exit(f"{MOIRE} is not built; set MOIRE_BIN")
    unittest.main(verbosity=2)
