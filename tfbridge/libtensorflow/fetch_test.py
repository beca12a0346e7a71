"""Tests of fetch.py, without a network: pip is a stub that hands out small wheels.

    python3 -m unittest discover -s tfbridge/libtensorflow -p '*_test.py'
"""

import contextlib
import hashlib
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))

# Runs fetch.py with other pins than its own, in a process of its own.
RUN = f"""
import sys
sys.path.insert(0, {HERE!r})
import fetch
fetch.PINS = sys.argv[1]
exec(sys.argv[2])
sys.exit(fetch.run(["fetch.py"] + sys.argv[3:]))
"""

# What python -m pip becomes: it does what FAKE_PIP says and notes that it was asked.
PIP = """
import os, shutil, sys, time
how = os.environ["FAKE_PIP"]
if sys.argv[1] == "--version":
    sys.exit(1 if how == "none" else 0)
with open(os.environ["FAKE_LOG"], "a") as log:
    print(os.environ["TMPDIR"], *sys.argv[1:], sep="|", file=log)
dest = sys.argv[sys.argv.index("--dest") + 1]
if how == "fails":
    print("WARNING: Retrying (Retry(total=4)) after connection broken")
    print("ERROR: Could not find a version that satisfies the requirement")
    sys.exit(1)
if how == "hangs":
    time.sleep(60)
if how == "slow":
    time.sleep(1)
if how != "nothing":
    shutil.copy(os.environ["FAKE_WHEEL"], dest)
"""

# What python -m venv becomes where FAKE_VENV is set.
VENV = """
import os, sys
if os.environ["FAKE_VENV"] == "fails":
    print("The virtual environment was not created successfully because ensurepip is not available.")
    sys.exit(1)
os.makedirs(os.path.join(sys.argv[1], "bin"))
os.symlink(sys.executable, os.path.join(sys.argv[1], "bin", "python"))
"""

CONTENTS = {
    "tensorflow/libtensorflow_cc.so.2": b"the library\n" * 1000,
    "tensorflow/libtensorflow_framework.so.2": b"the framework\n" * 10,
    "tensorflow/include/tensorflow/c/c_api.h": b'#pragma once\n#include "tensorflow/c/tf_status.h"\n  #  include "tensorflow/c/c_api.h"\n#include <stdio.h>\n',
    "tensorflow/include/tensorflow/c/tf_status.h": b"#pragma once\n",
    "tensorflow/include/tensorflow/c/unused.h": b"",
    "tensorflow/python/unused.py": b"",
}


def sha256(b):
    return hashlib.sha256(b).hexdigest()


