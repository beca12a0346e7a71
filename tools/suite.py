"""The stages of make test, and which packages and tests each of them runs."""

import concurrent.futures
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

import build
import cache
from build import BEAM, EXAMPLE, PURE, ROOT, Failure, go, output, run, setting

SLOW = {"LOCKSTEP_SLOW": "1"}
FUZZ_IN_TEST = "10s"
FUZZ_ALONE = "60s"
FUZZ_MEMORY = 12_000_000 * 1024

# Before Go 1.27 a target whose time is up now and then fails with the end of its time, and with nothing else
# (golang/go#75804). What a target finds is said in that place instead, or lies in its folder of failing inputs.
TIME_IS_UP = re.compile(r"^--- FAIL: \w+ \([0-9.]+s\)\n +context deadline exceeded\nFAIL\n", re.MULTILINE)

# What an emulator runs of the packages above the kernels: the models whose cells NEON's kernels compute. The
# operations' cases are Go, which the machine's own processor has run.
ON_KERNELS = {
    "./internal/engine": "^(TestModels|TestRecurrences[A-Za-z]*)$",
    "./native": "^(TestKernels|TestAccuracy|TestOutputsAndStatesAreKeras|TestStepIsDecode|TestForecastIsKeras|TestFloat64|TestExtremes"
    "|TestStreams|TestStreamOfADecoder|TestStatefulLayers|TestStatefulPartsAreTheWhole|TestZooInTestdata)$",
}

BY_PROCESSOR = ("./internal/kernel",)  # the packages that have files for some processors alone

# lint has vetted what is built without tags.
TEST = ("test", "-vet=off")


def lint():
    files = output(["git", "ls-files", "*.go"]).split("\n")
    wrong = output(["gofmt", "-l", *(f for f in files if os.path.exists(os.path.join(ROOT, f)))])
    if wrong:
        raise Failure(f"gofmt would change: {wrong}")
    staticcheck = output([go(), "tool", "-n", "staticcheck"])
    together(
        ([go(), "vet", "./..."], PURE),
        ([staticcheck, "./..."], PURE),
        ([go(), "vet", *BY_PROCESSOR], {**PURE, "GOARCH": "arm64"}),
        ([go(), "mod", "tidy", "-diff"], {}),
        ([go(), "-C", EXAMPLE, "vet", "./..."], PURE),
        ([staticcheck, "./..."], PURE, os.path.join(ROOT, EXAMPLE)),
        ([go(), "-C", EXAMPLE, "mod", "tidy", "-diff"], {}),
    )


def test_setup():
    """The programs that set up, with a pip and wheels of the tests' own."""
    for folder in ("tfbridge/libtensorflow", "tools", "models"):
        unittests(sys.executable, folder)


def test_python():
    """What the peers of bench-peers share, and goldens as numpy alone reads and writes them."""
    keras = cache.keras()
    for folder in ("bench", "compare/golden/testdata"):
        unittests(keras, folder)


def together(*commands):
    """Runs commands two at a time, each with its variables; many of them keep one processor busy.

    The first that fails ends the stage: those that have not begun do not.
    """
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(run, *command, together=True) for command in commands]
        try:
            for done in concurrent.futures.as_completed(running):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def unittests(python, folder):
    run([python, "-m", "unittest", "discover", "-s", folder, "-p", "*_test.py"])


def test_pure():
    """A machine that has never seen TensorFlow or a C compiler."""
    together(
        ([go(), *TEST, "./..."], {**PURE, **SLOW, "LOCKSTEP_MODELS": cache.models()}),
        ([go(), "-C", EXAMPLE, *TEST, "./..."], {**PURE, **SLOW}),
    )


def test_race():
    """What many goroutines do with one model, under the race detector."""
    build.compiler()
    race = [*TEST, "-race"]
    together(
        ([go(), *race, "./native", "-run", "Goroutines"], {"CGO_ENABLED": "1"}),
        ([go(), "-C", EXAMPLE, *race, "./..."], {"CGO_ENABLED": "1"}),
    )


