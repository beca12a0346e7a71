"""What is made once and kept in the user's cache folder: Python environments and models.

A folder's name ends in a checksum of what it is made from, so it is never out of date, and another version
of the recipes gets a folder of its own. tfbridge/libtensorflow/fetch.py fetches libtensorflow into the same cache.
"""

import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tfbridge", "libtensorflow"))
sys.path.append(os.path.join(ROOT, "models"))  # last: it has a bench.py too

import fetch  # noqa: E402
import kept  # noqa: E402
import tested  # noqa: E402

Failure = fetch.Failure
REQUIREMENTS = "models/requirements.txt"
STRUCTURES = ["faults/models.py", "faults/families.py", "faults/loops.py", "faults/structure.py", REQUIREMENTS]


def zoo():
    """What the many models are made from."""
    return ["models/" + name for name in [*kept.imported("zoo"), *kept.ALWAYS]]


def sources():
    """What each folder is made from."""
    return {
        "keras": [REQUIREMENTS],
        "models": [*zoo(), "models/tested.py"],
        "models-all": zoo(),
        "bench-models": ["models/" + name for name in [*kept.imported("bench", everything=False), *kept.ALWAYS]],
        "peers": ["bench/requirements.txt", "bench/without_cuda.py"],
        "converter": ["faults/requirements.txt"],
        "structures": STRUCTURES,
        "structures-few": STRUCTURES,
        "parties": ["faults/parties.py", REQUIREMENTS],
    }


def where(name):
    """The folder in the cache, made or not."""
    content = b""
    for source in sources()[name]:
        with open(os.path.join(ROOT, source), "rb") as f:
            content += f.read()
    if name == "models":
        content += "\n".join(tested.named()).encode()
    done = subprocess.run(["cksum"], input=content, stdout=subprocess.PIPE, check=True)
    return os.path.join(fetch.cache_root(), f"{name}-{done.stdout.split()[0].decode()}")


def python(name="keras"):
    return os.path.join(where(name), "bin", "python")


def keras():
    """Installs the pinned Keras; returns its Python."""
    home = where("keras")
    if not stamped(home):
        check_python()
        say("installing the pinned Keras and TensorFlow (600 MB, once) ...")
        environment(home, REQUIREMENTS)
        stamp(home)
    return python()


def peers(compiler):
    """Installs the engines that make bench-peers times; returns their Python."""
    home = where("peers")
    if not stamped(home):
        check_python()
        say("installing ONNX Runtime, LiteRT and PyTorch (650 MB to fetch, 1.6 GB then, once) ...")
        environment(home, "bench/requirements.txt")
        run([python("peers"), "bench/without_cuda.py"], CC=compiler)
        stamp(home)
    return python("peers")


def models(every=False):
    """Makes the many models of the tests, or every one. The folder's time is that of its last use, as for all of these."""
    every = every or os.environ.get("ZOO") == "all"
    home = where("models-all" if every else "models")
    if not os.path.isdir(home):
        say(f"making the models of the tests, once for these recipes ({8 if every else 4} minutes on 2 cores) ...")
        # The tests run every one of them in TensorFlow, against what Keras computed.
        run([keras(), "models/make.py", "--whole", "--unchecked", "--out", home, "--group", "zoo" if every else "tested"])
    os.utime(home)
    return home


def bench_models():
    """Makes the models that are timed beside the seed's."""
    home = where("bench-models")
    if not os.path.isdir(home):
        run([keras(), "models/make.py", "--whole", "--out", home, "--group", "bench"])
    os.utime(home)
    return home


def packages(compiler):
    """The folders of what runs models elsewhere, beside Keras: the peers' packages, and a converter to ONNX."""
    home = where("converter")
    if not stamped(home):
        shutil.rmtree(home, ignore_errors=True)
        pip = [keras(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run([*pip, "--target", home, "-r", "faults/requirements.txt"])
        stamp(home)
    peer = peers(compiler)
    return [*glob.glob(os.path.join(os.path.dirname(os.path.dirname(peer)), "lib", "python3*", "site-packages")), home]


def structures(each=1):
    """Makes the structures that false-alarms fills with random weights: the first of each family, or as many as asked for."""
    return made_by("structures-few" if each == 1 else "structures", "faults/models.py", str(each))


def made_by(name, script, *args):
    home = where(name)
    if not stamped(home):
        interpreter = keras()
        shutil.rmtree(home, ignore_errors=True)
        run([interpreter, script, home, *args], stdout=subprocess.DEVNULL, TF_CPP_MIN_LOG_LEVEL="3")
        stamp(home)
    os.utime(home)
    return home


def parties():
    """Makes what Keras predicts from models with mistakes."""
    return made_by("parties", "faults/parties.py")


def check_python():
    """Fails unless this Python can install the pinned Keras."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        fits = False
    else:
        fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    if not fits:
        raise Failure(
            "Keras, which makes the models of the tests, wants Python 3.11 to 3.13 and its venv module (on Debian: "
            "apt-get install python3-venv); name one with PYTHON=/path/to/python3; go test ./... runs without them"
        )


def environment(home, requirements):
    """Makes a virtual environment with what a list names, and nothing that it does not."""
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(os.path.dirname(home), exist_ok=True)
    run([sys.executable, "-m", "venv", home])
    pip = [os.path.join(home, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "-r", requirements])


def stamped(home):
    """Tells whether a folder was completed: the stamp is its last file."""
    return os.path.exists(os.path.join(home, "complete"))


def stamp(home):
    with open(os.path.join(home, "complete"), "w", encoding="utf-8"):
        pass


def run(command, stdout=None, **variables):
    """Runs a command in the checkout's root; a failure is one of the caller's."""
    done = subprocess.run(command, cwd=ROOT, stdout=stdout, env={**os.environ, **variables}, check=False)
    if done.returncode != 0:
        raise Failure(f"{os.path.basename(command[0])} {' '.join(command[1:3])} ended with {done.returncode}")


def say(message):
    print("make: " + message, file=sys.stderr, flush=True)
