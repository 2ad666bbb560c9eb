"""What "synth" promises, point by point; the limits stand here, nowhere else."""

import statistics


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


def explain(m):
    """Planted faults with known conditions: how often the predicate is right on 500 fresh neighbours."""
    rows = m.run_json(m.tool("moire_bank"), "--explain", "--fresh", 500)["explain"]
    m.figures["explain"] = rows
    m.check("planted conditions", len(rows), ">=", 30)
    right = sum(not row["error"] and row["fresh"] >= 500 and row["right"] >= 0.98 * row["fresh"] for row in rows)
    m.check("of them at least 98 % right", right, ">=", 27)


POINTS = {"1": bank, "2": two_causes, "5": explain}
