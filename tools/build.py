"""What targets share: programs of this machine, the flags of a build with TensorFlow, and running commands."""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import zipfile

import cache
from cache import ROOT, Failure

PACKAGE = "github.com/lockstep-go/lockstep"
EXAMPLE = "examples/forecast"  # a module of its own, as a service's is
BEAM = "beam"  # a module of its own, so that the others do without Apache Beam's 60
FETCH = os.path.join("tfbridge", "libtensorflow", "fetch.py")
PURE = {"CGO_ENABLED": "0"}

# How a program with TensorFlow is linked: the C API's symbols stay open until tfbridge opens the library, so
# the program starts without it. The stub satisfies the binding's -ltensorflow.
if platform.system() == "Darwin":
    OPEN_SYMBOLS = "-Wl,-undefined,dynamic_lookup"
else:
    OPEN_SYMBOLS = "-Wl,--unresolved-symbols=ignore-in-object-files -Wl,--export-dynamic -Wl,-z,lazy"


def setting(name, default=""):
    """A variable of make's command line or of the environment."""
    return os.environ.get(name) or default


def go():
    return setting("GO", "go")


def run(command, env=None, cwd=ROOT, quiet=False, together=False, **how):
    """Prints a command as a shell would take it, and runs it.

    One that runs together with others prints whole lines.
    """
    env = env or {}
    if not quiet:
        into = f"cd {shlex.quote(os.path.relpath(cwd, ROOT))} && " if cwd != ROOT else ""
        print(into + "".join(f"{k}={quoted(v)} " for k, v in env.items()) + " ".join(map(quoted, command)), flush=True)
    if together:
        done = by_lines(command, cwd=cwd, env={**os.environ, **env})
    else:
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **env}, check=False, **how)
    if done.returncode != 0:
        raise Failure(f"{shlex.join(command[:4])} ... ended with {done.returncode}")
    return done


def by_lines(command, **how):
    """Runs a command and prints its lines as they come, those of standard error too."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **how) as child:
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
    return child


def quoted(word):
    """A word as a shell takes it; those with single quotes in double ones, which read better."""
    return f'"{word}"' if "'" in word and not re.search(r'["$`\\]', word) else shlex.quote(word)


def output(command, env=None, cwd=ROOT):
    """What a command prints, without the last newline."""
    return run(command, env, cwd, quiet=True, stdout=subprocess.PIPE, text=True).stdout.rstrip("\n")


def compiler():
    """The C compiler that cgo takes."""
    words = shlex.split(output([go(), "env", "CC"]))
    if not words or shutil.which(words[0]) is None:
        raise Failure(
            f"no C compiler {' '.join(words)}, which cgo needs: install gcc (on Debian: apt-get install gcc libc6-dev), "
            "or name one with CC=...; without TensorFlow, use make build-pure"
        )
    return shlex.join(words)


class TensorFlow:
    """libtensorflow, fetched, and how Go builds with it."""

    def __init__(self):
        run([sys.executable, FETCH, ".libtensorflow"], quiet=True)
        compiler()
        home = output([sys.executable, FETCH, "--where"])
        self.env = {
            "CGO_ENABLED": "1",
            "CGO_CFLAGS": f"'-I{home}/include'",
            "CGO_LDFLAGS": f"'-L{home}/stub' {OPEN_SYMBOLS}",
        }
        # TensorFlow decides by the processor whether it uses oneDNN: the tests are of the same kernels everywhere.
        self.test_env = {**self.env, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "1"}
        self.flags = ["-tags", "tensorflow", "-ldflags", f"-X '{PACKAGE}/tfbridge.libraryDir={home}'"]


def build(tensorflow=None):
    """bin/lockstep with TensorFlow in it, or BIN."""
    tensorflow = tensorflow or TensorFlow()
    run([go(), "build", *tensorflow.flags, "-o", setting("BIN", "bin/lockstep"), "./cmd/lockstep"], tensorflow.env)


def batch():
    """bin/lockstep-batch, which lockstep batch starts."""
    run([go(), "build", "-C", BEAM, "-o", os.path.join(ROOT, "bin", "lockstep-batch"), "./cmd/lockstep-batch"], PURE)


def unpack(name, folder="testdata"):
    """Unpacks a fixture's SavedModel into build/models, and returns where it is."""
    into = os.path.join("build", "models", name)
    shutil.rmtree(os.path.join(ROOT, into), ignore_errors=True)
    with zipfile.ZipFile(os.path.join(ROOT, folder, name, "saved_model.zip")) as z:
        z.extractall(os.path.join(ROOT, into))
    return into


def lockstep(*arguments):
    run([os.path.join("bin", "lockstep"), *arguments], quiet=True)


def demo():
    """The seed model on both engines, and the state of its encoder."""
    os.environ.pop("BIN", None)
    build()
    lockstep("check", unpack("seed_keras3"), unpack("seed_tfkeras"))
    print("\nThe encoder state_h on an all-ones (1, 10, 1) input, from both engines:", flush=True)
    inputs = os.path.join("testdata", "seed_keras3", "inputs_ones.npz")
    lockstep("check", "build/models/seed_keras3", "--inputs", inputs, "--print", "encoder/state_h", "--format", "json=build/demo.json")


def models():
    """Every committed fixture again, with the pinned Keras."""
    keras = cache.keras()
    run([keras, "models/make.py", "--out", "testdata"])
    run([keras, "internal/explain/testdata/expected.py"])


def models_all():
    print("LOCKSTEP_MODELS=" + cache.models(every=True))


def compatibility():
    """The tables of what is supported, from a run of the many models."""
    run([go(), "test", "./native", "-run", "^TestZoo$", "-update"], {**PURE, "LOCKSTEP_MODELS": cache.models(every=True)})


def faults():
    """Every known fault in many models, around their layers, and from answers alone: what is found, into faults/RESULTS.md."""
    tensorflow = TensorFlow()
    run(
        [go(), "test", "-timeout", "60m", *tensorflow.flags, "./faults", "-run", "^(TestPlantedFaults|TestFaultsInOperations|TestFaultsFromAnswers|TestAnswersOfKeras)$", "-v", "-args", "-long"],
        {**tensorflow.test_env, "LOCKSTEP_MODELS": cache.models(every=True), "LOCKSTEP_STRUCTURES": cache.structures(each=8), "LOCKSTEP_PARTIES": cache.parties()},
    )


def false_alarms():
    """Random models under three settings of TensorFlow and on other engines, into faults/RESULTS.md."""
    tensorflow = TensorFlow()
    env = {"LOCKSTEP_STRUCTURES": cache.structures(each=8), "LOCKSTEP_KERAS": cache.keras()}
    env["LOCKSTEP_PEERS"] = os.pathsep.join(cache.packages(compiler()))
    run(
        [go(), "test", "-timeout", "300m", *tensorflow.flags, "./faults", "-run", "^TestFalseAlarms$", "-v"]
        + ["-args", "-long", "-alarm-models", setting("ALARM_MODELS", "2000"), "-alarms-folder", setting("ALARMS_FOLDER")],
        {**tensorflow.test_env, **env},
    )
