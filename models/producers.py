"""Exports the same models with many versions of Keras and TensorFlow, checks them, and writes PRODUCERS.md.

    python models/producers.py --lockstep bin/lockstep --work DIR --out models/PRODUCERS.md [VERSION ...]

Each version of TensorFlow, with a Keras 3 and a tf_keras, is installed into a virtual environment of DIR, once: 11 GB in
all. Each exports the models of producers_models.py, again with --again, and lockstep check compares TensorFlow, the
native engine and what that Keras computed. It takes some minutes of a quiet machine after the installation, and is no
part of make test. Run it by the Python 3.11 that make keras installs; VERSION are those of TensorFlow.
"""

import argparse
import collections
import json
import os
import subprocess
import sys

import coverage

HERE = os.path.dirname(os.path.abspath(__file__))

# TensorFlow, with the Keras 3 and the tf_keras installed beside it. Up to 2.15, tf.keras is Keras 2.
VERSIONS = {
    "2.12.1": (None, None), "2.13.1": (None, None), "2.14.1": (None, None), "2.15.1": (None, None),
    "2.16.2": ("3.0.5", "2.16.0"), "2.17.1": ("3.3.3", "2.17.0"), "2.18.1": ("3.6.0", "2.18.0"), "2.19.1": ("3.9.2", "2.19.0"),
    "2.20.0": ("3.12.4", "2.20.1"), "2.21.0": ("3.15.1", "2.21.0"),
}  # fmt: skip

# How a Keras writes a SavedModel: Keras 2 without export is 2.12.
FORMS = {"keras": ["export", "module"], "tf_keras": ["save", "export", "module"], "tf.keras": ["save", "export", "module"]}
CALLS = {"export": "`model.export`", "save": '`model.save(save_format="tf")`', "module": "`tf.saved_model.save`"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lockstep", default="bin/lockstep", help="the program, with TensorFlow in it")
    parser.add_argument("--work", required=True, help="where versions are installed and models exported")
    parser.add_argument("--out", help="the page to write (default: standard output)")
    parser.add_argument("--again", action="store_true", help="export also what is there already")
    parser.add_argument("--only", action="append", metavar="KERAS/FORM", help="as keras/export or tf_keras/save (default: all)")
    parser.add_argument("--kept", action="store_true", help="install and export nothing: check what is there")
    parser.add_argument("versions", nargs="*")
    args = parser.parse_args()
    calls = os.path.join(args.work, "calls")
    rows = []
    for version in args.versions or VERSIONS:
        python = None if args.kept else install(args.work, version)
        for keras, form in producers(version):
            prefix = f"{version}_{keras}_{form}_"
            if args.only and f"{keras}/{form}" not in args.only or args.kept and not exported(calls, prefix):
                continue
            if args.again or not exported(calls, prefix):
                export(python, calls, keras, form, prefix)
            rows.append((version, keras, form, prefix))
    folders = [os.path.join(calls, f) for f in sorted(os.listdir(calls)) if os.path.exists(os.path.join(calls, f, "call.json"))]
    folders = [f for f in folders if any(os.path.basename(f).startswith(prefix) for *_, prefix in rows)]
    outcomes = coverage.check(args.lockstep, calls, folders)
    found = {os.path.basename(f): (outcomes[os.path.basename(f)], recognised(args.lockstep, f)) for f in folders}
    text = page(calls, rows, found)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        print(text)
    if any(outcome["outcome"] != "in step" for outcome in outcomes.values()):
        sys.exit(1)


def producers(version):
    """Which Keras exports in which way beside a version of TensorFlow."""
    keras3, _ = VERSIONS[version]
    for keras in ("keras", "tf_keras") if keras3 else ("tf.keras",):
        for form in FORMS[keras]:
            if (version, form) != ("2.12.1", "export"):
                yield keras, form


def install(work, version):
    """The Python of a version's virtual environment, which is made if need be."""
    venv = os.path.join(work, "tensorflow-" + version)
    python, whole = os.path.join(venv, "bin", "python"), os.path.join(venv, "complete")
    if os.path.exists(whole):
        return python
    keras3, keras2 = VERSIONS[version]
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-compile"]
    subprocess.run([*pip, "tensorflow-cpu==" + version, *(["keras==" + keras3] if keras3 else [])], check=True)
    if keras2:  # which asks for tensorflow, and that is tensorflow-cpu here
        subprocess.run([*pip, "--no-deps", "tf_keras==" + keras2], check=True)
    with open(whole, "w", encoding="utf-8"):
        pass
    return python


def exported(calls, prefix):
    return os.path.isdir(calls) and any(name.startswith(prefix) for name in os.listdir(calls))


def export(python, calls, keras, form, prefix):
    print("exporting", prefix.rstrip("_"), flush=True)
    os.makedirs(calls, exist_ok=True)
    subprocess.run([python, os.path.join(HERE, "producers_models.py"), "--keras", keras, "--form", form, os.path.join(calls, prefix)], check=True)


def recognised(lockstep, folder):
    """The kinds of the recurrent layers that lockstep recognises, in order of the alphabet."""
    done = subprocess.run([lockstep, "inspect", "--format", "json", os.path.join(folder, "saved_model")], capture_output=True, text=True, check=True)
    return sorted(layer["kind"] for layer in json.loads(done.stdout)["layers"])


def page(calls, rows, found):
    """The table in Markdown: a row a producer, a column a model."""
    import producers_models

    models = list(producers_models.MODELS)
    counts = collections.Counter(outcome["outcome"] for outcome, _ in found.values())
    lines = [
        "# Producers",
        "",
        "Written by `models/producers.py`: the same models (`models/producers_models.py`), exported by several versions of TensorFlow",
        "and Keras and judged by `lockstep check`, TensorFlow against the native engine and what that Keras computed. A cell says also",
        "which recurrent layers run by their cells.",
        "",
        f"{len(found)} models: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()) + ".",
        "",
        "| TensorFlow | Keras | written by | " + " | ".join(models) + " |",
        "| --- " * (3 + len(models)) + "|",
    ]
    for version, keras, form, prefix in rows:
        number = {"keras": VERSIONS[version][0], "tf_keras": VERSIONS[version][1]}.get(keras)
        of = f"`{keras}` {number}" if number else f"`{keras}`"
        lines.append(f"| {version} | {of} | {CALLS[form]} | " + " | ".join(cell(calls, prefix, m, found) for m in models) + " |")
    return "\n".join(lines) + "\n"


def cell(calls, prefix, model, found):
    name = prefix + model.replace(" ", "_")
    if name not in found:
        with open(os.path.join(calls, name, "failed.txt"), encoding="utf-8") as f:
            return "not exported: " + coverage.shortened(f.read())
    outcome, layers = found[name]
    with open(os.path.join(calls, name, "call.json"), encoding="utf-8") as f:
        wanted = sorted(json.load(f)["layers"])
    said = outcome["outcome"] + (": " + coverage.shortened(outcome["reason"].replace(calls + os.sep, "")) if outcome["reason"] else "")
    if layers != wanted:
        return said + f" ({', '.join(layers) or 'no layer'} of {', '.join(wanted) or 'none'})"
    return said + (f" ({', '.join(layers)})" if layers else "")


if __name__ == "__main__":
    main()
