"""What "breadth" promises, point by point; the limits stand here, nowhere else."""

import fnmatch
import importlib.metadata
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ORT = "ort@1.32.0:level=none"
KNOWN = os.path.join(ROOT, "corpus", "known_findings", "onnxruntime-1.32.0.txt")


def scaled(m, full, least=1):
    return max(least, int(full * m.options.scale))


def explained(section):
    """Names and patterns of node cases in the tables and sentences of a section of docs/conformance.md."""
    with open(os.path.join(ROOT, "docs", "conformance.md"), encoding="utf-8") as file:
        sections = re.split(r"^## ", file.read(), flags=re.MULTILINE)
    text = next(part for part in sections if part.startswith(section))
    return re.findall(r"`([a-z0-9_*]+)`", text)


def unexplained(cases, section):
    patterns = explained(section)
    names = [case["name"].removeprefix("test_") for case in cases]
    return [name for name in names if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


# The output of these is random.
RANDOM = ("bernoulli*", "training_dropout", "training_dropout_default", "training_dropout_mask",
          "training_dropout_default_mask")


def conformance(m):
    """The official node cases on the reference and on ONNX Runtime, every exception explained in docs/conformance.md."""
    tool = m.tool("moire")
    reference = m.run_json(tool, "conformance", ok=(0, 1))
    random = [case["name"] for case in reference["not_judged"]
              if any(fnmatch.fnmatchcase(case["name"].removeprefix("test_"), name) for name in RANDOM)]
    m.figures["reference"] = {key: reference[key] for key in ("cases", "passed", "undetermined", "not_implemented")}
    m.figures["random"] = random
    m.check("cases", reference["cases"], ">=", 1884)
    determined = reference["cases"] - len(random)
    m.check("reference: passed of those whose output is determined", reference["passed"] / determined, ">=", 0.995)
    exceptions = reference["failed"] + reference["not_judged"]
    m.check("reference: exceptions without an explanation", unexplained(exceptions, "The reference"), "==", [])
    runtime = m.run_json(tool, "conformance", "--backend", ORT, ok=(0, 1))
    m.figures["runtime"] = {key: runtime[key] for key in ("cases", "passed", "undetermined", "not_implemented")}
    m.figures["runtime"]["failed"] = [case["name"] for case in runtime["failed"]]
    m.check("runtime: cases", runtime["cases"], ">=", 1884)
    m.check("runtime: failures without an explanation", unexplained(runtime["failed"], "ONNX Runtime 1.32.0"), "==", [])


def themselves(m):
    """A million cases against themselves written again: no alarm."""
    itself = m.run_json(
        m.tool("moire"), "fuzz", "--cases", scaled(m, 1_000_000, 200), "--jobs", 2, "--backend", ORT,
        "--backend", ORT + ",resaved=1", "--known", KNOWN, "--out", m.path("itself"))
    m.figures["itself"] = {key: itself[key] for key in ("cases", "seconds", "valid_share", "restarts")}
    m.figures["itself"]["causes"] = [f["cause"] for f in itself["findings"]]
    m.check("cases against themselves", itself["cases"], ">=", scaled(m, 1_000_000, 200))
    m.check("cases unlike themselves", [f["cause"] for f in itself["findings"] if f["verdict"] == "nondeterministic"], "==", [])
    described = [f["cause"] for f in itself["findings"] if f["state"] not in ("known", "open")]
    m.figures["itself"]["not_described"] = described


def stress_cases(m):
    """Sums that cancel, repeat or are long, deep chains: no alarm; the judgement's floors over the whole standard."""
    stress = m.run_json(
        m.tool("moire_planted"), "--stress", scaled(m, 100_000, 100), "--backend", ORT, "--seed", 1, ok=(0, 1))["stress"][0]
    m.figures["stress"] = stress
    m.check("cases judged", stress["judged"], ">=", scaled(m, 100_000, 100))
    m.check("kinds of data", len(stress["data"]), ">=", 15)
    m.check("cases of 65 536 terms", stress["lengths"].get("65536..131071", 0), ">=", scaled(m, 5000))
    m.check("cases of 32 nodes and more", stress["depths"].get("32..63", 0) + stress["depths"].get("64..127", 0), ">=", scaled(m, 5000))
    m.check("decidable share", stress["decidable"] / max(stress["elements"], 1), ">=", 0.75)
    m.check("alarms against level none", len(stress["alarms"]), "==", 0)
    twin = m.run_json(m.tool("moire_planted"), "--stress", scaled(m, 20_000, 100), "--seed", 2, ok=(0, 1))["stress"][0]
    m.check("alarms on the clean twin", len(twin["alarms"]), "==", 0)
    judgement_floors(m)


def judgement_floors(m):
    """The floors of the main job's point 5, over every operator and element type of the standard."""
    power = m.run_json(
        m.tool("moire_planted"), "--power", scaled(m, 50_000, 200), "--whole-standard", ok=(0, 1))["power"][0]
    m.figures["whole standard"] = power
    m.check("whole standard: cases that the reference evaluates", power["evaluated"] / power["cases"], ">=", 0.95)
    m.check("whole standard: decidable share", power["all"]["decidable"], ">=", 0.75)
    m.check("whole standard: decidable share of integers and bools", power["exact"]["decidable"], ">=", 0.95)
    m.check("whole standard: unspecified share", power["all"]["unspecified"], "<=", 0.05)
    m.check("whole standard: median bound of float32, log2", power["by_type"]["float"]["median_bound_log2"], "<=", -14)
    m.check("whole standard: faults of twice the bound reported", power["reported"] / max(power["faults"], 1), "==", 1.0)


def standard_operators():
    """Every operator of ONNX in its two domains that is not deprecated, by qualified name."""
    import onnx  # the environment of the runtime has it

    newest = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain in ("", "ai.onnx.ml"):
            known = newest.get((schema.domain, schema.name))
            if known is None or schema.since_version > known.since_version:
                newest[schema.domain, schema.name] = schema
    return {(domain + ":" if domain else "") + name for domain, name in newest}


def implemented_operators(m):
    """What ONNX Runtime implements, by its own account and by what it runs: the kernels that its Python module lists
    for the CPU, and the operators of the official node cases that it passes or gets wrong (functions have no kernel)."""
    import onnx
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    m.figures["kernels of"] = importlib.metadata.version("onnxruntime")
    names = {(kernel.domain + ":" if kernel.domain == "ai.onnx.ml" else "") + kernel.op_name
             for kernel in runtime.get_all_opkernel_def()
             if kernel.provider == "CPUExecutionProvider" and kernel.domain in ("", "ai.onnx", "ai.onnx.ml")}
    cases = os.path.join(os.environ.get("MOIRE_HOME", os.path.join(ROOT, ".moire")), "node-cases")
    report = m.run_json(m.tool("moire"), "conformance", "--backend", ORT, cases, ok=(0, 1))
    not_run = {case["name"] for case in report["not_judged"]}
    for name in os.listdir(cases):
        path = os.path.join(cases, name, "model.onnx")
        if name in not_run or not os.path.exists(path):
            continue
        names |= {(node.domain + ":" if node.domain == "ai.onnx.ml" else "") + node.op_type
                  for node in onnx.load(path).graph.node if node.domain in ("", "ai.onnx", "ai.onnx.ml")}
    return names & standard_operators()


def breadth(m):
    """200 000 cases of the whole standard: operators and types in valid graphs of several nodes, run on ONNX Runtime."""
    table = os.path.join(ROOT, "docs", "coverage.md") if m.options.scale == 1 else m.path("coverage.md")
    figures = json.loads(m.run(
        m.tool("moire_generate_stats"), "--whole-standard", "--cases", scaled(m, 200_000, 500), "--nodes", 10, "--check",
        "--backend", ORT, "--probe", "--table", table, "--json"))
    executed = set(figures.pop("executed_names"))
    implemented = implemented_operators(m)
    m.figures.update({key: figures[key] for key in (
        "cases", "malformed", "standard_operators", "ml_operators", "executed_operators", "schema_versions",
        "valid_element_types", "valid_share", "accepted_share", "unsupported_share", "deaths", "not_implemented")})
    m.figures["implemented by the runtime"] = len(implemented)
    m.check("cases", figures["cases"], ">=", scaled(m, 200_000, 500))
    m.check("operators of the default domain in valid graphs of several nodes", figures["standard_operators"], ">=", 200)
    m.check("operators of ai.onnx.ml in valid graphs of several nodes", figures["ml_operators"], ">=", 17)
    m.check("element types", figures["valid_element_types"], ">=", 24)
    m.check("operators that the runtime implements", len(implemented), ">=", 200)
    m.check("operators that the runtime implements and no case ran", sorted(implemented - executed), "==", [])
    m.check("accepted and run at level none", figures["accepted_share"], ">=", 0.97)


# Fault, and the share of its trials that must be caught.
POWER = {
    "one term of 256, 4e-3": 0.90,
    "one term of 256, 1e-2": 0.99,
    "one term of 2048 dropped": 0.85,
    "one factor of 64 outputs of MatMul, 1e-3": 0.90,
    "one factor of 64 outputs of Conv, 1e-3": 0.90,
    "wrong rounding of Cast": 1,
    "wrong rounding of QuantizeLinear": 1,
    "swapped rule for NaN": 1,
}


def power(m):
    """Faults of known size in data of equalised magnitudes: how many are caught, and none on the clean twins."""
    sizes = m.run_json(m.tool("moire_planted"), "--sizes", scaled(m, 2000, 20), ok=(0, 1))["sizes"][0]
    m.figures["sizes"] = sizes
    for fault, share in POWER.items():
        m.check(fault, sizes[fault]["caught"] / sizes[fault]["trials"], ">=", share)
    m.check("alarms on clean twins", sum(size["alarms"] for size in sizes.values()), "==", 0)


def bits(m):
    """Simulated backends of four precisions in every order of summation, told apart; ONNX Runtime's own table."""
    for lengths in ("64,1024", "24,300"):
        report = m.run_json(
            m.tool("moire_planted"), "--bits", scaled(m, 240, 20), "--lengths", lengths, "--seed", len(lengths), ok=(0, 1))["bits"][0]
        m.figures[f"lengths {lengths}"] = report
        m.check(f"{lengths}: backends", report["backends"], ">=", scaled(m, 200, 20))
        m.check(f"{lengths}: kinds", len(report["kinds"]), "==", 4)
        m.check(f"{lengths}: backends right in every operator at both lengths", report["right"] / report["backends"], ">=", 0.99)
        m.check(f"{lengths}: operators and lengths right", report["judged_right"] / report["judged"], ">=", 0.99)
    runtime = m.run_json(m.tool("moire"), "bits", "--backend", ORT)
    m.figures["runtime"] = runtime["classes"]
    m.check("operators of ONNX Runtime that were measured", sum(runtime["classes"].values()), ">=", 16)


def coverage(m):
    """Ten minutes from an empty corpus on one worker against the whole official node suite; the bench."""
    everything = m.path("node-cases")
    m.run(sys.executable, os.path.join(ROOT, "tests", "conformance", "export_node_cases.py"), everything)
    cover = m.run_json(m.tool("moire"), "cover", "--backend", "ort:level=none", "--backend", "ort:level=all", everything)
    fuzz = m.run_json(
        m.tool("moire"), "fuzz", "--time", f"{scaled(m, 600, 10)}s", "--jobs", 1, "--out", m.path("out"),
        "--backend", "ort:level=none", "--backend", "ort:level=all")
    m.figures["cover"] = {key: cover[key] for key in ("blocks_base", "blocks_accepted", "models", "accepted")}
    m.figures["fuzz"] = {key: fuzz[key] for key in ("cases", "seconds", "valid_share", "blocks_base", "blocks_new_by_accepted")}
    ratio = fuzz["blocks_new_by_accepted"] / max(cover["blocks_accepted"] - cover["blocks_base"], 1)
    m.check("new blocks by accepted cases over the node suite's, in ten minutes", ratio, ">=", 1)
    # Coverage only grows: what ten minutes reach, an hour reaches.
    m.check("the same within an hour", ratio, ">=", 1.6)
    bench = m.run_json(m.tool("moire"), "bench", "--cases", scaled(m, 5000, 100))
    m.figures["bench"] = {key: bench[key] for key in ("loop_ratio", "stage_shares")}
    m.check("loop ratio", bench["loop_ratio"], ">=", 0.70)


def values(m):
    """The value search: finite and decidable graphs of 10, 20 and 30 nodes, its cost, the operators with it and without."""
    cases = max(2000, int(40000 * m.options.scale))
    table = json.loads(m.run(m.tool("moire_generate_stats"), "--values", "--cases", cases, "--json"))
    rows = {(row["nodes"], row["search"]): row for row in table["rows"]}
    m.figures["rows"] = [{key: value for key, value in row.items() if key != "operators"} for row in table["rows"]]
    for nodes, share, milliseconds in ((10, 0.98, 0.15), (20, 0.96, 0.4), (30, 0.92, 1.0)):
        on, off = rows[nodes, True], rows[nodes, False]
        m.check(f"{nodes} nodes: float graphs", on["graphs"], ">=", cases // 2)
        m.check(f"{nodes} nodes: finite and decidable", on["good_share"], ">=", share)
        # The reference's own evaluation of every case, which a campaign does anyway, is counted too.
        cost = (on["reference_us"] + on["search_us"]) / 1000
        m.check(f"{nodes} nodes: ms a case", cost, "<=", milliseconds)
        wild = on["wild_share"] / off["wild_share"]
        m.check(f"{nodes} nodes: cases with NaN, infinities or extremes, with the search over without", wild, ">=", 0.9)
    counts = [{}, {}]
    for row in table["rows"]:
        for op, count in row["operators"].items():
            counts[row["search"]][op] = counts[row["search"]].get(op, 0) + count
    m.figures["nodes of each operator, without and with the search"] = {
        op: [counts[0][op], counts[1].get(op, 0)] for op in sorted(counts[0])
    }
    m.figures["largest fall"] = table["largest_fall"]
    m.check("operators compared", table["largest_fall"]["compared"], ">=", 100)
    m.check("largest fall of an operator's share", table["largest_fall"]["fall"], "<=", 0.1)


POINTS = {"1": conformance, "2": breadth, "3": values, "4": themselves, "4-stress": stress_cases, "5": power, "6": bits, "7": coverage}
