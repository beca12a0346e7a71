"""Puts libtensorflow where cgo finds it, and says what is wrong where it cannot.

    python3 fetch.py LINK      make LINK/lib, LINK/include and LINK/stub ready
    python3 fetch.py --where   print the folder that LINK will point to
    python3 fetch.py --cache   print the cache folder

The library and its C headers come out of the tensorflow-cpu wheel, whose
version and hashes are pinned in pins.json. They are kept in the user's cache
($LOCKSTEP_CACHE, else $XDG_CACHE_HOME/lockstep, else ~/.cache/lockstep), so
that a second clone downloads nothing; LINK is a symbolic link to them. Only
the first form writes anything. Any number of runs may go on at once.

$LOCKSTEP_LIBTENSORFLOW names a folder that already holds a libtensorflow: an
unpacked C library archive (lib/, include/) or an installed tensorflow package.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile

PINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pins.json")
MINIMUM = (3, 8)


class Failure(Exception):
    """What went wrong, and what to do about it."""


def main(argv):
    if sys.version_info < MINIMUM:
        raise Failure(
            f"{sys.executable} is Python {platform.python_version()}, want {'.'.join(map(str, MINIMUM))} or later: "
            "name one with make PYTHON=/path/to/python3"
        )
    if len(argv) != 2 or argv[1].startswith("-") and argv[1] not in ("--where", "--cache"):
        raise Failure("usage: fetch.py LINK | fetch.py --where | fetch.py --cache")
    if argv[1] == "--cache":
        print(cache_root())
        return
    own = os.environ.get("LOCKSTEP_LIBTENSORFLOW", "")
    if own:
        home, links = adopted(own)
    else:
        pins = read_pins()
        pin = pins["platforms"].get(platform_name())
        if pin is None:
            raise Failure(
                f"no libtensorflow is pinned for {platform_name()}, only for {', '.join(sorted(pins['platforms']))}.\n"
                "Set LOCKSTEP_LIBTENSORFLOW to a folder with lib/ and include/ of a libtensorflow for this machine,\n"
                "or use what needs none: make build-pure."
            )
        home = os.path.join(cache_root(), f"libtensorflow-{pins['version']}-{platform_name()}")
    if argv[1] == "--where":
        print(home)
        return
    try:
        if own:
            adopt(home, links)
        else:
            fetch(pins, pin, home)
    except OSError as e:
        raise Failure(f"{e}\nSet LOCKSTEP_CACHE to a folder on a disk that can be written to and has room.") from e
    link(home, argv[1])


def read_pins():
    with open(PINS, encoding="utf-8") as f:
        return json.load(f)


def platform_name():
    return f"{platform.system().lower()}-{platform.machine().lower()}"


def cache_root():
    root = os.environ.get("LOCKSTEP_CACHE")
    if not root:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        root = os.path.join(base, "lockstep")
    if not os.path.isabs(root):
        raise Failure(f"the cache folder is {root!r}, want an absolute path: set HOME or LOCKSTEP_CACHE")
    return root


def complete(home, pin):
    """Tells whether home was filled before: the stamp is written last, after the hashes were right."""
    try:
        with open(os.path.join(home, "pin.json"), encoding="utf-8") as f:
            if json.load(f) != pin:
                return False
        parts = [os.path.join("include", name) for name in pin["headers"]]
        parts += [os.path.join("lib", name) for name in pin["links"]] + [STUB]
        return all(os.path.exists(os.path.join(home, name)) for name in parts) and all(
            os.path.getsize(os.path.join(home, "lib", name)) == lib["size"] for name, lib in pin["libraries"].items()
        )
    except (OSError, ValueError):
        return False


def fetch(pins, pin, home):
    if complete(home, pin):
        return
    cache = os.path.dirname(home)
    os.makedirs(cache, exist_ok=True)
    with locked(cache) as alone:
        if complete(home, pin):  # somebody else was faster
            return
        if alone:
            # What a run left that was killed where it could not clean up.
            for name in os.listdir(cache):
                if name.startswith(WORK):
                    shutil.rmtree(os.path.join(cache, name), ignore_errors=True)
        free = shutil.disk_usage(cache).free
        if free < pins["needs_bytes"]:
            raise Failure(
                f"{cache} has {free >> 20} MiB free, libtensorflow needs {pins['needs_bytes'] >> 20} MiB: "
                "free some, or set LOCKSTEP_CACHE to a folder on another disk"
            )
        # Everything happens in a folder of our own that is renamed at the end,
        # so that an interrupted run leaves no half a library.
        with work_folder(cache, WORK) as work:
            wheel = download(pins, pin, work)
            check_hash(wheel, pin["wheel_sha256"], "the wheel")
            ready = os.path.join(work, "ready")
            unpack(wheel, pin, ready)
            with open(os.path.join(ready, "pin.json"), "w", encoding="utf-8") as f:
                json.dump(pin, f)
            shutil.rmtree(home, ignore_errors=True)
            os.rename(ready, home)


WORK = ".fetch-"


@contextlib.contextmanager
def work_folder(cache, prefix):
    work = tempfile.mkdtemp(prefix=prefix, dir=cache)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def locked(cache):
    """Lets one run at a time fetch; yields whether that is certain, which it is not on a disk without locks."""
    import fcntl

    with open(os.path.join(cache, ".lock"), "w", encoding="utf-8") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is fetching it; waiting ...")
            fcntl.flock(f, fcntl.LOCK_EX)
        except OSError:
            yield False
            return
        yield True


def download(pins, pin, work):
    pip = find_pip(work)
    say(f"fetching {pins['package']} {pins['version']} for {platform_name()} (270 MB, once) ...")
    command = pip + [
        "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check",
        "--implementation", "cp", "--python-version", pin["python"], "--abi", "cp" + pin["python"],
        "--platform", pin["tag"], "--dest", work, f"{pins['package']}=={pins['version']}",
    ]  # fmt: skip
    # pip's own temporary files are as large as the wheel, and /tmp may be small.
    environment = dict(os.environ, TMPDIR=work, PIP_REQUIRE_VIRTUALENV="0")
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, env=environment
    )
    wheels = [name for name in os.listdir(work) if name.endswith(".whl")]
    if done.returncode != 0 or len(wheels) != 1:
        raise Failure(
            f"pip could not download {pins['package']}=={pins['version']} (exit status {done.returncode}):\n"
            + "".join(f"    {line}\n" for line in done.stdout.strip().splitlines()[-8:])
            + "Check the network and pip's configuration (pip config list), then run the same command again;\n"
            "or set LOCKSTEP_LIBTENSORFLOW to a folder that holds a libtensorflow."
        )
    return os.path.join(work, wheels[0])


def find_pip(work):
    """Returns a command that runs pip: this Python's own, or that of a fresh virtual environment."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run(own + ["--version"], capture_output=True, check=False).returncode == 0:
        return own
    venv = os.path.join(work, "venv")
    made = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True, text=True, errors="replace", check=False)
    if made.returncode == 0:
        return [os.path.join(venv, "bin", "python"), "-m", "pip"]
    reason = ((made.stderr + made.stdout).strip().splitlines() or ["no reason given"])[0]
    raise Failure(
        f"{sys.executable} has no pip, and no virtual environment could be made with it:\n"
        f"    {reason}\n"
        "Install pip (on Debian: apt-get install python3-pip python3-venv), or set LOCKSTEP_LIBTENSORFLOW."
    )


