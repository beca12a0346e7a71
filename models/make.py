"""Makes the models that lockstep is tested on, with Keras's own expected values.

    python make.py --out DIR            every recipe
    python make.py --out DIR NAME ...   some of them
    python make.py --list

Every recipe runs in a process of its own, so that none depends on another.
"""

import argparse
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""


def all_recipes():
    import others
    import seq2seq

    return dict(seq2seq.recipes() + others.recipes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="the folder to write to")
    parser.add_argument("--list", action="store_true", help="list the recipes and stop")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    recipes = all_recipes()
    if args.list:
        print("\n".join(recipes))
        return
    if not args.out:
        parser.error("--out is missing")
    unknown = [n for n in args.names if n not in recipes]
    if unknown:
        parser.error(f"no recipe {', '.join(unknown)}; --list shows them")
    if args.here:
        for name in args.names:
            recipes[name](args.out)
        return
    failed = []
    for i, name in enumerate(args.names or recipes, 1):
        print(f"[{i}/{len(args.names or recipes)}] {name}", flush=True)
        done = subprocess.run(
            [sys.executable, os.path.abspath(__file__), "--out", args.out, "--here", name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            failed.append(name)
            print("    " + "\n    ".join(done.stdout.strip().splitlines()[-15:]), flush=True)
    if failed:
        sys.exit(f"{len(failed)} recipes failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
