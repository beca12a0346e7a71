"""Checks calls that record_calls.py exported, and writes which layers, functions and operations run: OPERATIONS.md.

    python models/coverage.py --lockstep bin/lockstep --calls DIR --out models/OPERATIONS.md

Each call runs in the native engine, on the test's inputs. Where that differs from what Keras computed by more than
TOLERANCE, or there is nothing to compare with, lockstep check judges it: TensorFlow and the native engine by the bounds of
rounding. --check has it judge every call, which takes ten times as long. What is refused is counted with its reason.
DIR/report.json keeps the outcomes.
"""

import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

AT_ONCE = 200  # calls of one run of lockstep check
TOLERANCE = 1e-5  # of a value, and of the largest

# What a refusal names: node "…" (Op): reason.
REFUSED = re.compile(r'node "[^"]*" \((\w+)\)(?: of "[^"]*")?: ([^\n]*)')


NO_TENSORS = re.compile(r"put \"\w+\" is (\w+), and lockstep has no tensors of that type")

# Refusals that are deserved, by what they say.
DESERVED = {
    "it draws random numbers": "random numbers, which no two engines draw alike",
    'attribute "sorted" is false': "an order that is left to TensorFlow's heap",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lockstep", default="bin/lockstep", help="the program, with TensorFlow in it")
    parser.add_argument("--calls", required=True, help="the folder that record_calls.py wrote")
    parser.add_argument("--out", help="the page to write (default: only the summary, to standard output)")
    parser.add_argument("--check", action="store_true", help="judge every call by lockstep check")
    parser.add_argument("--kept", action="store_true", help="use the outcomes in report.json instead of checking again")
    args = parser.parse_args()
    folders = sorted(os.path.dirname(path) for path in glob.glob(os.path.join(args.calls, "*", "call.json")))
    kept = os.path.join(args.calls, "report.json")
    if args.kept:
        with open(kept, encoding="utf-8") as f:
            outcomes = json.load(f)
    else:
        outcomes = {} if args.check else run(args.lockstep, folders)
        outcomes |= check(args.lockstep, args.calls, [f for f in folders if os.path.basename(f) not in outcomes])
        with open(kept, "w", encoding="utf-8") as f:
            json.dump(outcomes, f, indent=1)
    calls = [read(folder, outcomes[os.path.basename(folder)]) for folder in folders]
    text = page(calls)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            f.write(text)
    print(summary(calls))
    for call in calls:
        if call["outcome"] == "diverged":
            print("diverged:", call["folder"], call["reason"])
    if any(call["outcome"] == "diverged" for call in calls):
        sys.exit(1)


def run(lockstep, folders):
    """What the native engine makes of each call, without those that lockstep check is to judge."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda folder: run_one(lockstep, folder), folders)
        return {os.path.basename(folder): outcome for folder, outcome in zip(folders, found, strict=True) if outcome}


def run_one(lockstep, folder):
    inputs, expected, got = (os.path.join(folder, name + ".npz") for name in ("inputs", "expected", "native"))
    if not os.path.exists(inputs) or not os.path.exists(expected):
        return None
    done = subprocess.run([lockstep, "run", os.path.join(folder, "saved_model"), "--inputs", inputs, "--outputs", got],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode != 0:
        return not_run(done.stderr.strip())
    want, have = np.load(expected), np.load(got)
    if len(want.files) == len(have.files) == 1:
        have = {want.files[0]: have[have.files[0]]}
    return {"outcome": "in step", "reason": ""} if all(n in have and close(have[n], want[n]) for n in want.files) else None


def not_run(reason):
    refused = REFUSED.search(reason) or NO_TENSORS.search(reason)
    return {"outcome": "refused" if refused else "not run", "reason": reason}


def close(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "fc":
        return np.array_equal(a, b)
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    a, b = a.astype(wide), b.astype(wide)
    largest = np.max(np.abs(b), initial=0, where=np.isfinite(b))
    return np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * largest, equal_nan=True)


def check(lockstep, calls, folders):
    """What lockstep check says of each folder: "in_step", "diverged" or a reason why it could not be checked."""
    outcomes = {}
    for start in range(0, len(folders), AT_ONCE):
        some = folders[start : start + AT_ONCE]
        config, report = os.path.join(calls, "lockstep.yaml"), os.path.join(calls, "part.json")
        with open(config, "w", encoding="utf-8") as f:
            f.write("models:\n")
            for folder in some:
                name = os.path.basename(folder)
                f.write(f"  - model: {name}/saved_model\n")
                for key in ("inputs", "expected"):
                    if os.path.exists(os.path.join(folder, "inputs.npz")) and os.path.exists(os.path.join(folder, key + ".npz")):
                        f.write(f"    {key}: {name}/{key}.npz\n")
                f.write("    tolerance: {allow_nonfinite: true}\n")
        subprocess.run([lockstep, "check", "--config", config, "--diagnose=false", "--format", "json=" + report], check=False)
        with open(report, encoding="utf-8") as f:
            said = json.load(f)
        os.remove(report)
        for model in said["reports"]:
            outcomes[name_of(model["model"])] = verdict(model)
        for model in said.get("not_run", []):
            outcomes[name_of(model["model"])] = not_run(model["error"])
        print(f"{start + len(some)}/{len(folders)}", flush=True)
    return outcomes


def name_of(model):
    return os.path.basename(os.path.dirname(model))


def verdict(report):
    refused = [n["reason"] for n in report.get("not_run", [])]
    first = report["first_divergence"]
    if report["verdict"] == "diverged":
        return {"outcome": "diverged", "reason": json.dumps(first and {k: first[k] for k in ("title", "reference", "candidate", "name", "first")})[:500]}
    if refused:
        return {"outcome": "refused", "reason": refused[0]}
    return {"outcome": report["verdict"].replace("_", " "), "reason": ""}


def read(folder, outcome):
    with open(os.path.join(folder, "call.json"), encoding="utf-8") as f:
        call = json.load(f)
    return {**call, **outcome, "folder": os.path.basename(folder), "operations": operations(os.path.join(folder, "saved_model"))}


def operations(path):
    """The operations that the signature reaches, without those that only restore variables."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as f:
        saved.ParseFromString(f.read())
    graph = saved.meta_graphs[0].graph_def
    functions = {f.signature.name: f for f in graph.library.function}
    found, seen = set(), set()
    todo = [name for name in functions if "signature_wrapper" in name]
    while todo:
        name = todo.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for node in functions[name].node_def:
            if node.op in functions:
                todo.append(node.op)
                continue
            found.add(node.op)
            for value in node.attr.values():
                todo += [value.func.name] if value.func.name else [f.name for f in value.list.func]
    return sorted(found - {"StatefulPartitionedCall", "PartitionedCall"})


def summary(calls):
    total, outcomes = len(calls), collections.Counter(c["outcome"] for c in calls)
    names = collections.defaultdict(set)
    for c in calls:
        names[c["name"]].add(c["outcome"])
    run = sum(1 for found in names.values() if found == {"in step"})
    ops = by_operation(calls)
    running = sum(1 for o in ops.values() if o["ran"])
    layers = [c for c in calls if ".layers." in c["name"]]
    refused = [c for c in layers if c["outcome"] == "refused" and not deserved(c)]
    return (
        f"{total} calls of {len(names)} layers and functions: "
        + ", ".join(f"{n} {what}" for what, n in outcomes.most_common())
        + f"; {run} of {len(names)} layers and functions ({100 * run / max(1, len(names)):.1f} %) run in every call"
        + f"; {running} of {len(ops)} operations ({100 * running / max(1, len(ops)):.1f} %) run"
        + f"; of {len(layers)} calls of layers {len(refused)} ({100 * len(refused) / max(1, len(layers)):.1f} %) are refused that should run"
    )


def deserved(call):
    """Why a refusal is deserved, or None."""
    return next((why for said, why in DESERVED.items() if call["outcome"] == "refused" and said in call["reason"]), None)


def by_operation(calls):
    """By operation: the layers and functions that need it, how often it ran, and why it was refused."""
    ops = collections.defaultdict(lambda: {"names": set(), "ran": 0, "refused": collections.Counter()})
    for call in calls:
        for op in call["operations"]:
            ops[op]["names"].add(call["name"])
            ops[op]["ran"] += call["outcome"] == "in step"
        if call["outcome"] in ("refused", "not run"):
            for op, why in set(REFUSED.findall(call["reason"])):
                ops[op]["refused"][shortened(why)] += 1
    return ops


def shortened(why):
    why = re.split(r' (?:layer "|node ")', re.sub(r"\s+", " ", why))[0]  # what follows is the next operation
    return why.replace("|", "\\|").strip()[:160]


def page(calls):
    """The page in Markdown."""
    reasons = collections.Counter(why for why in map(deserved, calls) if why)
    lines = [
        "# Layers, functions and operations",
        "",
        "Written by `models/coverage.py` from what Keras's own tests call (`models/record_calls.py`) and from a table of the layers of",
        "Keras 3 and of tf_keras (`models/record_layers.py`): each layer and each function of `keras.ops` is exported alone and run, and",
        "where it differs from what Keras computes judged by `lockstep check`. Refused is also what holds numbers that lockstep has no",
        "tensors of.",
        "",
        summary(calls) + ".",
        "",
        "Refused deservedly: " + (", ".join(f"{why} ({n} calls)" for why, n in reasons.most_common()) or "nothing") + ".",
        "",
        "## Operations",
        "",
        "| operation | runs | layers and functions | refused, and why |",
        "| --- | --- | --- | --- |",
    ]
    for op, o in sorted(by_operation(calls).items()):
        runs = "yes" if o["ran"] else "no" if o["refused"] else "only with others that do not"
        if o["ran"] and o["refused"]:
            runs = "in part"
        why = "; ".join(f"{why} ({n})" for why, n in o["refused"].most_common(3))
        lines.append(f"| `{op}` | {runs} | {len(o['names'])} | {why} |")
    lines += ["", "## Layers and functions", "", "| name | calls | in step | others |", "| --- | --- | --- | --- |"]
    names = collections.defaultdict(list)
    for call in calls:
        names[call["name"]].append(call)
    for name, some in sorted(names.items()):
        others = collections.Counter()
        for call in some:
            if call["outcome"] != "in step":
                named = sorted({op for op, _ in REFUSED.findall(call["reason"])} | set(NO_TENSORS.findall(call["reason"])))
                others[call["outcome"] + (": " + ", ".join(f"`{op}`" for op in named) if named else ": " + shortened(call["reason"].splitlines()[0] if call["reason"] else ""))] += 1
        lines.append(f"| `{name}` | {len(some)} | {sum(c['outcome'] == 'in step' for c in some)} | " + "; ".join(f"{what} ({n})" for what, n in others.most_common(3)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