def unpack(wheel, pin, ready):
    try:
        with zipfile.ZipFile(wheel) as z:
            os.makedirs(os.path.join(ready, "lib"))
            for name, lib in pin["libraries"].items():
                say(f"unpacking {name} ({lib['size'] >> 20} MiB) ...")
                target = os.path.join(ready, "lib", name)
                extract(z, "tensorflow/" + name, target)
                check_hash(target, lib["sha256"], name)
            unpack_headers(z, pin["headers"], os.path.join(ready, "include"))
    except zipfile.BadZipFile as e:
        raise Failure(f"{os.path.basename(wheel)} is not a readable wheel ({e}): run the same command again") from e
    for name, target in pin["links"].items():
        os.symlink(target, os.path.join(ready, "lib", name))
    make_stub(ready)


def unpack_headers(z, headers, include):
    """Unpacks the headers that the Go binding includes and those that they reach: 20 of 13,000."""
    prefix = "tensorflow/include/"
    todo, seen = list(headers), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        target = os.path.join(include, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        extract(z, prefix + name, target)
        with open(target, encoding="utf-8") as f:
            todo += re.findall(r'^\s*#\s*include\s+"([^"]+)"', f.read(), flags=re.M)


STUB = os.path.join("stub", "libtensorflow.a")


def make_stub(home):
    """Writes an empty archive in libtensorflow's name, for programs that open the library when they need it."""
    os.makedirs(os.path.join(home, os.path.dirname(STUB)))
    with open(os.path.join(home, STUB), "wb") as f:
        f.write(b"!<arch>\n")


def extract(z, member, target):
    try:
        with z.open(member) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    except KeyError:
        raise Failure(
            f"the wheel {os.path.basename(z.filename)} lacks {member}, which the pinned version has.\n"
            "pins.json and the wheel do not belong together: get the version that pins.json names."
        ) from None


def check_hash(path, want, what):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != want:
        raise Failure(
            f"{what} has the SHA-256 {digest.hexdigest()}, want {want}.\n"
            "It is not the file that was pinned; nothing was kept. Check pip's index and any proxy between."
        )


def adopted(own):
    """Finds the library and the headers of a libtensorflow that the user has.

    Returns the folder in the cache that is to be shaped as ours, and the links
    that belong into it. The folder's name tells its contents, so what is there
    once never changes.
    """
    if not os.path.isabs(own):
        raise Failure(
            f"LOCKSTEP_LIBTENSORFLOW={own} is relative, and tests run in other folders: set it to {os.path.abspath(own)}"
        )
    own = os.path.normpath(own)
    if not os.path.isdir(own):
        raise Failure(f"LOCKSTEP_LIBTENSORFLOW={own}: no such folder")
    dirs = [os.path.join(own, "lib"), own]
    ends = (".so", ".so.2", ".dylib", ".2.dylib")

    def first(stems):
        for d in dirs:
            for stem in stems:
                for end in ends:
                    if os.path.exists(os.path.join(d, stem + end)):
                        return os.path.join(d, stem + end)
        return None

    main_library = first(["libtensorflow", "libtensorflow_cc"])
    framework = first(["libtensorflow_framework"])
    header = os.path.join(own, "include", "tensorflow", "c", "c_api.h")
    missing = [
        what
        for what, found in [
            ("libtensorflow.so or libtensorflow_cc.so.2", main_library),
            ("libtensorflow_framework.so(.2)", framework),
            ("include/tensorflow/c/c_api.h", os.path.exists(header)),
        ]
        if not found
    ]
    if missing:
        raise Failure(
            f"LOCKSTEP_LIBTENSORFLOW={own} holds no {', no '.join(missing)} (looked in it and in its lib/).\n"
            "It should be an unpacked libtensorflow archive or the folder of an installed tensorflow package."
        )
    links = {"include": os.path.join(own, "include")}
    for d in dirs:
        for name in sorted(os.listdir(d)) if os.path.isdir(d) else []:
            if name.startswith("libtensorflow") and os.path.exists(os.path.join(d, name)):
                links.setdefault(os.path.join("lib", name), os.path.join(d, name))
    end = ".dylib" if platform.system() == "Darwin" else ".so"
    links.setdefault(os.path.join("lib", "libtensorflow" + end), main_library)
    links.setdefault(os.path.join("lib", "libtensorflow_framework" + end), framework)
    digest = hashlib.sha256(json.dumps(links, sort_keys=True).encode()).hexdigest()[:12]
    return os.path.join(cache_root(), "libtensorflow-own-" + digest), links


def adopt(home, links):
    """Makes the folder that adopted named, unless it is there."""

    def there():
        return os.path.exists(os.path.join(home, STUB)) and all(
            os.path.islink(os.path.join(home, name)) and os.readlink(os.path.join(home, name)) == target
            for name, target in links.items()
        )

    if there():
        return
    cache = os.path.dirname(home)
    os.makedirs(cache, exist_ok=True)
    with work_folder(cache, ".adopt-") as work:
        ready = os.path.join(work, "ready")
        os.makedirs(os.path.join(ready, "lib"))
        for name, target in links.items():
            os.symlink(target, os.path.join(ready, name))
        make_stub(ready)
        try:
            if os.path.lexists(home) and not there():
                os.rename(home, os.path.join(work, "damaged"))
            os.rename(ready, home)
        except OSError:
            if not there():  # else somebody was faster
                raise


def link(home, name):
    if os.path.islink(name):
        if os.readlink(name) == home:
            return
    elif os.path.exists(name):
        raise Failure(f"{name} is in the way: it should be a link that this script makes; move it and run again")
    temporary = f"{name}.{os.getpid()}"
    os.symlink(home, temporary)
    try:
        os.replace(temporary, name)
    except OSError:
        os.unlink(temporary)
        raise


def say(message):
    print("libtensorflow: " + message, file=sys.stderr, flush=True)


def run(argv):
    """Runs main; returns the exit status."""
    # What ends a job politely must clean up as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(argv)
    except (Failure, OSError) as e:
        print(f"libtensorflow: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("libtensorflow: interrupted; nothing was kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv))
