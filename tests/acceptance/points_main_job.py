"""What "main-job" promises, point by point; the limits stand here, nowhere else."""

import contextlib
import fnmatch
import glob
import json
import os
import re
import sqlite3
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOME = os.environ.get("MOIRE_HOME", os.path.join(ROOT, ".moire"))
MOIRE_PYTHON = sys.executable


def scaled(m, full, least=1):
    return max(least, int(full * m.options.scale))


def set_up(m):
    """Two commands on a bare Debian 12: from nothing to the first case, and the tests."""
    out = m.run(os.path.join(ROOT, "tests", "setup", "bare_root.sh"), ok=(0,))
    m.figures["output"] = out.splitlines()[-8:]
    m.check("both commands worked", 1, "==", 1)


def speed(m):
    """The whole loop against a bare loop over the runtime's C API, in one run."""
    figures = m.run_json(m.tool("moire"), "bench", "--cases", scaled(m, 5000, 50))
    m.figures.update(figures)
    m.check("loop_ratio", figures["loop_ratio"], ">=", 0.70)
    m.check("median_elements", figures["median_elements"], "<=", 4096)
    m.check("blocks_armed", figures["blocks_armed"], ">=", 900_000)
    m.check("arming_seconds", figures["arming_seconds"], "<=", 1.5)
    m.check("armed_speed_ratio", figures["armed_speed_ratio"], ">=", 0.97)


def distribution(m):
    """Generated models: accepted, mixed, deep, of every operator and type."""
    tool = m.tool("moire_generate_stats")
    figures = json.loads(m.run(
        tool, "--cases", scaled(m, 10000, 100), "--nodes", 10, "--backend", "ort:level=none", "--probe", "--json"))
    m.figures.update(figures)
    m.check("accepted_share", figures["accepted_share"], ">=", 0.97)
    m.check("mean_nodes", figures["mean_nodes"], ">=", 8)
    m.check("operators", figures["operators"], ">=", 80)
    m.check("element_types", figures["element_types"], ">=", 9)
    m.check("from_nodes", figures["from_nodes"], ">=", 0.60)
    m.check("largest_share", figures["largest_share"], "<=", 0.05)
    m.check("plain_share", figures["plain_share"], "<=", 0.12)
    m.check("fewest_neighbours", figures["fewest_neighbours"], ">=", 30)
    m.check("triples", figures["triples"], ">=", 2500)
    m.check("deep_share", figures["deep_share"], ">=", 1 / 3)
    # The runtime's log names the graph transformers that modified a graph.
    optimised = json.loads(m.run(
        tool, "--cases", scaled(m, 10000, 100), "--nodes", 10, "--backend", "ort:level=all,log=1", "--probe", "--json"))
    m.figures["transformers"] = optimised["transformers"]
    m.check("transformers", len(optimised["transformers"]), ">=", 15)


def operators_made(m):
    """Names of the operators that the generator makes."""
    shown = m.run(m.tool("moire_generate_stats"), "--cases", 3000, "--show")
    return set(re.findall(r"^(\w+) +\d+  next to", shown, re.MULTILINE))


def node_cases(m):
    """The official cases, and of them those whose operators the generator makes, too."""
    import onnx  # the runtime's environment has it; reading the other points needs no onnx

    everything = m.path("node-cases")
    m.run(MOIRE_PYTHON, os.path.join(ROOT, "tests", "conformance", "export_node_cases.py"), everything)
    made = operators_made(m)
    same = m.path("same-operators")
    os.mkdir(same)
    for directory in sorted(glob.glob(everything + "/*/")):
        model = onnx.load(os.path.join(directory, "model.onnx"))
        if all(node.op_type in made for node in model.graph.node):
            name = os.path.basename(directory.rstrip("/"))
            os.symlink(directory, os.path.join(same, name))
    m.figures["node_cases"] = len(os.listdir(everything)) - 1
    m.figures["node_cases_of_same_operators"] = len(os.listdir(same))
    return same


def coverage(m):
    """Ten minutes from an empty corpus on one worker against the official node cases."""
    same = node_cases(m)
    cover = m.run_json(m.tool("moire"), "cover", "--backend", "ort:level=none", "--backend", "ort:level=all", same)
    fuzz = m.run_json(
        m.tool("moire"), "fuzz", "--time", f"{scaled(m, 600, 10)}s", "--jobs", 1, "--out", m.path("out"),
        "--backend", "ort:level=none", "--backend", "ort:level=all")
    m.figures["cover"] = {key: cover[key] for key in ("blocks_base", "blocks_reached", "blocks_accepted", "models", "accepted")}
    m.figures["fuzz"] = {key: fuzz[key] for key in (
        "cases", "seconds", "valid_share", "blocks_total", "blocks_base", "blocks_reached", "blocks_new_by_accepted")}
    official = cover["blocks_accepted"] - cover["blocks_base"]
    m.check("new blocks by accepted cases over the node cases'", fuzz["blocks_new_by_accepted"] / max(official, 1), ">=", 1.5)
    m.check("blocks in all, accepted cases", fuzz["blocks_base"] + fuzz["blocks_new_by_accepted"], ">=", 90_000)


