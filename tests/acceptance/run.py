#!/usr/bin/env python3
"""Acceptance at full size: `./moirew acceptance NAME [--point N]...` measures what NAME promises.

Each point runs the real binaries, writes down the commands and the figures, and says for each figure
whether it meets its limit. Results go to docs/acceptance/NAME.json, point by point as they come: a single
point may be run again without the others. Points: points_NAME.py beside this file (a dash becomes an underscore).
Exit code: 0 when every point that ran met its limits, 1 otherwise, 2 wrong usage.
"""

import argparse
import datetime
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Measurement:
    """One point: commands, figures, and the limits they were held against."""

    def __init__(self, options):
        self.options = options
        self.bin = options.bin
        self.source = ROOT
        self.commands, self.figures, self.checks = [], {}, []
        self.work = tempfile.mkdtemp(prefix="moire-acceptance-")

    def tool(self, name):
        return os.path.join(self.bin, name)

    def path(self, *names):
        return os.path.join(self.work, *names)

    def run(self, *arguments, **keywords):
        """Runs a command to its end; its standard output. Raises where it ends in another way."""
        return self.run_both(*arguments, **{"ok": (0,), **keywords}).stdout

    def run_both(self, *arguments, ok=None, timeout=4 * 3600, env=None, python=False):
        """The same with standard error and the code; any code where `ok` is None. `python`: a script of ours."""
        command = [sys.executable] * python + [str(argument) for argument in arguments]
        short = [os.path.basename(command[0]) if command[0].startswith("/") else command[0], *command[1:]]
        shown = " ".join(short).replace(self.work, "TMP").replace(ROOT + "/", "")
        shown = shown.replace(os.environ.get("MOIRE_HOME", ROOT + "/.moire"), "MOIRE_HOME")
        self.commands.append(" ".join(f"{k}={v}" for k, v in (env or {}).items())
                             .replace(self.work, "TMP").replace(self.bin, "BIN") + " " * bool(env) + shown)
        print(f"  $ {shown}", file=sys.stderr, flush=True)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=timeout, env={**os.environ, **(env or {})},
        )
        with open(self.path("log"), "a", encoding="utf-8") as log:
            log.write(f"$ {shown}\n{done.stdout}\n{done.stderr}\n")
        if ok is not None and done.returncode not in ok:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise RuntimeError(f"exit code {done.returncode}: {shown}\n{tail}")
        return done

    def run_json(self, *arguments, **keywords):
        """Runs a command with --json FILE added; what the file holds."""
        file = self.path(f"figures-{len(self.commands)}.json")
        self.run(*arguments, "--json", file, **keywords)
        with open(file, encoding="utf-8") as opened:
            return json.load(opened)

    def check(self, name, value, relation, limit):
        holds = {
            ">=": lambda: value >= limit,
            "<=": lambda: value <= limit,
            "==": lambda: value == limit,
        }[relation]()
        self.checks.append({"figure": name, "value": value, "relation": relation, "limit": limit, "met": bool(holds)})
        print(f"  {'met' if holds else 'NOT MET'}: {name} = {value} ({relation} {limit})", file=sys.stderr, flush=True)


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def measure(number, point, options):
    print(f"point {number}: {point.__doc__.splitlines()[0]}", file=sys.stderr, flush=True)
    measurement = Measurement(options)
    # Of what is measured; a point may write a document of its own.
    changed = bool(git("status", "--porcelain", "--untracked-files=no"))
    start = time.monotonic()
    error = None
    try:
        point(measurement)
    except Exception as caught:  # pylint: disable=broad-except  # the other points go on
        error = f"{type(caught).__name__}: {caught}"
        print(f"  NOT MET: {error}", file=sys.stderr, flush=True)
    result = {
        "about": re.sub(r"\s+", " ", point.__doc__).strip(),
        "commit": git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else ""),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(time.monotonic() - start, 1),
        "scale": options.scale,
        "commands": measurement.commands,
        "figures": measurement.figures,
        "checks": measurement.checks,
        # A point run at a smaller size is a rehearsal: it cannot meet what is asked of the full size.
        "met": error is None and options.scale == 1 and bool(measurement.checks) and all(check["met"] for check in measurement.checks),
    }
    if error is not None:
        result["error"] = error.replace(measurement.work, "TMP")
    if options.keep:
        print(f"  kept: {measurement.work}", file=sys.stderr)
    else:
        shutil.rmtree(measurement.work, ignore_errors=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="what to accept: main-job, synth, breadth")
    parser.add_argument("--point", action="append", default=[], help="only this one; repeat for more")
    parser.add_argument("--scale", type=float, default=1, help="share of the full size, to rehearse: 0.01")
    parser.add_argument("--bin", default=os.path.join(os.environ.get("MOIRE_BUILD", os.path.join(ROOT, "build")), "bin"))
    parser.add_argument("--json", help="where the results go; default docs/acceptance/NAME.json")
    parser.add_argument("--keep", action="store_true", help="keep the working directories")
    options = parser.parse_args()
    module = "points_" + options.name.replace("-", "_")
    if not os.path.exists(os.path.join(HERE, module + ".py")):
        parser.error(f"no acceptance named '{options.name}'")
    points = importlib.import_module(module).POINTS
    unknown = [number for number in options.point if number not in points]
    if unknown:
        parser.error(f"no point {', '.join(unknown)}; there are {', '.join(points)}")
    path = options.json or os.path.join(ROOT, "docs", "acceptance", options.name + ".json")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    good = True
    for number in options.point or points:
        result = measure(number, points[number], options)
        good = good and result["met"]
        report = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        report[number] = result
        ordered = {key: report[key] for key in sorted(report, key=lambda key: (len(key), key))}
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(ordered, file, indent=1)
            file.write("\n")
        os.replace(path + ".new", path)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