class FetchCase(unittest.TestCase):
    def setUp(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="fetch test "))  # with a space
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.cache = self.path("cache", "lockstep")
        self.link = self.path("link")
        self.pins = self.path("pins.json")
        self.log = self.path("pip.log")
        self.modules = self.path("modules")
        self.module("pip", PIP)
        self.write_wheel(CONTENTS)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, path, contents):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(contents)

    def module(self, name, text):
        self.write(os.path.join(self.modules, name, "__init__.py"), b"")
        self.write(os.path.join(self.modules, name, "__main__.py"), text.encode())

    def write_wheel(self, contents, **pins):
        """Makes a wheel, and pins that fit it but for what pins says."""
        self.wheel = self.path("tensorflow_cpu-1.2.3-cp311-cp311-manylinux_2_27_x86_64.whl")
        with zipfile.ZipFile(self.wheel, "w") as z:
            for name, b in contents.items():
                z.writestr(name, b)
        with open(self.wheel, "rb") as f:
            wheel = f.read()
        pin = {
            "python": "311",
            "tag": "manylinux_2_27_x86_64",
            "wheel_sha256": sha256(wheel),
            "libraries": {
                name: {"size": len(CONTENTS["tensorflow/" + name]), "sha256": sha256(CONTENTS["tensorflow/" + name])}
                for name in ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
            },
            "headers": ["tensorflow/c/c_api.h"],
            "links": {
                "libtensorflow.so": "libtensorflow_cc.so.2",
                "libtensorflow_framework.so": "libtensorflow_framework.so.2",
            },
        }
        pin.update(pins.pop("pin", {}))
        machine = f"{platform.system().lower()}-{platform.machine().lower()}"
        self.write_pins(dict({"package": "tensorflow-cpu", "version": "1.2.3", "needs_bytes": 1000, "platforms": {machine: pin}}, **pins))
        self.home = os.path.join(self.cache, "libtensorflow-1.2.3-" + machine)

    def write_pins(self, pins):
        self.write(self.pins, json.dumps(pins).encode())

    def start(self, *args, before="", preexec=None, cwd=None, **env):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKSTEP_", "PIP_", "XDG_"))}
        environment.update(
            PYTHONPATH=self.modules, PYTHONDONTWRITEBYTECODE="1", LOCKSTEP_CACHE=self.cache,
            FAKE_PIP="works", FAKE_WHEEL=self.wheel, FAKE_LOG=self.log,
        )  # fmt: skip
        environment.update(env)
        return subprocess.Popen(
            [sys.executable, "-c", RUN, self.pins, before, *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=cwd, preexec_fn=preexec,
        )  # fmt: skip

    def finish(self, process):
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def fetch(self, *args, **more):
        return self.finish(self.start(*args, **more))

    def succeeds(self, *args, **more):
        status, out, err = self.fetch(*args, **more)
        self.assertEqual(status, 0, err)
        return out, err

    def fails(self, words, *args, **more):
        """Runs it, and wants an error that says all the words, and no traceback."""
        status, out, err = self.fetch(*args, **more)
        self.assertEqual(status, 1, err)
        self.assertEqual(out, "")
        self.assertNotIn("Traceback", err)
        self.assertTrue(err.splitlines()[-1].strip(), err)
        for word in words:
            self.assertIn(word, err)
        return err

    def downloads(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log, encoding="utf-8") as f:
                return f.read().splitlines()
        return []

    def assertNothingKept(self):
        kept = os.listdir(self.cache) if os.path.isdir(self.cache) else []
        self.assertLessEqual(set(kept), {".lock"})
        self.assertFalse(os.path.lexists(self.link))

    def assertReady(self):
        self.assertEqual(os.readlink(self.link), self.home)
        for name, target in CONTENTS.items():
            if name.endswith(".2"):
                with open(os.path.join(self.link, "lib", os.path.basename(name)), "rb") as f:
                    self.assertEqual(f.read(), target)
        self.assertEqual(os.path.realpath(os.path.join(self.link, "lib", "libtensorflow.so")), os.path.join(self.home, "lib", "libtensorflow_cc.so.2"))
        headers = [os.path.join(where, f) for where, _, files in os.walk(os.path.join(self.home, "include")) for f in files]
        self.assertEqual(sorted(map(os.path.basename, headers)), ["c_api.h", "tf_status.h"])
        with open(os.path.join(self.home, "stub", "libtensorflow.a"), "rb") as f:
            self.assertEqual(f.read(), b"!<arch>\n")
        self.assertEqual(sorted(os.listdir(self.cache)), [".lock", os.path.basename(self.home)])


class Download(FetchCase):
    def test_makes_the_folder_and_the_link(self):
        out, err = self.succeeds(self.link)
        self.assertEqual(out, "")
        self.assertIn("fetching tensorflow-cpu 1.2.3", err)
        self.assertReady()
        asked = self.downloads()[0].split("|")
        self.assertTrue(asked[0].startswith(os.path.join(self.cache, ".fetch-")), "pip's temporary files are elsewhere")
        self.assertIn("--no-deps", asked)
        self.assertEqual(asked[asked.index("--python-version") + 1], "311")
        self.assertEqual(asked[-1], "tensorflow-cpu==1.2.3")

    def test_second_run_downloads_nothing(self):
        self.succeeds(self.link)
        out, err = self.succeeds(self.link, FAKE_PIP="fails")
        self.assertEqual((out, err), ("", ""))
        # Nor does another checkout.
        self.succeeds(self.path("other"), FAKE_PIP="fails")
        self.assertEqual(os.readlink(self.path("other")), self.home)
        self.assertEqual(len(self.downloads()), 1)

    def test_where_and_cache_write_nothing(self):
        out, err = self.succeeds("--where")
        self.assertEqual((out, err), (self.home + "\n", ""))
        out, err = self.succeeds("--cache")
        self.assertEqual((out, err), (self.cache + "\n", ""))
        self.assertFalse(os.path.exists(self.cache))
        self.assertEqual(self.downloads(), [])

    def test_the_cache_is_where_the_user_says(self):
        for env, want in [
            ({"LOCKSTEP_CACHE": "/a/b"}, "/a/b"),
            ({"LOCKSTEP_CACHE": "", "XDG_CACHE_HOME": "/x"}, "/x/lockstep"),
            ({"LOCKSTEP_CACHE": "", "HOME": "/home/me"}, "/home/me/.cache/lockstep"),
        ]:
            self.assertEqual(self.succeeds("--cache", **env)[0], want + "\n")
        self.fails(["the cache folder is 'here', want an absolute path", "LOCKSTEP_CACHE"], self.link, LOCKSTEP_CACHE="here")

    def test_a_damaged_cache_is_fetched_again(self):
        for damage in (
            lambda: os.truncate(os.path.join(self.home, "lib", "libtensorflow_cc.so.2"), 10),
            lambda: os.unlink(os.path.join(self.home, "lib", "libtensorflow_framework.so.2")),
            lambda: os.unlink(os.path.join(self.home, "lib", "libtensorflow.so")),
            lambda: shutil.rmtree(os.path.join(self.home, "include")),
            lambda: shutil.rmtree(os.path.join(self.home, "stub")),
            lambda: os.unlink(os.path.join(self.home, "pin.json")),
            lambda: self.write(os.path.join(self.home, "pin.json"), b"{"),
        ):
            self.succeeds(self.link)
            damage()
            before = len(self.downloads())
            self.succeeds(self.link)
            self.assertReady()
            self.assertEqual(len(self.downloads()), before + 1)

    def test_new_pins_are_fetched(self):
        self.succeeds(self.link)
        self.write_wheel(dict(CONTENTS, another=b""))
        self.succeeds(self.link)
        self.assertReady()
        self.assertEqual(len(self.downloads()), 2)

    def test_download_fails(self):
        self.fails(
            ["pip could not download tensorflow-cpu==1.2.3 (exit status 1)", "    ERROR: Could not find a version",
             "Check the network and pip's configuration", "LOCKSTEP_LIBTENSORFLOW"],
            self.link, FAKE_PIP="fails",
        )  # fmt: skip
        self.assertNothingKept()

    def test_pip_gives_no_wheel(self):
        self.fails(["pip could not download", "(exit status 0)"], self.link, FAKE_PIP="nothing")
        self.assertNothingKept()

    def test_wheel_of_another_hash(self):
        self.write_wheel(CONTENTS, pin={"wheel_sha256": "0" * 64})
        self.fails(["the wheel has the SHA-256 ", ", want " + "0" * 64, "not the file that was pinned; nothing was kept", "proxy"], self.link)
        self.assertNothingKept()

    def test_library_of_another_hash(self):
        other = dict(CONTENTS)
        other["tensorflow/libtensorflow_framework.so.2"] = b"something else"
        self.write_wheel(other)
        self.fails(["libtensorflow_framework.so.2 has the SHA-256 ", "nothing was kept"], self.link)
        self.assertNothingKept()

    def test_wheel_lacks_a_file(self):
        for name in CONTENTS:
            if "unused" in name:
                continue
            with self.subTest(name):
                self.write_wheel({k: v for k, v in CONTENTS.items() if k != name})
                self.fails([f"lacks {name}", "pins.json and the wheel do not belong together"], self.link)
                self.assertNothingKept()

    def test_wheel_is_no_zip(self):
        self.write(self.wheel, b"<html>")
        self.write_pins(dict(self.read_pins(), platforms={k: dict(v, wheel_sha256=sha256(b"<html>")) for k, v in self.read_pins()["platforms"].items()}))
        self.fails(["is not a readable wheel", "run the same command again"], self.link)
        self.assertNothingKept()

    def read_pins(self):
        with open(self.pins, encoding="utf-8") as f:
            return json.load(f)

    def test_disk_without_room(self):
        self.write_wheel(CONTENTS, needs_bytes=1 << 60)
        self.fails([self.cache, "MiB free, libtensorflow needs 1099511627776 MiB", "LOCKSTEP_CACHE"], self.link)
        self.assertNothingKept()
        self.assertEqual(self.downloads(), [])

    def test_disk_that_fills_up(self):
        # A limit on the size of files stands for it: writing fails in the middle.
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
        self.fails(["File too large", "Set LOCKSTEP_CACHE"], self.link, preexec=limit, FAKE_PIP="works", before="fetch.download = lambda *_: " + repr(self.wheel))
        self.assertNothingKept()

    def test_cache_that_cannot_be_made(self):
        self.write(self.path("file"), b"")
        self.fails(["Not a directory", "Set LOCKSTEP_CACHE to a folder on a disk that can be written to"], self.link, LOCKSTEP_CACHE=self.path("file", "cache"))

    def test_no_pin_for_the_platform(self):
        self.write_pins(dict(self.read_pins(), platforms={"plan9-mips": {}}))
        self.fails(["no libtensorflow is pinned for ", "only for plan9-mips", "LOCKSTEP_LIBTENSORFLOW", "make build-pure"], self.link)

    def test_old_python(self):
        self.fails(["is Python " + platform.python_version(), "want 99.1 or later", "make PYTHON="], self.link, before="fetch.MINIMUM = (99, 1)")

    def test_usage(self):
        for args in ([], ["a", "b"], ["--help"]):
            self.fails(["usage: fetch.py LINK"], *args)

    def test_without_pip_it_makes_an_environment(self):
        self.module("venv", VENV)
        self.succeeds(self.link, FAKE_PIP="none", FAKE_VENV="works")
        self.assertReady()

    def test_without_pip_and_venv(self):
        self.module("venv", VENV)
        self.fails(["has no pip", "    The virtual environment was not created", "apt-get install python3-pip python3-venv"], self.link, FAKE_PIP="none", FAKE_VENV="fails")
        self.assertNothingKept()

    def wait_for_download(self):
        for _ in range(600):
            if self.downloads():
                return
            time.sleep(0.05)
        self.fail("pip was not asked")

    def test_interrupted(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(how):
                # A shell's background job, as CI may be, ignores SIGINT, and its children with it.
                process = self.start(self.link, FAKE_PIP="hangs", preexec=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
                self.wait_for_download()
                process.send_signal(how)
                status, _, err = self.finish(process)
                self.assertEqual(status, 130, err)
                self.assertIn("interrupted; nothing was kept", err)
                self.assertNotIn("Traceback", err)
                self.assertNothingKept()
                os.unlink(self.log)

    def test_killed(self):
        process = self.start(self.link, FAKE_PIP="hangs", preexec=os.setsid)
        self.wait_for_download()
        os.killpg(process.pid, signal.SIGKILL)
        self.finish(process)
        self.assertFalse(os.path.lexists(self.link))
        self.assertFalse(os.path.lexists(self.home))
        # The next run cleans up after it.
        self.succeeds(self.link)
        self.assertReady()

    def test_two_at_once(self):
        first = self.start(self.link, FAKE_PIP="slow")
        self.wait_for_download()
        second = self.start(self.path("second"), FAKE_PIP="slow")
        status, _, err = self.finish(first)
        self.assertEqual(status, 0, err)
        status, _, err = self.finish(second)
        self.assertEqual(status, 0, err)
        self.assertIn("another run is fetching it; waiting", err)
        self.assertReady()
        self.assertEqual(os.readlink(self.path("second")), self.home)
        self.assertEqual(len(self.downloads()), 1)

    def test_the_second_goes_on_where_the_first_failed(self):
        first = self.start(self.link, FAKE_PIP="hangs")
        self.wait_for_download()
        second = self.start(self.link)
        time.sleep(0.3)
        first.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(first)[0], 130)
        self.assertEqual(self.finish(second)[0], 0)
        self.assertReady()


class Link(FetchCase):
    def test_another_link_is_replaced(self):
        os.symlink("/nowhere", self.link)
        self.succeeds(self.link)
        self.assertReady()

    def test_something_in_the_way(self):
        self.write(self.link, b"mine")
        self.fails([self.link + " is in the way", "move it and run again"], self.link)
        with open(self.link, "rb") as f:
            self.assertEqual(f.read(), b"mine")
        os.makedirs(self.path("folder"))
        self.fails([self.path("folder") + " is in the way"], self.path("folder"))

    def test_no_folder_for_the_link(self):
        self.fails(["No such file or directory"], self.path("gone", "link"))

    def test_many_at_once(self):
        self.succeeds(self.link)
        os.unlink(self.link)
        runs = [self.start(self.link) for _ in range(8)]
        self.assertEqual([self.finish(r)[0] for r in runs], [0] * 8)
        self.assertReady()
        self.assertEqual([name for name in os.listdir(self.dir) if name.startswith("link")], ["link"])


class Own(FetchCase):
    """LOCKSTEP_LIBTENSORFLOW names a libtensorflow that is there already."""

    ARCHIVE = ["lib/libtensorflow.so.2", "lib/libtensorflow.so", "lib/libtensorflow_framework.so.2", "lib/libtensorflow_framework.so", "include/tensorflow/c/c_api.h"]
    PACKAGE = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2", "include/tensorflow/c/c_api.h", "python/__init__.py"]

    def folder(self, files, name="own tensorflow"):
        folder = self.path(name)
        for f in files:
            self.write(os.path.join(folder, f), f.encode())
        return folder

    def home_of(self, own):
        return self.succeeds("--where", LOCKSTEP_LIBTENSORFLOW=own)[0].rstrip("\n")

    def assertAdopted(self, own, libraries):
        self.assertEqual(os.readlink(self.link), self.home_of(own))
        self.assertTrue(os.path.exists(os.path.join(self.link, "include", "tensorflow", "c", "c_api.h")))
        self.assertTrue(os.path.exists(os.path.join(self.link, "stub", "libtensorflow.a")))
        found = {}
        for name in os.listdir(os.path.join(self.link, "lib")):
            with open(os.path.join(self.link, "lib", name), encoding="utf-8") as f:
                found[name] = f.read()
        self.assertEqual(found, libraries)
        self.assertEqual(os.listdir(self.cache), [os.path.basename(os.readlink(self.link))])
        self.assertEqual(self.downloads(), [])

    def test_unpacked_archive(self):
        own = self.folder(self.ARCHIVE)
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        self.assertAdopted(own, {os.path.basename(f): f for f in self.ARCHIVE[:4]})

    def test_installed_package(self):
        own = self.folder(self.PACKAGE)
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own + "/")
        self.assertAdopted(own, {
            "libtensorflow_cc.so.2": "libtensorflow_cc.so.2", "libtensorflow.so": "libtensorflow_cc.so.2",
            "libtensorflow_framework.so.2": "libtensorflow_framework.so.2", "libtensorflow_framework.so": "libtensorflow_framework.so.2",
        })  # fmt: skip

    def test_where_writes_nothing(self):
        own = self.folder(self.PACKAGE)
        self.assertTrue(self.home_of(own).startswith(os.path.join(self.cache, "libtensorflow-own-")))
        self.assertFalse(os.path.exists(self.cache))

    def test_no_such_folder(self):
        self.fails([f"LOCKSTEP_LIBTENSORFLOW={self.path('gone')}: no such folder"], self.link, LOCKSTEP_LIBTENSORFLOW=self.path("gone"))
        self.fails(["no such folder"], "--where", LOCKSTEP_LIBTENSORFLOW=self.wheel)

    def test_relative_folder(self):
        self.folder(self.PACKAGE, "own")
        self.fails(["LOCKSTEP_LIBTENSORFLOW=own is relative", "set it to " + self.path("own")], self.link, cwd=self.dir, LOCKSTEP_LIBTENSORFLOW="own")

    def test_something_is_missing(self):
        for i, (files, words) in enumerate([
            ([], ["no libtensorflow.so or libtensorflow_cc.so.2, no libtensorflow_framework.so(.2), no include/tensorflow/c/c_api.h"]),
            (self.PACKAGE[:2], ["holds no include/tensorflow/c/c_api.h (looked"]),
            (self.PACKAGE[1:], ["holds no libtensorflow.so or libtensorflow_cc.so.2 (looked"]),
            (self.ARCHIVE[:2] + self.ARCHIVE[4:], ["holds no libtensorflow_framework.so(.2) (looked"]),
        ]):
            with self.subTest(words):
                own = self.folder(files, f"own {i}")
                os.makedirs(own, exist_ok=True)
                self.fails(words + ["It should be an unpacked libtensorflow archive"], self.link, LOCKSTEP_LIBTENSORFLOW=own)
                self.assertNothingKept()

    def test_a_changed_folder_is_adopted_anew(self):
        own = self.folder(self.PACKAGE)
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        before = os.readlink(self.link)
        self.write(os.path.join(own, "libtensorflow_cc.so"), b"newer")
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        self.assertNotEqual(os.readlink(self.link), before)
        with open(os.path.join(self.link, "lib", "libtensorflow.so"), "rb") as f:
            self.assertEqual(f.read(), b"newer")
        self.assertTrue(os.path.exists(os.path.join(before, "lib")), "another checkout's folder is gone")

    def test_what_is_there_is_left_alone(self):
        own = self.folder(self.PACKAGE)
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        before = os.stat(os.readlink(self.link))
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        after = os.stat(os.readlink(self.link))
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_a_damaged_one_is_mended(self):
        own = self.folder(self.PACKAGE)
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        shutil.rmtree(os.path.join(self.link, "lib"))
        self.succeeds(self.link, LOCKSTEP_LIBTENSORFLOW=own)
        self.assertTrue(os.path.exists(os.path.join(self.link, "lib", "libtensorflow.so")))
        self.assertEqual(len(os.listdir(self.cache)), 1)

    def test_many_at_once(self):
        own = self.folder(self.PACKAGE)
        runs = [self.start(self.link, LOCKSTEP_LIBTENSORFLOW=own) for _ in range(8)]
        for r in runs:
            status, _, err = self.finish(r)
            self.assertEqual(status, 0, err)
        self.assertEqual(os.listdir(self.cache), [os.path.basename(self.home_of(own))])
        self.assertTrue(os.path.exists(os.path.join(self.link, "lib", "libtensorflow.so")))


class Pins(unittest.TestCase):
    def test_the_real_pins_are_whole(self):
        with open(os.path.join(HERE, "pins.json"), encoding="utf-8") as f:
            pins = json.load(f)
        self.assertIn("linux-x86_64", pins["platforms"])
        for pin in pins["platforms"].values():
            self.assertRegex(pin["wheel_sha256"], "^[0-9a-f]{64}$")
            for name in list(pin["libraries"]) + list(pin["links"]):
                self.assertTrue(name.startswith("libtensorflow"), name)
            for lib in pin["libraries"].values():
                self.assertRegex(lib["sha256"], "^[0-9a-f]{64}$")
            self.assertLess(sum(lib["size"] for lib in pin["libraries"].values()) + 300e6, pins["needs_bytes"])
            for target in pin["links"].values():
                self.assertIn(target, pin["libraries"])


if __name__ == "__main__":
    unittest.main()
