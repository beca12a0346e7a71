"""Makes the models that lockstep is tested on, with Keras's own expected values.

    python make.py --out DIR              every recipe that is committed in testdata
    python make.py --out DIR --group zoo  every recipe of a group; --group may be repeated
    python make.py --out DIR NAME ...     some of any group
    python make.py --list

With --whole, DIR must not be there yet and appears only when all is made. Each recipe of the zoo is kept beside
it until its table changes, so what was made before is not made again, also after a run in which another one
failed. Then folders that were made so from other versions of the recipes, and that no test used for a day, are removed.

Every committed recipe that is not of the zoo runs in a process of its own, so that none depends on another.
The many of the zoo share a few processes, since starting TensorFlow takes longer than most of them.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback

import tested
import zoo_checks
from kept import Kept, remove_old

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = ["committed", "zoo", "tested", "ops", "bench"]


def groups():
    """The recipes of every group, by name. A recipe of the zoo may be committed as well."""
    with quiet():
        import bench
        import others
        import reports
        import seq2seq
        import zoo

        every = dict(zoo.recipes())
        own = dict(seq2seq.recipes() + others.recipes() + reports.recipes())
        timed = dict(bench.recipes())
    ops = {name: operations(name) for name in ("ops_math", "ops_shape", "ops_small", "ops_text", "ops_files", "ops_tf1", "ops_regroup", "ops_volumes", "ops_signal", "ops_linalg", "ops_coverage", "ops_ctc", "ops_sparse", "ops_special")}
    committed = own | {name: every[name] for name in zoo.COMMITTED} | ops
    some = {name: every[name] for name in tested.chosen(every, tested.named())}
    return {"committed": committed, "zoo": every, "tested": some, "ops": ops, "bench": timed}


@contextlib.contextmanager
def quiet():
    """Keeps off the terminal what TensorFlow has to say when it starts; an error of Python's is raised after it."""
    terminal, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nothing)


def operations(name):
    """The recipe of a script that runs single operations, into the folder ops.

    It is a process of its own: it says how TensorFlow is to start.
    """

    def recipe(out):
        folder = os.path.join(out, "ops")
        os.makedirs(folder, exist_ok=True)
        subprocess.run([sys.executable, os.path.join(HERE, name + ".py"), folder], check=True)

    return recipe


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="the folder to write to")
    parser.add_argument("--group", action="append", choices=GROUPS, help="make or list this group (make: committed)")
    parser.add_argument("--whole", action="store_true", help="write the folder whole or not at all")
    parser.add_argument("--unchecked", action="store_true", help="do not load the zoo's SavedModels back: who uses them does that")
    parser.add_argument("--list", action="store_true", help="list the recipes and stop")
    parser.add_argument("--here", action="store_true", help="make the recipes in this process, one after the other")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    zoo_checks.load_back = not args.unchecked
    by_group = groups()
    recipes = {name: recipe for group in by_group.values() for name, recipe in group.items()}
    if args.list:
        print("\n".join(dict.fromkeys(name for g in args.group or GROUPS for name in by_group[g])))
        return
    if not args.out:
        parser.error("--out is missing")
    unknown = [n for n in args.names if n not in recipes]
    if unknown:
        parser.error(f"no recipe {', '.join(unknown)}; --list shows them")
    names = args.names or [name for g in args.group or GROUPS[:1] for name in by_group[g]]
    if args.whole:
        out = os.path.abspath(args.out)
        with whole(out) as part:
            kept = Kept(os.path.dirname(out), {name: recipes[name] for name in names})
            make(functools.partial(apart, done=kept.keep), part, recipes, kept.take(part, names))
            if args.group == ["tested"]:
                with open(os.path.join(part, "left_out.txt"), "w", encoding="utf-8") as f:
                    f.writelines(name + "\n" for name in by_group["zoo"] if name not in by_group["tested"])
    else:
        make(here if args.here else apart, args.out, recipes, names)


def make(how, out, recipes, names):
    failed = how(out, recipes, names)
    if failed:
        sys.exit(f"{len(failed)} recipes failed: {', '.join(failed)}")


@contextlib.contextmanager
def whole(out):
    """Gives a folder to write to, which becomes out if nothing is raised. Any number of runs may go on at once."""
    part = f"{out}.part-{os.getpid()}"
    os.makedirs(part)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("interrupted"))  # which leaves nothing behind
    try:
        yield part
        try:
            os.rename(part, out)
        except OSError:
            if not os.path.isdir(out):  # or another run was faster, and made the same
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    stem = re.sub(r"\d+$", "", os.path.basename(out))
    other = re.compile(rf"({re.escape(stem)}|recipes-\w+-)\d+(\.part-\d+)?")
    remove_old(os.path.dirname(out), lambda name: other.fullmatch(name) and name != os.path.basename(out))


STARTS, FAILS, ENDS = "recipe: ", "recipe failed: ", "recipe made: "  # what a process says of its recipes, a line each


def here(out, recipes, names):
    """Makes recipes in this process and returns the names of those that failed."""
    failed = []
    gc.set_threshold(100_000, 20, 20)  # TensorFlow's graphs are many small objects: collecting them takes a tenth of the time
    for name in names:
        print(STARTS + name, flush=True)
        try:
            recipes[name](out)
            print(ENDS + name, flush=True)
        except (Exception, SystemExit) as e:  # the others are still to be made
            print(e if isinstance(e, SystemExit) else traceback.format_exc())
            print(FAILS + name, flush=True)
            failed.append(name)
    return failed


def apart(out, recipes, names, done=lambda out, name: None):
    """Makes recipes in processes of their own, or shared (and then side by side) where they say so.

    Calls done of each that is made, and returns the names of those that failed.
    """
    processes, shared = {}, set()
    for name in names:
        key = getattr(recipes[name], "process", None)
        shared.update([key] if key else [])
        processes.setdefault(key or name, []).append(name)
    with concurrent.futures.ThreadPoolExecutor(max(1, len(shared))) as pool:
        try:
            return [name for failed in pool.map(lambda group: process(out, group, names, done), processes.values()) for name in failed]
        except BaseException:  # interrupted: those that did not begin are not to
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def process(out, group, names, done):
    """Makes the recipes of a group in one new process."""
    how = [] if zoo_checks.load_back else ["--unchecked"]
    command = [sys.executable, os.path.abspath(__file__), "--out", out, "--here", *how, *group]
    failed, started, said = [], [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        for line in child.stdout:
            line = line.rstrip()
            if line.startswith(STARTS):
                started.append(line.removeprefix(STARTS))
                said = []
                print(f"[{names.index(started[-1]) + 1}/{len(names)}] {started[-1]}", flush=True)
            elif line.startswith(ENDS):
                done(out, line.removeprefix(ENDS))
            elif line.startswith(FAILS):
                failed.append(line.removeprefix(FAILS))
                print(f"    {failed[-1]} failed:\n    " + "\n    ".join(said[-15:]), flush=True)
            else:
                said.append(line)
    if child.returncode < 0 or len(started) < len(group):
        # It died: what it had begun and not begun is missing.
        print(f"    the process ended with {child.returncode}:\n    " + "\n    ".join(said[-15:]), flush=True)
        failed += [name for name in group[max(0, len(started) - 1) :] if name not in failed]
    return failed


if __name__ == "__main__":
    main()
