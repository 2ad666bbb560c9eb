"""What "synth" promises, point by point; the limits stand here, nowhere else."""

import glob
import json
import os
import statistics
import time

# Of the model whose layer is faulty, as tests/faulty/layer.h names them.
LAYER_FAULTS = ("crash", "doubled", "nan", "reject")
RELEASE = "1.32.0"


def share(values):
    values = list(values)
    return sum(values) / len(values) if values else 0


def bank(m):
    """The bank of failing graphs: size, minimality verified independently, beside the two baselines."""
    rows = m.run_json(m.tool("moire_bank"), "--graphs")["graphs"]
    m.figures["graphs"] = rows
    m.check("graphs", len(rows), ">=", 60)
    m.check("graphs without a result", sum(1 for row in rows if row["error"]), "==", 0)
    ours = [row["ours"] for row in rows]
    m.check("median nodes", statistics.median(row["nodes"] for row in ours), "<=", 3)
    m.check("share verified 1-minimal", share(row["verified"] for row in rows), ">=", 0.95)
    no_larger = share(row["ours"]["nodes"] <= min(row["chunks"]["nodes"], row["cut"]["nodes"]) for row in rows)
    m.check("share no larger than either baseline", no_larger, ">=", 0.90)
    ratio = [
        row["checks_to_chunks"] / row["chunks"]["checks"] if row["checks_to_chunks"] >= 0 else float("inf")
        for row in rows
    ]
    m.check("median of checks to the chunks' result / the chunks' checks", statistics.median(ratio), "<=", 0.5)


def two_causes(m):
    """Two causes among 300 nodes, and causes in bodies: the smallest form, in under 10 s each."""
    rows = m.run_json(m.tool("moire_bank"), "--graphs")["graphs"]
    large = [row for row in rows if row["kind"] in ("branches", "chain") and row["nodes"] >= 290]
    m.check("graphs of 300 nodes with two causes", len(large), ">=", 4)
    m.check("nodes at most", max(row["ours"]["nodes"] for row in large), "<=", 2)
    m.check("seconds at most", max(row["ours"]["seconds"] for row in large), "<=", 10)
    branch = [row for row in rows if row["kind"] == "if"]
    m.check("If: nodes above the smallest", max(row["ours"]["nodes"] - row["smallest"] for row in branch), "<=", 0)
    larger = sum(row["ours"]["nodes"] > row["nodes"] or row["ours"]["bytes"] > row["bytes"] for row in rows)
    m.check("results larger than their input", larger, "==", 0)


def rates(m):
    """Checks of reductions of 10-node cases beside bare loops over the same candidates, a CPU second."""
    rows = {row["failure"]: row for row in m.run_json(m.tool("moire_bank"), "--rates", "--cases", 40)["rates"]}
    m.figures["rates"] = rows
    for kind, limit in (("difference", 0.5), ("crash", 0.6)):
        m.check(f"{kind}: checks compared", rows[kind]["compared"], ">=", 100)
        m.check(f"{kind}: nodes of a candidate", rows[kind]["mean_nodes"], ">=", 9.5)
        m.check(f"{kind}: rate / bare rate", rows[kind]["ratio"], ">=", limit)


def hopeless_checks(m):
    """--check with programs that cannot judge: a message of one line and the code that docs/reducing.md names."""
    m.run(os.path.join(m.source, "tests", "e2e", "check_test.py"), env={"MOIRE_BIN": m.bin}, python=True)
    m.run(m.tool("moire_bank"), "--save", m.work, "--only", "one/20/1")
    model = m.path("one-20-1.onnx")
    cases = {
        "never fails": ("true", 2, "did not fail"),
        "always fails": ("false", 2, "always fails"),
        "is missing": ("/no/such/program", 2, "cannot be run"),
        "hangs": ("sleep 100 #", 2, "did not end within"),
        "prints garbage": ("head -c 100000 /dev/urandom; false #", 2, "always fails"),
    }
    wrong = []
    for name, (command, code, words) in cases.items():
        done = m.run_both(m.tool("moire"), "reduce", model, "--check", command, "--check-seconds", 1, "-o", m.path("out"))
        message = done.stderr.strip()
        good = done.returncode == code and words in message and "\n" not in message and message.isprintable()
        m.figures[name] = {"code": done.returncode, "message": message[:200].replace(m.work, "TMP")}
        wrong += [] if good else [name]
    m.check("programs with another code or message", len(wrong), "==", 0)


