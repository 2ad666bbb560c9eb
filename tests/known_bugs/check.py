#!/usr/bin/env python3
"""Runs a directory of real bugs against released runtimes and prints who says what.

Each bug is a backend-test directory whose about.json names releases as "bug" or "clean"
("releases": {"1.22.1": "bug", ...}). `moire run` must exit with 1 on the first and 0 on the second.

    tests/known_bugs/check.py MOIRE [--releases 1.22.1,1.32.0] [--backend ort] [--json FILE] [DIR...]

Exit code 1 when any verdict is wrong, 77 (skipped, for ctest) when no named release is installed.
"""

import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ANSWERS = {0: "clean", 1: "bug"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("moire", help="the moire binary")
    parser.add_argument("directories", nargs="*", default=[os.path.join(ROOT, "corpus", "known_bugs")])
    parser.add_argument("--releases", help="comma-separated; default: every installed one")
    parser.add_argument("--backend", default="ort")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one run")
    parser.add_argument("--json", help="file for every verdict")
    return parser.parse_args()


def installed(moire, backend):
    out = subprocess.run([moire, "backends", "list", "--json"], capture_output=True, text=True, check=True)
    rows = json.loads(out.stdout)
    rows = rows["backends"] if isinstance(rows, dict) else rows
    return [row["version"] for row in rows if row["name"] == backend and row["installed"]]


def bugs(directories):
    for directory in directories:
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if os.path.exists(os.path.join(path, "about.json")):
                with open(os.path.join(path, "about.json")) as file:
                    yield name, path, json.load(file)


def judge(moire, path, spec, timeout):
    """(answer, the worst verdict's reason)"""
    try:
        run = subprocess.run(
            [moire, "run", path, "--backend", spec, "--json"], capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return "timeout", f"no answer after {timeout} s"
    answer = ANSWERS.get(run.returncode, f"exit {run.returncode}")
    if answer not in ANSWERS.values():
        return answer, run.stderr.strip()[-200:]
    rows = json.loads(run.stdout)["verdicts"]
    worst = max(rows, key=lambda row: row["severity"], default={})
    return answer, f"{worst.get('verdict')}: {worst.get('reason')}"


def main():
    args = arguments()
    releases = args.releases.split(",") if args.releases else installed(args.moire, args.backend)
    wrong, total, table = 0, 0, []
    width = max((len(name) for name, _, _ in bugs(args.directories)), default=10)
    print(f"{'':{width}} " + " ".join(f"{release:>9}" for release in releases))
    for name, path, about in bugs(args.directories):
        cells = []
        for release in releases:
            expected = about["releases"].get(release)
            if expected is None:
                cells.append(f"{'-':>9}")
                continue
            answer, reason = judge(args.moire, path, f"{args.backend}@{release}", args.timeout)
            total += 1
            good = answer == expected
            wrong += not good
            cells.append(f"{answer if good else answer.upper() + ' !':>9}")
            table.append(
                {"bug": name, "release": release, "expected": expected, "answer": answer, "reason": reason}
            )
        print(f"{name:{width}} " + " ".join(cells), flush=True)
    for row in table:
        if row["answer"] != row["expected"]:
            print(f"WRONG {row['bug']} {row['release']}: {row['answer']}, must be {row['expected']}: {row['reason']}")
    print(f"{total - wrong} of {total} right")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(table, file, indent=1)
    if total == 0:
        return 77
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
