"""What the Makefile's targets do.

    python3 tools/dev.py TARGET ...

Settings are variables of make's command line or of the environment: GO, BIN, FUZZTIME, ALARM_MODELS, ALARMS_FOLDER,
BENCH_FLAGS, QEMU, CC, ZOO=all for tests of every model of the zoo, and LOCKSTEP_CACHE for the folder of what is made once.
"""

import sys

import bench
import build
import cache
import suite

TARGETS = {
    **suite.STAGES,
    "test": suite.test,
    "fuzz": suite.fuzz,
    "demo": build.demo,
    "build": build.build,
    "batch": build.batch,
    "batch-runners": suite.batch_runners,
    "tensorflow": build.TensorFlow,
    "keras": cache.keras,
    "models": build.models,
    "models-all": build.models_all,
    "compatibility": build.compatibility,
    "faults": build.faults,
    "false-alarms": build.false_alarms,
    "bench": bench.bench,
    "bench-peers": bench.bench_peers,
    "bench-models": bench.bench_models,
    "bench-service": bench.bench_service,
}


def main(names):
    """Does the targets in turn; returns the exit status."""
    try:
        unknown = [name for name in names if name not in TARGETS]
        if unknown or not names:
            raise cache.Failure(f"no target {' '.join(unknown)}; there are {', '.join(sorted(TARGETS))}")
        for name in names:
            TARGETS[name]()
    except (cache.Failure, OSError) as e:
        cache.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