def test_arm64():
    """NEON's kernels, and what runs on them; all of it where the processor is an arm64, else by QEMU.

    QEMU's user mode is for Linux alone. Where it is not, that is said; in CI it must be there. The models that
    are made take too long there: test-pure runs them, on the same Go code around the kernels.
    """
    env = {**PURE, "GOARCH": "arm64"}
    above = {**env, "LOCKSTEP_KERNEL": "neon", "CI": ""}
    if output([go(), "env", "GOHOSTARCH"]) == "arm64":
        run([go(), *TEST, "-short", "./internal/kernel"], env)
        run([go(), *TEST, "./internal/engine", "./internal/streaming", "./internal/errbound", "./native"], above)
        return
    qemu = setting("QEMU", "qemu-aarch64")
    if shutil.which(qemu) is None:
        not_run(qemu)
        return
    together(
        ([go(), *TEST, "-short", "-exec", qemu, "./internal/kernel"], env),
        *(([go(), *TEST, "-exec", qemu, package, "-run", tests], above) for package, tests in ON_KERNELS.items()),
    )


def not_run(qemu):
    """Says that the kernels for arm64 are not tested; fails where they could be."""
    what = "the tests of the kernels for arm64"
    hint = f"no {qemu} found: install it (on Debian: apt-get install qemu-user), or name one with QEMU=..."
    if platform.system() != "Linux":
        hint = "QEMU runs them on Linux only"
    elif "qemu-aarch64" in setting("LOCKSTEP_NOT_AVAILABLE").split():
        hint = "QEMU could not be installed here"
    elif setting("CI"):
        raise Failure(f"{what} must run in CI: {hint}")
    cache.say(f"NOT RUN: {what}: {hint}")


def test_tensorflow():
    """What needs the real libtensorflow or differs with it: the rest is test-pure's."""
    tensorflow = build.TensorFlow()
    env = {**tensorflow.test_env, **SLOW, "LOCKSTEP_MODELS": cache.models(), "LOCKSTEP_STRUCTURES": cache.structures()}
    env["LOCKSTEP_KERAS"] = cache.keras()
    test = ["test", "-timeout", "30m", *tensorflow.flags]
    commands = [
        ([go(), *test, *packages, *(["-run", tests] if tests else [])], env)
        for tests, packages in sorted(differing(".").items())  # whole packages first, which take longest
    ]
    commands += [
        ([go(), "-C", EXAMPLE, *test, *packages, *(["-run", tests] if tests else [])], {**tensorflow.test_env, **SLOW})
        for tests, packages in sorted(differing(EXAMPLE).items())
    ]
    together(*commands)


def test_beam():
    """The pipelines of Apache Beam, and lockstep-batch with the lockstep that has TensorFlow in it."""
    tensorflow = build.TensorFlow()
    program = os.path.join(ROOT, "build", "lockstep")
    run([go(), "build", *tensorflow.flags, "-o", program, "./cmd/lockstep"], tensorflow.env)
    run([go(), "-C", BEAM, *TEST, "./..."], {**PURE, "LOCKSTEP_PROGRAM": program, "LOCKSTEP_MODELS": cache.models()})
    together(  # staticcheck would take minutes: it reads all of Beam first
        ([go(), "-C", BEAM, "vet", "./..."], PURE),
        ([go(), "-C", BEAM, "mod", "tidy", "-diff"], {}),
    )


def batch_runners():
    """The same job on Prism and on Beam's portable runner in Python, with the version of go.mod."""
    with open(os.path.join(ROOT, BEAM, "go.mod"), encoding="utf-8") as f:
        version = re.search(r"apache/beam/sdks/v2 v([\d.]+)", f.read()).group(1)
    folder = os.path.join(ROOT, "build", "beam-" + version)
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        run([sys.executable, "-m", "venv", folder])
        run([python, "-m", "pip", "install", "-q", "apache-beam==" + version])
    run([go(), "-C", BEAM, *TEST, "./cmd/lockstep-batch", "-run", "^TestRunners$", "-v"], {**PURE, "LOCKSTEP_BEAM_PYTHON": python})


def differing(module):
    """The packages of a module that differ with the tag tensorflow, by a pattern of the tests that do.

    Where the package or what it imports differs, all of its tests do, and the pattern is empty; else they are the
    tests of files that are added, and of those that import what differs.
    """
    without, tagged = (listed(module, tags) for tags in ("", "tensorflow"))
    code = {p for p, now in tagged.items() if p not in without or files(without[p], CODE) != files(now, CODE)}
    found = {}
    for path, now in tagged.items():
        before = without.get(path, {})
        concerned = [
            os.path.join(now["Dir"], name)
            for name in sorted(files(now, TESTS))
            if name not in files(before, TESTS) or imports_any(os.path.join(now["Dir"], name), code)
        ]
        whole = path in code or files(before, ("Imports",)) & code
        if not whole and not concerned:
            continue
        tests = [] if whole else tests_in(concerned)
        found.setdefault(f"^({'|'.join(tests)})$" if tests else "", []).append(path)
    return found