def judgement(m):
    """What the judge can decide, what it finds of planted faults, and that the clean twin is left alone."""
    tool = m.tool("moire_planted")
    power = m.run_json(tool, "--power", scaled(m, 20000, 50), ok=(0, 1))["power"][0]
    m.figures["power"] = power
    m.check("cases that the reference evaluates", power["evaluated"] / power["cases"], ">=", 0.95)
    m.check("decidable share", power["all"]["decidable"], ">=", 0.75)
    m.check("decidable share of integers and bools", power["exact"]["decidable"], ">=", 0.95)
    m.check("unspecified share", power["all"]["unspecified"], "<=", 0.05)
    m.check("median bound of float32, log2", power["by_type"]["float"]["median_bound_log2"], "<=", -14)
    m.check("faults of twice the bound reported", power["reported"] / max(power["faults"], 1), "==", 1.0)
    twin = m.run_json(tool, "--twin", scaled(m, 100_000, 100), ok=(0, 1))["twin"][0]
    m.figures["twin"] = {"cases": twin["cases"], "alarms": len(twin["alarms"]), "verdicts": twin["verdicts"]}
    m.check("alarms on the clean twin", len(twin["alarms"]), "==", 0)
    faults = m.run_json(
        tool, "--faults", "all", "--seeds", 10, "--cases", scaled(m, 20000, 200), "--findings", 20,
        "--jobs", 2, "--bundles", m.path("bundles"), ok=(0, 1))["faults"]
    m.figures["faults"] = faults
    m.check("kinds of fault", len({fault["kind"] for fault in faults}), ">=", 15)
    m.check("fewest seeds of 10 that found the fault", min(fault["found_in"] for fault in faults), ">=", 9)
    m.check("fewest findings of a fault", min(fault["investigated"] for fault in faults), ">=", 20)
    m.check("most nodes after reduction", max(fault["most_nodes"] for fault in faults), "<=", 3)
    # Confirmed, or for the two faults that depend on earlier runs what does not repeat.
    m.check("findings that do not stand as they must", sum(fault["misjudged"] for fault in faults), "==", 0)
    confirmed = sum(fault["standings"].get("confirmed", 0) for fault in faults)
    m.check("confirmed findings not replayed from their bundle", confirmed - sum(fault["replayed"] for fault in faults), "==", 0)
    # A fault that makes results random has no cause to group by.
    grouped = [fault for fault in faults if fault["causes"]]
    mean = sum(len(fault["causes"]) for fault in grouped) / max(len(grouped), 1)
    m.check("causes a fault, mean", mean, "<=", 1.5)
    owners = [cause for fault in grouped for cause in fault["causes"]]
    m.check("causes shared by two faults", len(owners) - len(set(owners)), "==", 0)


def campaign(m, name, backend, seconds):
    """A campaign from an empty corpus; its findings with bundles."""
    report = m.run_json(
        m.tool("moire"), "fuzz", "--time", f"{seconds}s", "--out", m.path(name), "--backend", backend)
    return report


KNOWN = os.path.join(ROOT, "corpus", "known_findings", "onnxruntime-1.32.0.txt")


def described_rows(path):
    """Rows of docs/findings.md that the list of known causes points at."""
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r"# row (\d+)", file.read()))


