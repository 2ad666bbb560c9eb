#!/usr/bin/env python3
"""`moire reduce` beside `polygraphy debug reduce` on the same failing graphs, with the same program as judge.

Every run of the judge writes a line (time, fails, nodes), so that for both tools it is known how many checks
and seconds it took until the first failing model with so many nodes. Times are of the whole command.

    polygraphy.py --bin BUILD/bin [--only NAME] [--json FILE] [--table docs/side-by-side.md]
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
MARK = "<!-- made by tests/side_by_side/polygraphy.py -->\n"


def count_nodes(graph):
    bodies = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return len(graph.node) + sum(count_nodes(body) for body in bodies)


def timed(command, log, judge_codes, cwd):
    """Runs to the end: (lines of the log as (seconds, fails, nodes), seconds)."""
    start_clock, start = time.time(), time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, errors="replace", check=False, timeout=900)
    seconds = time.monotonic() - start
    if done.returncode not in judge_codes:
        raise RuntimeError(f"exit code {done.returncode}: {' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    lines = []
    if os.path.exists(log):
        with open(log, encoding="utf-8") as file:
            for line in file:
                at, fails, nodes = line.split()
                lines.append((float(at) - start_clock, fails == "1", int(nodes)))
    return lines, seconds


def until(lines, nodes):
    """(checks, seconds) until the first failing model with at most so many nodes."""
    for index, (seconds, fails, seen) in enumerate(lines):
        if fails and seen <= nodes:
            return index + 1, seconds
    return None, None


def describe(model, lines, seconds):
    loaded = onnx.load(model)
    return {
        "nodes": count_nodes(loaded.graph), "bytes": os.path.getsize(model), "checks": len(lines),
        "seconds": round(seconds, 2),
    }


def write_judge(work, options, name, log):
    """A program that exits with 1 where the model in its argument fails, and logs that."""
    path = log + ".sh"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {options.bin}/moire_bank --check {name} --log {log} "$1"\n')
    os.chmod(path, 0o755)
    return path


def compare(model, name, options, polygraphy, work):
    own = os.path.join(work, "moire.log")
    lines, seconds = timed(
        [f"{options.bin}/moire", "reduce", model, "--check", write_judge(work, options, name, own), "-o", "reduced",
         "--seconds", "600", "--json", "moire.json"], own, (1,), work,
    )
    with open(os.path.join(work, "moire.json"), encoding="utf-8") as file:
        report = json.load(file)
    ours = describe(os.path.join(work, report["bundle"], "model.onnx"), lines, seconds)
    ours["minimal"] = report["minimal"]

    other = os.path.join(work, "polygraphy.log")
    other_lines, seconds = timed(
        [*polygraphy, "debug", "reduce", model, "-o", "reduced.onnx", "--check",
         write_judge(work, options, name, other), "polygraphy_debug.onnx"], other, (0, 1), work,
    )
    reduced = os.path.join(work, "reduced.onnx")
    theirs = describe(reduced if os.path.exists(reduced) else model, other_lines, seconds)
    ours["checks_to"], ours["seconds_to"] = until(lines, theirs["nodes"])
    theirs["checks_to"], theirs["seconds_to"] = until(other_lines, theirs["nodes"])
    return {"graph": name, "nodes": count_nodes(onnx.load(model).graph), "bytes": os.path.getsize(model),
            "ours": ours, "theirs": theirs}


def table(rows):
    text = [
        "# Beside Polygraphy\n", MARK,
        "`tests/side_by_side/polygraphy.py`: `moire reduce --check` and `polygraphy debug reduce --check` (0.53.6, its default",
        "mode) on graphs of the bank, with the same program as judge. *To its nodes*: until the first failing model with no more nodes",
        "than Polygraphy's result. *To the end*: for Moire until 1-minimality is proven. Seconds are of the whole command.\n",
        "| graph | nodes | result: Moire | Polygraphy | bytes: Moire | Polygraphy | checks to its nodes: Moire | Polygraphy "
        "| seconds to its nodes: Moire | Polygraphy | checks to the end: Moire | Polygraphy | seconds to the end: Moire | Polygraphy |",
        "|" + "---|" * 14,
    ]
    for row in rows:
        a, b = row["ours"], row["theirs"]
        pairs = [("nodes", "{}"), ("bytes", "{}"), ("checks_to", "{}"), ("seconds_to", "{:.1f}"), ("checks", "{}"), ("seconds", "{:.1f}")]
        cells = [form.format(side[key]) if side[key] is not None else "-" for key, form in pairs for side in (a, b)]
        text.append(f"| {row['graph']} | {row['nodes']} | " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="where moire and moire_bank are")
    parser.add_argument("--only", default="", help="graphs whose name holds this")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--table", help="document to write")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    done = subprocess.run([os.path.join(HERE, "install_polygraphy.sh")], stdout=subprocess.PIPE, text=True, check=True)
    program = done.stdout.strip()
    python = os.path.join(program.split("/lib/python3")[0], "bin", "python")
    rows = []
    with tempfile.TemporaryDirectory(prefix="moire-side-") as root:
        subprocess.run([f"{options.bin}/moire_bank", "--save", root], check=True)
        for model in sorted(glob.glob(os.path.join(root, "*.onnx"))):
            name = os.path.basename(model).removesuffix(".onnx")
            if options.only not in name:
                continue
            work = os.path.join(root, name)
            os.makedirs(work)
            rows.append(compare(model, name, options, [python, program], work))
            shutil.rmtree(work)
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"side_by_side": rows}, file, indent=1)
    if options.table:
        with open(options.table, "w", encoding="utf-8") as file:
            file.write(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