CODE = ("GoFiles", "CgoFiles")
TESTS = ("TestGoFiles", "XTestGoFiles")


def listed(module, tags):
    fields = ",".join(("ImportPath", "Dir", "Imports", *CODE, *TESTS))
    text = output([go(), "-C", module, "list", "-tags", tags, "-json=" + fields, "./..."], {"CGO_ENABLED": "1"})
    decoder, at, packages = json.JSONDecoder(), 0, {}
    while at < len(text):
        package, at = decoder.raw_decode(text, at)
        packages[package["ImportPath"]] = package
        at += len(text[at:]) - len(text[at:].lstrip())
    return packages


def files(package, keys):
    return {name for key in keys for name in package.get(key) or ()}


def imports_any(path, packages):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return any(f'"{package}"\n' in text for package in packages)


def tests_in(paths):
    names = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            names += re.findall(r"^func (Test\w+|Example\w*)\(", f.read(), flags=re.M)
    return names


def fuzz(fuzztime=None):
    """Every fuzz target, two at a time, in bounded memory."""
    fuzztime = setting("FUZZTIME", fuzztime or FUZZ_ALONE)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda target: fuzz_one(*target, fuzztime), fuzz_targets()):
            print(said, flush=True)


def fuzz_targets():
    """The targets and their packages."""
    targets = []
    for path in glob.glob(os.path.join(ROOT, "**", "*_test.go"), recursive=True):
        with open(path, encoding="utf-8") as f:
            found = re.findall(r"^func (Fuzz\w+)\(", f.read(), flags=re.M)
        targets += [("./" + os.path.relpath(os.path.dirname(path), ROOT), target) for target in found]
    return sorted(targets, key=lambda t: t[1])


def fuzz_one(package, name, fuzztime):
    command = [go(), "test", package, "-run", "^$", "-fuzz", f"^{name}$", "-fuzztime", fuzztime]
    found = os.path.join(ROOT, package, "testdata", "fuzz", name, "*")
    known = set(glob.glob(found))
    done = subprocess.run(
        [*command, "-fuzzminimizetime", "5x", "-parallel", "1"],
        cwd=ROOT, env={**os.environ, **PURE}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, preexec_fn=bound,
    )  # fmt: skip
    nothing = TIME_IS_UP.search(done.stdout) and set(glob.glob(found)) <= known
    if done.returncode != 0 and not nothing:
        raise Failure(f"{name} of {package}:\n{done.stdout}")
    said = [line for line in done.stdout.splitlines() if "fuzz: elapsed" in line]
    return f"fuzz {name}:" + (said[-1].removeprefix("fuzz:") if said else " it says nothing")


def bound():
    """Bounds the memory of a process that is about to start, where the system lets it."""
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_AS, (FUZZ_MEMORY, FUZZ_MEMORY))
    except (ValueError, OSError):
        pass


STAGES = {
    "lint": lint,
    "test-setup": test_setup,
    "test-python": test_python,
    "test-pure": test_pure,
    "test-arm64": test_arm64,
    "test-race": test_race,
    "test-tensorflow": test_tensorflow,
    "test-beam": test_beam,
    "fuzz": lambda: fuzz(FUZZ_IN_TEST),
}


def test():
    """Every stage, and what each took."""
    took = []
    try:
        for name, stage in STAGES.items():
            print(f"\n== {name}", flush=True)
            wall, cpu = time.monotonic(), cpu_seconds()
            try:
                stage()
            finally:
                took.append((name, time.monotonic() - wall, cpu_seconds() - cpu))
    finally:
        print(table(took), flush=True)


def cpu_seconds():
    """What this process's children, and theirs, have taken of processors."""
    times = os.times()
    return times.children_user + times.children_system


def table(took):
    """What each stage took, in seconds."""
    took = [*took, ("together", *(sum(column) for column in list(zip(*took))[1:]))] if took else []
    lines = [f"{name:<16} {wall:>8.0f} {cpu:>8.0f}" for name, wall, cpu in took]
    return "\n".join(["", f"{'stage':<16} {'seconds':>8} {'of CPU':>8}", *lines])