def newest(m):
    """Half an hour on the newest release: every distinct finding is described in docs/findings.md.

    MOIRE_NEWEST_CAMPAIGN names a finished campaign's directory: reading what it found takes a person's time, after which
    the same campaign is held against what was written.
    """
    out = os.environ.get("MOIRE_NEWEST_CAMPAIGN")
    wanted = scaled(m, 1800, 20)
    report = m.run_json(
        m.tool("moire"), "fuzz", "--time", "1s" if out else f"{wanted}s", "--out", out or m.path("newest"),
        "--backend", "ort@1.32.0", "--known", KNOWN)
    with contextlib.closing(sqlite3.connect(os.path.join(out or m.path("newest"), "moire.db"))) as database:
        m.figures["seconds"], m.figures["cases"] = database.execute("SELECT max(seconds), max(cases) FROM stats").fetchone()
    findings = report["findings"]
    m.figures["findings"] = [
        {key: f[key] for key in ("cause", "state", "verdict", "operators", "nodes", "times_seen")} for f in findings]
    missing = [f["cause"] for f in findings if f["state"] == "new"]
    m.figures["not_described"] = missing
    with open(os.path.join(ROOT, "docs", "findings.md"), encoding="utf-8") as file:
        text = file.read()
    rows = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
    m.check("seconds", m.figures["seconds"], ">=", wanted - 5)
    m.check("findings that are not described", len(missing), "==", 0)
    m.check("known causes without a row in docs/findings.md", len(described_rows(KNOWN) - rows), "==", 0)
    m.check("distinct causes", len(findings), ">=", 5)
    m.check("causes without a crash", sum(f["verdict"] != "crash" for f in findings), ">=", 2)
    # A mistake of our own is mended when its case is judged right. A death in the ONNX library stays what it is.
    ours = [f for f in findings if f["state"] == "ours"]
    deaths = [f["cause"] for f in ours if f["verdict"] == "oracle error"]
    with open(KNOWN, encoding="utf-8") as file:
        patterns = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    left = [f["cause"] for f in ours if f["cause"] not in deaths and m.run_json(
        m.tool("moire"), "run", os.path.join(out or m.path("newest"), f["bundle"]), "--backend", "ort@1.32.0", ok=(0, 1))["bug"]]
    left += [cause for cause in deaths if not any(fnmatch.fnmatch(cause, pattern) for pattern in patterns)]
    m.figures["mistakes_of_our_own"], m.figures["mistakes_left"] = [f["cause"] for f in ours], left
    m.check("mistakes of our own that are left", len(left), "==", 0)
    m.check("share of causes that ONNX leaves open", sum(f["state"] == "open" for f in findings) / max(len(findings), 1), "<=", 0.25)


def fixed_since(m):
    """On 1.22.1: causes that 1.32.0 has fixed, found from an empty corpus; run tells both apart."""
    report = campaign(m, "older", "ort@1.22.1", scaled(m, 300, 20))
    fixed = []
    for finding in report["findings"]:
        if finding["state"] == "ours":
            continue
        states = {}
        for release in ("1.22.1", "1.32.0"):
            judged = m.run_json(m.tool("moire"), "run", finding["bundle"], "--backend", f"ort@{release}", ok=(0, 1))
            # Nothing judged is nothing shown.
            said = {row["verdict"] for row in judged["verdicts"]}
            states[release] = "bug" if judged["bug"] else "clean" if "match" in said else "unjudged"
        if states == {"1.22.1": "bug", "1.32.0": "clean"}:
            fixed.append(finding)
    m.figures["findings"] = len(report["findings"])
    m.figures["fixed"] = [{key: f[key] for key in ("cause", "verdict", "operators", "reason")} for f in fixed]
    m.check("causes that 1.32.0 has fixed", len(fixed), ">=", 4)
    m.check("of them silent wrong results", sum(f["verdict"] == "mismatch" for f in fixed), ">=", 2)


def unit_tests(m, name, env=None):
    script = os.path.join(ROOT, "tests", "e2e", name)
    m.run(MOIRE_PYTHON, script, env={"MOIRE_BIN": m.bin, **(env or {})})


def rate_between(out, start, end):
    """Cases a second of a campaign between two moments, from its store."""
    with contextlib.closing(sqlite3.connect(os.path.join(out, "moire.db"))) as database:
        rows = database.execute(
            "SELECT seconds, cases FROM stats WHERE seconds BETWEEN ? AND ? ORDER BY seconds", (start, end)).fetchall()
    (first_seconds, first_cases), (last_seconds, last_cases) = rows[0], rows[-1]
    return (last_cases - first_cases) / max(last_seconds - first_seconds, 1e-3)


# Each is reached by at least one generated case in fifty.
FREQUENT = {
    "crash": "fault=crash,op=Gather,type=float",
    "mismatch": "fault=swapped,op=Sub,type=float",
}
# A frequent crash with a second fault beside it, in the same operator.
SECOND = {
    "another type": "fault=crash,op=Gather,type=float,fault2=segfault,op2=Gather,type2=int32",
    "another attribute": "fault=crash,op=Cast,to=float16,fault2=segfault,op2=Cast,to2=int32",
}


def faulty_campaign(m, name, settings, seconds, mended_after=None):
    """One worker on the fault-injecting runtime; the file that mends it appears in mid-campaign."""
    out, mended = m.path(name), m.path(name + ".mended")
    backend = "faulty" + (":" + settings if settings else "")
    if mended_after is None:
        return m.run_json(
            m.tool("moire-faulty"), "fuzz", "--time", f"{seconds}s", "--jobs", 1, "--feedback", "sanitizer",
            "--backend", backend, "--out", out)

    def mend():
        write_rules(m.path(name + ".rules.json"), rules_of(os.path.join(out, "rules.json")))
        with open(mended, "w", encoding="utf-8"):
            pass

    timer = threading.Timer(mended_after, mend)
    timer.start()
    report = m.run_json(
        m.tool("moire-faulty"), "fuzz", "--time", f"{seconds}s", "--jobs", 1, "--feedback", "sanitizer",
        "--backend", f"{backend},unless={mended}", "--out", out)
    timer.join()
    return report


