#!/usr/bin/env python3
"""Shows one finding. Needs onnx, numpy and onnxruntime; run it from anywhere: python3 repro.py

Runs model.onnx with the inputs of test_data_set_0 (and of 1, 2, ... where they exist, in the same session)
in a child process and prints one line, "BUG ..." or
"OK ...", with the worst element. Exit code 1 for BUG, 0 for OK, 2 where it cannot tell.
What is legal stands in expected.json: for each output element the range that a correct implementation of ONNX
may return ("open": elements that ONNX or the bound leave undecided). What failed stands in finding.json.
"""

import glob
import json
import math
import os
import pickle
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TIME_LIMIT = 60  # seconds; the slowest finding that is no hang takes less than one


def load(name):
    with open(os.path.join(HERE, name)) as file:
        return json.load(file)


def settings_of(configuration):
    """'ort@1.32.0:level=all,threads=2' -> {'level': 'all', 'threads': '2'}"""
    _, _, settings = configuration.rpartition(":")
    return dict(item.split("=", 1) for item in settings.split(",") if "=" in item)


def data_sets():
    """The directories with the inputs of each run, in order."""
    numbered = [os.path.join(HERE, f"test_data_set_{n}") for n in range(100)]
    return [directory for directory in numbered if os.path.isdir(directory)] or numbered[:1]


def map_of(proto):
    """The keys, integers or text, with the number or text of each."""
    import onnx

    def plain(value):
        return value.decode() if isinstance(value, bytes) else value

    keys = [plain(key) for key in proto.string_keys] or list(proto.keys)
    values = [onnx.numpy_helper.to_array(value).item() for value in proto.values.tensor_values]
    return {key: plain(value) for key, value in zip(keys, values)}


def run(configuration):
    """In the child: runs the model; returns ('outputs', arrays) or ('rejected', message) of the run that failed."""
    import onnx
    import onnxruntime

    settings = settings_of(configuration)
    run_options = load("finding.json")["options"]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = {
        "none": levels.ORT_DISABLE_ALL,
        "basic": levels.ORT_ENABLE_BASIC,
        "extended": levels.ORT_ENABLE_EXTENDED,
        "all": levels.ORT_ENABLE_ALL,
    }[settings.get("level", "all")]
    options.intra_op_num_threads = int(run_options["intra_op_threads"] or settings.get("threads", 1))
    if run_options["parallel_execution"]:
        options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    disabled = run_options["disabled_optimizers"] + settings.get("disable", "").split("+")
    model = onnx.load(os.path.join(HERE, "model.onnx"))
    runs = []
    for directory in data_sets():
        inputs = {}
        for path in glob.glob(os.path.join(directory, "input_*.pb")):
            number = int(path.rsplit("_", 1)[1][:-3])
            is_map = model.graph.input[number].type.HasField("map_type")
            value = onnx.MapProto() if is_map else onnx.TensorProto()
            with open(path, "rb") as file:
                value.ParseFromString(file.read())
            read = map_of if is_map else onnx.numpy_helper.to_array
            inputs[value.name or model.graph.input[number].name] = read(value)
        runs.append(inputs)
    options.enable_cpu_mem_arena = options.enable_mem_pattern = len(runs) > 1
    failing = load("finding.json")["verdict"].get("run", 0)
    try:
        session = onnxruntime.InferenceSession(
            os.path.join(HERE, "model.onnx"),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=[name for name in disabled if name],
        )
        for earlier in runs[:failing]:
            try:
                session.run(None, earlier)
            except Exception:  # a refusal of another run
                pass
        return "outputs", session.run(None, runs[failing])
    except Exception as problem:  # every kind of refusal is one
        return "rejected", str(problem).splitlines()[0]


def observe(configuration):
    """Runs it in a child: ('outputs', ...), ('rejected', ...), ('crashed', ...) or ('hung', ...)."""
    command = [sys.executable, os.path.abspath(__file__), "--child", configuration]
    # Memory that the runtime forgets to write holds 0x5a and not by luck 0.
    filled = {**os.environ, "MALLOC_PERTURB_": "165"}
    try:
        child = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=TIME_LIMIT,
            env=filled,
            cwd=os.sep,  # a runtime may look for external data here, and must not find the bundle's
        )
    except subprocess.TimeoutExpired:
        return "hung", f"no end after {TIME_LIMIT} s"
    if child.returncode < 0:
        return "crashed", signal.Signals(-child.returncode).name
    if child.returncode != 0:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        print("CANNOT TELL:", lines[-1] if lines else f"exit code {child.returncode}")
        sys.exit(2)
    return pickle.loads(child.stdout)


