"""What is timed: make bench, bench-models, bench-peers and bench-service.

BENCH_FLAGS says what is to be otherwise, as in make bench BENCH_FLAGS='--rounds 3'.
"""

import os
import shlex

import build
import cache
from build import EXAMPLE, PURE, ROOT, go, lockstep, run, setting, unpack

SEED = "build/models/seed_keras3"
WORKS = [
    *(f"{SEED},batch={n}" for n in (1, 32, 199)),
    "build/models/seed_units1_keras3,batch=1",
    *(f"build/models/bench_units256,batch={n}" for n in (1, 32)),
    f"{SEED},batch=1,steps=1000",
]
# Large models answer 8 at a time, the others 32.
MODELS = {"crnn": 32, "conv1d_lstm": 32, "attention": 32, "transformer": 32, "fusion": 32, "heads": 32, "conv_lstm": 8, "mobilenet_v2": 8, "resnet50": 8}
BENCH = [
    *("bench", "--threads", "1", "--cases", "build/bench"),
    *("--native-program", "build/bench/contender", "--peer", "c=build/bench/yardstick"),
]


def programs():
    """The yardstick in C, and the native engine as a service has it."""
    os.makedirs(os.path.join(ROOT, "build", "bench"), exist_ok=True)
    compiler = shlex.split(build.compiler())
    run([*compiler, "-O3", "-march=native", "-o", "build/bench/yardstick", "bench/yardstick.c", "-lm"])
    run([go(), "build", "-o", "build/bench/contender", "./bench/contender"], PURE)


def ready():
    """Builds what is timed, and unpacks the models."""
    os.environ.pop("BIN", None)
    build.build()
    programs()
    unpack("seed_keras3")
    unpack("seed_units1_keras3")
    unpack("bench_units256", cache.bench_models())


def timed(rounds, starts, name):
    """The flags of a run, which also writes its table into build/bench."""
    out = [f"--format=benchstat=build/bench/{name}.txt", f"--format=markdown=build/bench/{name}.md"]
    return ["--rounds", str(rounds), "--slice", "100ms", "--starts", str(starts), "--format=text", *out]


def bench():
    ready()
    lockstep(*BENCH, *WORKS, *timed(15, 5, "bench"), *shlex.split(setting("BENCH_FLAGS")))


def bench_models():
    """Models with convolutions, attention and recurrent layers, on the native engine and on TensorFlow, one thread each."""
    ready()
    works = []
    for name, batch in MODELS.items():
        unpack(f"bench_{name}", cache.bench_models())
        works += [f"build/models/bench_{name},batch={n}" for n in (1, batch)]
    lockstep("bench", "--threads", "1", "--cases", "build/bench", "--engines", "native,tensorflow", *works, *timed(9, 3, "models"), *shlex.split(setting("BENCH_FLAGS")))


def bench_peers():
    """All agree with what Keras predicted, and with each other on what is timed."""
    ready()
    keras = shlex.quote(cache.keras())
    python = shlex.quote(cache.peers(build.compiler()))
    peers = [
        f"--peer=onnxruntime={python} bench/onnxruntime_peer.py",
        f"--peer=litert={python} bench/litert_peer.py {keras}",
        f"--peer=torch={python} bench/torch_peer.py",
    ]
    seed = "testdata/seed_keras3/"
    lockstep(*BENCH, SEED, "--inputs", seed + "inputs.npz", "--expected", seed + "expected.npz", "--rounds", "0", *peers)
    print(flush=True)
    lockstep(*BENCH, *WORKS, *timed(45, 15, "peers"), *peers, *shlex.split(setting("BENCH_FLAGS")))


def bench_service():
    """The example service under load, on both engines; then its start and its size."""
    tensorflow = build.TensorFlow()
    test = [go(), "-C", EXAMPLE, "test", "-run", "^$", "-bench"]
    run([*test, "Load/.*/steps=1$", "-benchtime", "100000x", *tensorflow.flags], tensorflow.test_env)
    run([*test, "Start", "-benchtime", "20x"], PURE)