def rules_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_rules(path, rules):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(rules, file)


def width(m, settings, rules):
    write_rules(m.path("held.json"), rules)
    return m.run_json(
        m.tool("moire_planted"), "--spec", "faulty:" + settings, "--rules", m.path("held.json"),
        "--rule-cases", scaled(m, 20000, 1000))["rule_width"][0]


def frequent(m):
    """A fault that one case in fifty hits: costs little, is reported once, is forgotten when it is mended."""
    half, whole = scaled(m, 300, 75), scaled(m, 600, 150)
    faulty_campaign(m, "twin", "", half)
    twin = rate_between(m.path("twin"), min(60, half / 2), half)
    m.figures["twin"] = {"cases_per_second": twin}
    for name, settings in FREQUENT.items():
        report = faulty_campaign(m, name, settings, whole, mended_after=half)
        rate = rate_between(m.path(name), min(60, half / 2), half)
        real = [f for f in report["findings"] if f["state"] != "ours"]
        m.figures[name] = {
            "cases_per_second": rate, "restarts": report["restarts"], "avoided_share": report["avoided_share"],
            "findings": [{key: f[key] for key in ("cause", "operators", "nodes", "times_seen")} for f in report["findings"]],
        }
        m.check(f"{name}: cases/s over the twin's, after the first minute", rate / twin, ">=", 0.8)
        m.check(f"{name}: reported", len(real), "==", 1)
        m.check(f"{name}: mistakes of our own", len(report["findings"]) - len(real), "==", 0)
        m.check(f"{name}: rules left after it was mended", len(rules_of(m.path(name, "rules.json"))), "==", 0)
        rules = rules_of(m.path(name + ".rules.json"))
        fit = width(m, settings, rules)
        m.figures[name]["width"] = fit
        m.check(f"{name}: share of cases that reach it", fit["reached"] / fit["cases"], ">=", 0.02)
        if name == "crash":
            m.check("rules in force before it was mended", len(rules), ">=", 1)
            m.check("clean cases with the operator that are avoided", fit["clean_avoided"] / max(fit["clean"], 1), "<=", 0.10)


def second_fault(m):
    """Behind a frequent crash: a second fault in the same operator under another attribute or type."""
    for name, settings in SECOND.items():
        out = "second-" + name.replace(" ", "-")
        report = faulty_campaign(m, out, settings, scaled(m, 300, 75))
        # How long the second takes is decided by the rules of the first: those that avoid more of it.
        first = []
        for rule in rules_of(m.path(out, "rules.json")):
            fit = width(m, settings, [rule])
            if fit["reached_avoided"] * fit["second"] >= fit["second_avoided"] * fit["reached"]:
                first.append(rule)
        fit = width(m, settings, first)
        m.figures[out] = {
            "findings": [{key: f[key] for key in ("cause", "times_seen")} for f in report["findings"]], "width": fit}
        m.check(f"{name}: both faults are reported", len(report["findings"]), "==", 2)
        m.check(f"{name}: rules of the first fault", len(first), ">=", 1)
        left = fit["second"] - fit["second_avoided"]
        m.check(f"{name}: cases to the second fault, with the rule over without", fit["second"] / max(left, 1e-9), "<=", 2.0)


def avoided(m):
    """What share of a default campaign is steered around known crashes."""
    default = m.run_json(
        m.tool("moire"), "fuzz", "--time", f"{scaled(m, 300, 75)}s", "--out", m.path("default"))
    m.figures["default"] = {key: default[key] for key in ("cases", "seconds", "avoided_share", "restarts")}
    m.check("avoided share of a default campaign", default["avoided_share"], "<=", 0.05)


def kills(m):
    """Kill -9 of the supervisor or a worker at random moments."""
    figures = m.path("kills.json")
    rounds = scaled(m, 50, 2)
    unit_tests(m, "kill_and_resume_test.py", {"MOIRE_KILL_ROUNDS": str(rounds), "MOIRE_KILL_JSON": figures})
    with open(figures, encoding="utf-8") as file:
        m.figures.update(json.load(file))
    m.check("rounds without a loss", m.figures["rounds"], ">=", 50)


def wrong_inputs(m):
    """Wrong input: one clear line, the right exit code."""
    unit_tests(m, "wrong_inputs_test.py")
    m.check("tests passed", 1, "==", 1)


POINTS = {
    "1": set_up,
    "2": speed,
    "3": distribution,
    "4": coverage,
    "5": judgement,
    "6": newest,
    "7": fixed_since,
    "8": frequent,
    "8-second": second_fault,
    "8-default": avoided,
    "9": kills,
    "10": wrong_inputs,
}