def side_by_side(m):
    """Beside `polygraphy debug reduce` on the same graphs with the same judge: size, checks and seconds."""
    script = os.path.join(m.source, "tests", "side_by_side", "polygraphy.py")
    rows = m.run_json(script, "--bin", m.bin, python=True)["side_by_side"]
    m.figures["graphs"] = rows
    m.check("graphs", len(rows), ">=", 30)
    m.check("results with more nodes", sum(row["ours"]["nodes"] > row["theirs"]["nodes"] for row in rows), "==", 0)
    m.check("results with more bytes", sum(row["ours"]["bytes"] > row["theirs"]["bytes"] for row in rows), "==", 0)

    def no_more(key):
        return share(row["ours"][key] is not None and row["ours"][key] <= row["theirs"][key] for row in rows)

    m.check("share with no more checks to its nodes", no_more("checks_to"), ">=", 0.9)
    m.check("share with no more seconds to its nodes", no_more("seconds_to"), ">=", 0.9)
    m.check("share proven 1-minimal", share(row["ours"]["minimal"] for row in rows), ">=", 0.95)


def explain(m):
    """Planted faults with known conditions: how often the predicate is right on 500 fresh neighbours."""
    rows = m.run_json(m.tool("moire_bank"), "--explain", "--fresh", 500)["explain"]
    m.figures["explain"] = rows
    m.check("planted conditions", len(rows), ">=", 30)
    right = sum(not row["error"] and row["fresh"] >= 500 and row["right"] >= 0.98 * row["fresh"] for row in rows)
    m.check("of them at least 98 % right", right, ">=", 27)


