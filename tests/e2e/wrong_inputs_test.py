"""Wrong input: one clear line on standard error and the right exit code, and nothing is harmed."""

import json
import os
import resource
import signal
import stat
import subprocess
import unittest

import numpy as np
from onnx import TensorProto, helper

from moire_binary import INTERNAL, MOIRE, NOTHING, USAGE, TestCase, add_model, main, model, moire, value

F = TensorProto.FLOAT


class Models(TestCase):
    def test_missing_file(self):
        for command in ("run", "replay", "reduce", "cover", "conformance"):
            missing = self.path("missing")
            self.check_complaint(moire(command, missing), USAGE, missing, "no such")

    def test_text_file(self):
        for name in ("text.txt", "text.onnx"):
            path = self.write(name, b"hello\n")
            self.check_complaint(moire("run", path), USAGE, path, "not an ONNX model")

    def test_empty_file_and_directory(self):
        path = self.write("empty.onnx", b"")
        self.check_complaint(moire("run", path), USAGE, path)
        os.mkdir(self.path("none"))
        for command in ("run", "replay", "cover"):
            self.check_complaint(moire(command, self.path("none")), USAGE, self.path("none"))

    def test_truncated_protobuf(self):
        whole = add_model().SerializeToString()
        for size in (1, len(whole) // 2, len(whole) - 1):
            path = self.write("truncated.onnx", whole[:size])
            self.check_complaint(moire("run", path), USAGE, path)
        path = self.write("truncated.case", whole[: len(whole) // 2])
        self.check_complaint(moire("run", path), USAGE, path)

    def huge(self, dims, data):
        tensor = TensorProto(name="w", data_type=F, dims=dims, raw_data=data)
        return model(
            [helper.make_node("Add", ["a", "w"], ["c"])],
            [value("a", F, [1])],
            [value("c", F, None)],
            [tensor],
        ).SerializeToString()

    def limited(self):
        """Address space of 4 GB: allocating what a model claims would fail."""
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    def test_claims_two_gigabytes(self):
        for name, dims in (("2g", [1 << 29]), ("overflow", [1 << 40, 1 << 40]), ("negative", [-4])):
            path = self.write(f"{name}.onnx", self.huge(dims, b"\0" * 16))
            self.check_complaint(moire("run", path, preexec_fn=self.limited), USAGE, path)
        made = model(
            [helper.make_node("Abs", ["a"], ["c"])],
            [value("a", F, [1 << 29])],
            [value("c", F, [1 << 29])],
        )
        path = self.write("input.onnx", made.SerializeToString())
        self.check_complaint(moire("run", path, preexec_fn=self.limited), USAGE, path, "limit")

    def test_unknown_operator(self):
        made = model(
            [helper.make_node("Frobnicate", ["a"], ["c"])], [value("a", F, [2])], [value("c", F, [2])]
        )
        path = self.write("unknown.onnx", made.SerializeToString())
        self.check_complaint(moire("run", path), USAGE, path, "Frobnicate")

    def test_one_bad_file_among_good_ones(self):
        self.write("good.onnx", add_model().SerializeToString())
        self.write("bad.onnx", b"hello")
        outcome = moire("corpus", "import", self.path("good.onnx"), self.path("bad.onnx"), "--to", self.path("to"))
        self.check_complaint(outcome, NOTHING, "refused", "bad.onnx")
        self.assertEqual(len(os.listdir(self.path("to"))), 1)


class Usage(TestCase):
    def setUp(self):
        super().setUp()
        self.model = self.write("add.onnx", add_model().SerializeToString())

    def test_backends(self):
        for spec, *words in (
            ("nope", "nope", "reference, ort"),
            ("ort@9.9.9", "9.9.9", "not installed", "backends install"),
            ("ort:level=7", "level", "none, basic, extended, all"),
            ("ort:colour=red", "colour", "level"),
            (f"ort@{self.model}", "add.onnx"),
        ):
            self.check_complaint(moire("run", self.model, "--backend", spec), USAGE, *words)
            out = self.path("out")
            self.check_complaint(moire("fuzz", "--time", "2s", "--backend", spec, "--out", out), USAGE, *words)
            self.assertFalse(os.path.exists(out), "a mistake in the command leaves nothing behind")

    def test_flags(self):
        out = ("--time", "1s", "--out", self.path("out"))
        for arguments, *words in (
            ((), "subcommand"),
            (("run",), "path"),
            (("run", self.model, "--bogus"), "--bogus"),
            (("fuzz", "--time", "2x"), "2x", "90s"),
            (("fuzz", "--nodes", "0", *out), "--nodes"),
            (("fuzz", "--nodes", "9-3", *out), "--nodes"),
            (("fuzz", "--jobs", "0", *out), "--jobs"),
            (("fuzz", "--jobs", "-3", *out), "--jobs"),
            (("fuzz", "--cases", "many", *out), "--cases"),
            (("fuzz", "--seed", "x", *out), "--seed"),
            (("fuzz", "--feedback", "magic", *out), "magic"),
            (("fuzz", "--feedback", "none", "--jobs", "2", *out), "one worker"),
            (("fuzz", "--corpus", self.path("missing"), *out), "missing"),
            (("fuzz", "--known", self.path("missing"), *out), "missing"),
            (("fuzz", "--rerun", self.path("missing"), *out), "missing"),
            (("fuzz", "--rerun", self.model, *out), "add.onnx"),
            (("backends", "install", "ort"), "NAME@VERSION"),
            (("backends", "install", "nope@1"), "nope"),
            (("findings", "--out", self.path("missing"), "list"), "no campaign"),
            (("findings", "list", "--out", self.path("missing")), "no campaign"),
        ):
            with self.subTest(arguments):
                self.check_complaint(moire(*arguments), USAGE, *words)

    def test_known_file_that_is_none(self):
        path = self.write("known.txt", b"a b c\n")
        outcome = moire("fuzz", "--time", "1s", "--known", path, "--out", self.path("out"))
        self.check_complaint(outcome, USAGE, path, "CAUSE")


class Places(TestCase):
    """Where nothing can be written. The tests may run as root: no mode bits keep root out."""

    def setUp(self):
        super().setUp()
        self.model = self.write("add.onnx", add_model().SerializeToString())
        self.file = self.write("file", b"mine")

    def test_directory_without_rights(self):
        for place in ("/proc/moire", self.file, os.path.join(self.file, "below")):
            self.check_complaint(moire("fuzz", "--time", "1s", "--out", place), INTERNAL, place)
            self.check_complaint(moire("corpus", "import", self.model, "--to", place), INTERNAL, place)
            self.check_complaint(moire("run", self.model, "--json", os.path.join(place, "x")), INTERNAL, place)
        with open(self.file, "rb") as file:
            self.assertEqual(file.read(), b"mine")

    def test_someone_elses_database(self):
        os.mkdir(self.path("out"))
        self.write("out/moire.db", b"not a database, but something that its owner wants to keep")
        outcome = moire("fuzz", "--time", "1s", "--out", self.path("out"))
        self.check_complaint(outcome, USAGE, "moire.db")
        with open(self.path("out/moire.db"), "rb") as file:
            self.assertTrue(file.read().startswith(b"not a database"))

    def device(self, name, minor):
        """A device node of our own: where the binary is wrong, the machine's keep their place."""
        try:
            os.mknod(self.path(name), stat.S_IFCHR | 0o666, os.makedev(1, minor))
            with open(self.path(name), "wb"):
                return self.path(name)
        except OSError:
            self.skipTest("no right to make device nodes")

    def test_devices_are_written_to_and_not_replaced(self):
        full, null = self.device("full", 7), self.device("null", 3)
        self.check_complaint(moire("run", self.model, "--json", full), INTERNAL, full, "space")
        self.check_code(moire("run", self.model, "--json", null), NOTHING)
        for device in (full, null):
            self.assertTrue(stat.S_ISCHR(os.stat(device).st_mode), device)

    def test_standard_output_by_name(self):
        os.symlink("/proc/self/fd/1", self.path("stdout"))
        outcome = moire("run", self.model, "--json", self.path("stdout"))
        self.check_code(outcome, NOTHING)
        self.assertFalse(json.loads(outcome.out[outcome.out.index("{") :])["bug"])
        self.assertTrue(os.path.islink(self.path("stdout")))

    def test_an_input_is_not_overwritten_by_json(self):
        with open(self.model, "rb") as file:
            before = file.read()
        self.assertFalse(json.loads(moire("run", "--json", self.model).out)["bug"])
        self.check_complaint(moire("run", self.model, "--json", self.model), USAGE, "--json")
        with open(self.model, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_full_standard_output(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(
                [MOIRE, "run", self.model], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        self.assertEqual(done.returncode, INTERNAL, done.stderr)
        self.assertIn("standard output", done.stderr)

    def test_files_cannot_grow(self):
        """A limit on the size of files instead of a full disk: works without rights to mount."""

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, 64 << 10))

        outcome = moire("fuzz", "--time", "5s", "--out", self.path("out"), preexec_fn=limit)
        self.check_complaint(outcome, INTERNAL, "cannot write", self.path("out"))

    def test_full_disk(self):
        place = self.path("disk")
        os.mkdir(place)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
        )
        if mounted.returncode != 0:
            self.skipTest("no right to mount a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=False)
        out = os.path.join(place, "out")
        # Space for the start, not for the corpus.
        with open(os.path.join(place, "ballast"), "wb") as file:
            file.write(bytes(300 << 10))
        outcome = moire("fuzz", "--jobs", 1, "--time", "60s", "--out", out)
        self.check_complaint(outcome, INTERNAL, out)
        self.findings(out)
        # With space again it goes on.
        os.remove(os.path.join(place, "ballast"))
        subprocess.run(["mount", "-o", "remount,size=200m", place], check=True)
        self.check_code(moire("fuzz", "--jobs", 1, "--cases", 200, "--time", "60s", "--out", out), NOTHING)
        self.findings(out)


if __name__ == "__main__":
    main()
