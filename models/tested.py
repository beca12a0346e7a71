"""Which models of the zoo `make test` makes.

Most options are made by Keras 3 and by Keras 2, which takes the longer half of the time. `make test` makes each
option by one of them, in turn, and what a test names; `make test ZOO=all`, as the nightly run, makes all of them.
"""

import os
import re
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BOTH = ("_keras3", "_tfkeras")
NAME = re.compile(rf"\b[a-z0-9_]+(?:{'|'.join(BOTH)})\b")


def named():
    """The names of models that occur in tests, in order."""
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in ("build", "models")]
        for file in files:
            if file.endswith("_test.go") or file.endswith((".txt", ".txtar")) and "testdata" in folder:
                with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as f:
                    found.update(NAME.findall(f.read()))
    return sorted(found)


def chosen(names, of_tests):
    """Those of the names that are made: all but one of two that are the same option, unless a test names it."""
    names, of_tests, kept = set(names), set(of_tests), []
    for name in names:
        option, by = without_producer(name)
        twin = option + BOTH[1 - BOTH.index(by)] if by else None
        if twin not in names or name in of_tests or BOTH[zlib.crc32(option.encode()) % 2] == by:
            kept.append(name)
    return sorted(kept)


def without_producer(name):
    """An option and the suffix of who made it, None for what neither Keras made."""
    for by in BOTH:
        if name.endswith(by):
            return name.removesuffix(by), by
    return name, None
