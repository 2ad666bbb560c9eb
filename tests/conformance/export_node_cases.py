#!/usr/bin/env python3
"""Exports the node cases that ship with the onnx package in the backend-test layout.

    export_node_cases.py [DIRECTORY]

DIRECTORY defaults to $MOIRE_HOME/node-cases (MOIRE_HOME: ~/.cache/moire). Does nothing when the
directory already holds the cases of the installed onnx version. The package carries the cases as
Python that computes expected values with NumPy; running it takes seconds.
"""

import os
import shutil
import sys

import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases


def serialize(value, value_info):
    """One input or output as its .pb file's bytes, by the declared type."""
    if isinstance(value, TensorProto):
        return value.SerializeToString()
    convert = {
        "map_type": numpy_helper.from_dict,
        "sequence_type": numpy_helper.from_list,
        "optional_type": numpy_helper.from_optional,
        "tensor_type": numpy_helper.from_array,
    }[value_info.type.WhichOneof("value")]
    return convert(value, value_info.name).SerializeToString()


def write_case(case, directory):
    os.makedirs(directory)
    with open(os.path.join(directory, "model.onnx"), "wb") as file:
        file.write(case.model.SerializeToString())
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = os.path.join(directory, f"test_data_set_{number}")
        os.makedirs(data)
        for kind, values, infos in (
            ("input", inputs, case.model.graph.input),
            ("output", outputs, case.model.graph.output),
        ):
            for i, value in enumerate(values):
                with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as file:
                    file.write(serialize(value, infos[i]))


def main():
    home = os.environ.get("MOIRE_HOME", os.path.expanduser("~/.cache/moire"))
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(home, "node-cases")
    stamp = os.path.join(target, "VERSION")
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read().strip() == onnx.__version__:
                return
    unfinished = target + ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    cases = collect_testcases()
    for case in cases:
        write_case(case, os.path.join(unfinished, case.name))
    with open(os.path.join(unfinished, "VERSION"), "w", encoding="utf-8") as file:
        file.write(onnx.__version__ + "\n")
    shutil.rmtree(target, ignore_errors=True)
    os.rename(unfinished, target)
    print(f"{len(cases)} cases in {target}")


if __name__ == "__main__":
    main()