def outside(value, low, high):
    """How far a value lies outside [low, high], in units of its width (of the value if it has none)."""
    if isinstance(low, str) and low not in ("nan", "inf", "-inf"):
        return 0.0 if str(value) == low else 1.0
    if isinstance(low, int) and not isinstance(value, float):
        return float(abs(int(value) - low))
    value, low, high = float(value), float(low), float(high)
    if math.isnan(low) or math.isnan(value):
        return 0.0 if math.isnan(low) and math.isnan(value) else math.inf
    if low <= value <= high:
        return 0.0
    if math.isinf(value) or math.isinf(low) or math.isinf(high):
        return math.inf
    distance = max(low - value, value - high)
    return distance / ((high - low) or abs(low) or 1.0)


def type_name(array):
    return {"float32": "float", "float64": "double", "object": "string", "str": "string"}.get(
        array.dtype.name, array.dtype.name
    )


def judge(outputs, expected):
    """The worst difference as a line of text; None when every output is legal."""
    worst, text = 0.0, None
    for number, (array, want) in enumerate(zip(outputs, expected["outputs"])):
        if "unknown" in want:
            continue
        if list(array.shape) != want["shape"]:
            return f"output {number} has shape {list(array.shape)}, must be {want['shape']}"
        if type_name(array) != want["type"]:
            return f"output {number} has type {type_name(array)}, must be {want['type']}"
        high = want.get("high", want["low"])
        skipped = set(want["open"])
        for element, value in enumerate(array.reshape(-1).tolist()):
            if element in skipped:
                continue
            distance = outside(value, want["low"][element], high[element])
            if distance > worst:
                legal = f"[{want['low'][element]}, {high[element]}]"
                worst, text = distance, f"output {number} element {element} is {value}, legal is {legal}"
    return text


def compare(outputs, others):
    """Two configurations against each other, where there is no reference: the first difference."""
    for number, (a, b) in enumerate(zip(outputs, others)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"output {number} is {a.dtype}{list(a.shape)} here, {b.dtype}{list(b.shape)} there"
        for element, (x, y) in enumerate(zip(a.reshape(-1).tolist(), b.reshape(-1).tolist())):
            both = isinstance(x, float) and isinstance(y, float)
            same = abs(x - y) <= 0.01 * max(abs(x), abs(y)) + 1e-30 if both and x == x and y == y else x == y
            if not same and not (both and x != x and y != y):
                return f"output {number} element {element} is {x} here, {y} there"
    return None


def main():
    finding = load("finding.json")
    verdict = finding["verdict"]
    kind, configuration = verdict["verdict"], verdict["configuration"]
    how, what = observe(configuration)
    bug = None
    if how == "crashed":
        bug = f"the runtime died of {what}"
    elif how == "hung":
        bug = f"the runtime hangs: {what}"
    elif kind == "wrongly rejected" and how == "rejected":
        bug = f"refused a valid model: {what}"
    elif kind == "wrongly accepted" and how == "outputs":
        bug = f"accepted what ONNX calls an error: {load('expected.json')['reason']}"
    elif kind == "mismatch" and how == "outputs":
        if verdict["oracle"] == "levels":
            other, others = observe(verdict["against"])
            bug = compare(what, others) if other == "outputs" else None
        else:
            expected = load("expected.json")
            later = verdict.get("run", 0)
            bug = judge(what, expected["more_runs"][later - 1] if later else expected)
    import onnxruntime

    where = f"onnxruntime {onnxruntime.__version__}, {configuration}"
    if bug:
        print(f"BUG ({where}): {bug}")
        return 1
    note = f"refused: {what}" if how == "rejected" else "every output is legal" if how == "outputs" else how
    print(f"OK ({where}): {note}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--child":
        sys.stdout.buffer.write(pickle.dumps(run(sys.argv[2])))
        sys.exit(0)
    sys.exit(main())