def onnx_models():
    """(path, layers) of the models in the onnx package: of a large one the middle layer of each operator."""
    import onnx  # pylint: disable=import-outside-toplevel  # it takes a second, and one point needs it

    data = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
    models = sorted(glob.glob(os.path.join(data, "light", "*.onnx")))
    models += sorted(glob.glob(os.path.join(data, "pytorch-converted", "*", "model.onnx")))
    for path in models:
        graph = onnx.load(path).graph
        constants = {tensor.name for tensor in graph.initializer}
        layers = {}
        for node in graph.node:
            if all(name in constants for name in node.input if name):
                constants.update(node.output)
            else:
                layers.setdefault(node.op_type, []).append(node.output[0])
        yield path, [(op, names[len(names) // 2]) for op, names in layers.items()]


def real_models(m):
    """The models inside the onnx package, a fault planted in one layer: nodes and seconds of each reduction."""
    rows = []
    for path, layers in onnx_models():
        for op, layer in layers:
            faults = [fault for fault in LAYER_FAULTS if (op, fault) != ("Dropout", "reject")]  # its mask is open
            fault = faults[len(rows) % len(faults)]
            spec = f"faulty:on={RELEASE},layer={layer},op={op},fault={fault}"
            start = time.monotonic()
            model = os.path.dirname(path) if path.endswith("model.onnx") else path
            figures = m.run_json(
                m.tool("moire-faulty"), "reduce", model, "--backend", spec, "-o", m.path("bundles"), ok=(0, 1)
            )
            reduced = figures or {"nodes_after": float("inf"), "minimal": False, "bundle": "", "checks": 0}
            name = os.path.basename(model).removesuffix(".onnx").removeprefix("test_")
            rows.append({
                "model": name, "op": op, "layer": layer, "fault": fault,
                "nodes_before": reduced.get("nodes_before"), "nodes": reduced["nodes_after"],
                "bytes_before": reduced.get("bytes_before"), "bytes": reduced.get("bytes_after"),
                "minimal": reduced["minimal"], "bundle": bool(reduced["bundle"]),
                "checks": reduced["checks"], "seconds": round(time.monotonic() - start, 2),
            })
    del m.commands[1:]  # the others are alike
    m.figures["models"] = rows
    light = {row["model"] for row in rows if row["model"].startswith("light_")}
    m.check("light models", len(light), ">=", 9)
    m.check("models", len({row["model"] for row in rows}), ">=", 90)
    m.check("planted layers", len(rows), ">=", 150)
    m.check("nodes at most", max(row["nodes"] for row in rows), "<=", 3)
    m.check("without a confirmed bundle", sum(not row["bundle"] for row in rows), "==", 0)
    m.check("seconds at most", max(row["seconds"] for row in rows), "<=", 60)
    m.figures["minimal"] = share(row["minimal"] for row in rows)


# What `about.json` of a known bug says in words, as ONNX Runtime names the transformer; the others are in kernels.
BLAMED = {
    "06": "GemmTransposeFusion", "18": "SkipLayerNormFusion", "19": "ReshapeFusion", "21": "DivMulFusion",
    "47": "QDQPropagationTransformer", "53": "MatMul_BatchNormalization_Fusion", "5B": "QDQPropagationTransformer",
}


def told_of(m, path, name, spec, *arguments):
    """What `moire explain` says of the case at the path, reduced first."""
    reduced = m.run_json(m.tool("moire"), "reduce", path, "--backend", spec, "-o", m.path(name), ok=(1,))
    if not reduced["bundle"]:
        return {"first_bad_release": "", "pass": "", "predicate": "no bundle: " + reduced["standing"]}
    return m.run_json(m.tool("moire"), "explain", reduced["bundle"], *arguments, ok=(0, 1))


def installed_releases(m):
    runtimes = os.listdir(os.path.join(os.environ.get("MOIRE_HOME", os.path.join(m.source, ".moire")), "runtimes", "onnxruntime"))
    return sorted(runtimes, key=lambda version: [int(number) for number in version.split(".")])


def cases_with_about(m, directory):
    """(name, path, about.json) of every case of a directory of corpus/."""
    for path in sorted(glob.glob(os.path.join(m.source, "corpus", directory, "*"))):
        with open(os.path.join(path, "about.json"), encoding="utf-8") as file:
            yield os.path.basename(path), path, json.load(file)


def known_causes(m):
    """The known bugs of corpus/, reduced and explained on the last installed release that has them: first bad release and pass."""
    installed = installed_releases(m)
    rows = []
    for name, path, about in cases_with_about(m, "known_bugs"):
        bad = [version for version in installed if about["releases"].get(version) == "bug"]
        told = told_of(m, path, name, f"ort@{bad[-1]}")
        rows.append({
            "bug": name, "release": bad[-1], "wanted": bad[0], "first_bad_release": told["first_bad_release"],
            "last_good_release": told.get("last_good_release", ""), "wanted_pass": BLAMED.get(name[:2], ""), "pass": told["pass"], "predicate": told["predicate"],
        })
    m.figures["known"] = rows
    m.check("releases installed", len(installed), ">=", 5)
    m.check("known bugs", len(rows), ">=", 14)
    m.check("with another first bad release", sum(row["first_bad_release"] != row["wanted"] for row in rows), "==", 0)
    m.check("with another pass", sum(row["pass"] != row["wanted_pass"] for row in rows), "==", 0)


# Releases that about.json of corpus/findings speaks of; where one is missing, a first bad release may come out later.
RELEASES_OF_FINDINGS = ("1.22.1", "1.23.2", "1.24.4", "1.25.1", "1.27.0", "1.28.0", "1.30.0", "1.31.1", RELEASE)


def real_findings(m):
    """The findings of docs/findings.md (corpus/findings), reduced and explained: first bad release and pass."""
    rows = []
    for name, path, about in cases_with_about(m, "findings"):
        # The pass and the releases come after the neighbours, and need none of them.
        told = told_of(m, path, name, f"ort@{RELEASE}", "--seconds", 2)
        rows.append({"finding": name, "predicate": told["predicate"]} | {
            key: [told[key], about[key]] for key in ("first_bad_release", "pass")})
    del m.commands[2:]  # the others are alike
    m.figures["findings"] = rows
    m.check("releases missing", sorted(set(RELEASES_OF_FINDINGS) - set(installed_releases(m))), "==", [])
    m.check("findings", len(rows), ">=", 70)
    m.check("of them with an optimiser to blame", sum(bool(row["pass"][1]) for row in rows), ">=", 30)
    m.check("with another first bad release", [row["finding"] for row in rows if row["first_bad_release"][0] != row["first_bad_release"][1]], "==", [])
    m.check("with another pass", [row["finding"] for row in rows if row["pass"][0] != row["pass"][1]], "==", [])


POINTS = {
    "1": bank, "2": two_causes, "3": rates, "4": real_models, "5": explain, "5b": known_causes, "5c": real_findings, "6": hopeless_checks, "7": side_by_side,
}
