"""Tests of the targets' programs: no network, no Keras and no TensorFlow."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import build  # noqa: E402
import cache  # noqa: E402
import dev  # noqa: E402
import suite  # noqa: E402


class CacheTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.addCleanup(self.root.cleanup)
        variables = unittest.mock.patch.dict(os.environ, {"LOCKSTEP_CACHE": self.root.name})
        variables.start()
        self.addCleanup(variables.stop)
        self.commands = []

    def commands_do(self, made=()):
        """Lets commands do nothing but what a pip or a recipe leaves behind."""

        def run(command, stdout=None, **variables):
            self.commands.append(command)
            for path in made:
                os.makedirs(path, exist_ok=True)

        patched = unittest.mock.patch.object(cache, "run", run)
        patched.start()
        self.addCleanup(patched.stop)

    def test_names_follow_contents(self):
        with tempfile.TemporaryDirectory() as checkout:
            for source in {s for of in cache.sources().values() for s in of}:
                os.makedirs(os.path.join(checkout, os.path.dirname(source)), exist_ok=True)
                with open(os.path.join(checkout, source), "w", encoding="utf-8") as f:
                    f.write(source)
            with unittest.mock.patch.object(cache, "ROOT", checkout):
                before = {name: cache.where(name) for name in cache.sources()}
                self.assertEqual(len(set(before.values())), len(before))
                for name, home in before.items():
                    self.assertRegex(os.path.relpath(home, self.root.name), rf"^{name}-\d+$")
                with open(os.path.join(checkout, "models", "zoo.py"), "a", encoding="utf-8") as f:
                    f.write("# changed")
                self.assertEqual([name for name in before if cache.where(name) != before[name]], ["models", "models-all", "bench-models"])
                with open(os.path.join(checkout, cache.REQUIREMENTS), "a", encoding="utf-8") as f:
                    f.write("# changed")
                changed = [name for name in before if cache.where(name) != before[name]]
                self.assertEqual(changed, ["keras", "models", "models-all", "bench-models", "structures", "structures-few", "parties"])

    def test_recipes_of_the_zoo(self):
        recipes = cache.zoo()
        self.assertIn("models/zoo.py", recipes)
        self.assertIn(cache.REQUIREMENTS, recipes)
        for other in ("make", "golden", "reports", "coverage", "ops_math", "ops_lists"):
            self.assertNotIn(f"models/{other}.py", recipes)
            self.assertTrue(os.path.exists(os.path.join(cache.ROOT, "models", other + ".py")), other)

    def test_keras_is_installed_once(self):
        home = cache.where("keras")
        self.commands_do(made=[home])
        with unittest.mock.patch.object(cache, "check_python", lambda: None), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(cache.keras(), os.path.join(home, "bin", "python"))
            installed = len(self.commands)
            cache.keras()
        self.assertEqual((installed, len(self.commands)), (2, 2))
        self.assertIn(cache.REQUIREMENTS, self.commands[1])

    def test_an_interrupted_installation_begins_again(self):
        home = cache.where("keras")
        os.makedirs(os.path.join(home, "half"))
        self.commands_do(made=[home])
        with unittest.mock.patch.object(cache, "check_python", lambda: None), contextlib.redirect_stderr(io.StringIO()):
            cache.keras()
        self.assertEqual(os.listdir(home), ["complete"])

    def test_a_failed_installation_has_no_stamp(self):
        failing = unittest.mock.patch.object(cache, "environment", unittest.mock.Mock(side_effect=cache.Failure("no network")))
        with failing, unittest.mock.patch.object(cache, "check_python", lambda: None), contextlib.redirect_stderr(io.StringIO()):
            self.assertRaises(cache.Failure, cache.keras)
        self.assertFalse(cache.stamped(cache.where("keras")))

    def test_models_are_made_once_and_touched(self):
        home, interpreter = cache.where("models"), cache.python()
        os.makedirs(os.path.dirname(os.path.dirname(interpreter)))
        cache.stamp(cache.where("keras"))
        self.commands_do(made=[home])
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(cache.models(), home)
            os.utime(home, (1, 1))
            cache.models()
        self.assertEqual(len(self.commands), 1)
        self.assertEqual(self.commands[0][0], interpreter)
        self.assertGreater(os.path.getmtime(home), 1e9)  # so that make.py does not take it for left

    def test_every_model_is_made_where_asked(self):
        os.makedirs(os.path.dirname(os.path.dirname(cache.python())))
        cache.stamp(cache.where("keras"))
        self.commands_do(made=[cache.where("models-all")])
        with contextlib.redirect_stderr(io.StringIO()), unittest.mock.patch.dict(os.environ, ZOO="all"):
            self.assertEqual(cache.models(), cache.where("models-all"))
        self.assertEqual(cache.models(every=True), cache.where("models-all"))
        self.assertEqual([command[-1] for command in self.commands], ["zoo"])

    def test_other_pythons_are_refused(self):
        for version in ((3, 10, 9), (3, 14, 0)):
            with unittest.mock.patch.object(sys, "version_info", version):
                self.assertRaisesRegex(cache.Failure, "wants Python 3.11 to 3.13", cache.check_python)

    def test_failures_are_failures(self):
        with self.assertRaisesRegex(cache.Failure, "ended with 3"):
            cache.run([sys.executable, "-c", "import sys; sys.exit(3)"])


class BuildTest(unittest.TestCase):
    def test_commands_are_printed_as_a_shell_takes_them(self):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            build.run([sys.executable, "-c", "import os; assert os.environ['A'] == '$x y'"], {"A": "$x y", "B": "'b'"})
        self.assertIn("B=\"'b'\" ", said.getvalue())
        self.assertEqual(subprocess.run(["sh", "-ec", said.getvalue()], check=False).returncode, 0)

    def test_no_compiler(self):
        with unittest.mock.patch.object(build, "output", lambda *_: "no-such-compiler -m32"):
            self.assertRaisesRegex(build.Failure, "no C compiler no-such-compiler -m32, .*build-pure", build.compiler)

    def test_settings(self):
        with unittest.mock.patch.dict(os.environ, {"BIN": "", "FUZZTIME": "5s"}):
            self.assertEqual((build.setting("BIN", "bin/lockstep"), build.setting("FUZZTIME", "60s")), ("bin/lockstep", "5s"))


class SuiteTest(unittest.TestCase):
    def test_what_differs_with_tensorflow(self):
        found = suite.differing(".")
        self.assertIn(build.PACKAGE + "/tfbridge", found[""])  # its own code differs
        self.assertIn(build.PACKAGE + "/cmd/lockstep", found[""])  # it imports tfbridge
        self.assertNotIn(build.PACKAGE + "/native", found[""])  # at most a test of it imports tfbridge
        every = [package for packages in found.values() for package in packages]
        self.assertEqual(len(every), len(set(every)))
        for pure in ("internal/kernel", "internal/engine", "compare"):
            self.assertNotIn(f"{build.PACKAGE}/{pure}", every)
        only = {package: tests for tests, packages in found.items() for package in packages}
        pattern = only[build.PACKAGE + "/internal/rounding"]  # a file of tests is added
        with open(os.path.join(build.ROOT, "internal", "rounding", "tensorflow_test.go"), encoding="utf-8") as f:
            tests = re.findall(r"^func (Test\w+)", f.read(), flags=re.M)
        self.assertTrue(tests and all(re.match(pattern, test) for test in tests), pattern)
        self.assertIsNone(re.match(pattern, "TestOther"))

    def test_every_tagged_test_runs(self):
        """Every package with a file of the tag is run with it."""
        run = {package for packages in suite.differing(".").values() for package in packages}
        tagged = subprocess.run(
            ["git", "grep", "-l", "^//go:build tensorflow", "--", "*_test.go", ":!examples/forecast"],
            cwd=build.ROOT, stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.split()  # fmt: skip
        self.assertGreater(len(tagged), 10)
        self.assertEqual({f"{build.PACKAGE}/{os.path.dirname(name)}" for name in tagged} - run, set())

    def test_fuzz_targets(self):
        targets = suite.fuzz_targets()
        self.assertIn(("./native/savedmodel", "FuzzIndex"), targets)
        self.assertEqual(len(targets), len({name for _, name in targets}))
        said = "fuzz: elapsed: 0s, gathering\nfuzz: elapsed: 1s, execs: 9\nok\n"
        with unittest.mock.patch.object(subprocess, "run", return_value=unittest.mock.Mock(returncode=0, stdout=said)) as run:
            self.assertEqual(suite.fuzz_one("./a", "FuzzB", "1s"), "fuzz FuzzB: elapsed: 1s, execs: 9")
        self.assertIn("^FuzzB$", run.call_args.args[0])
        with unittest.mock.patch.object(subprocess, "run", return_value=unittest.mock.Mock(returncode=1, stdout="--- FAIL")):
            self.assertRaisesRegex(suite.Failure, "FuzzB of ./a:\n--- FAIL", suite.fuzz_one, "./a", "FuzzB", "1s")

    def test_a_target_whose_time_is_up_found_nothing(self):
        time_is_up = "fuzz: elapsed: 10s, execs: 9\n--- FAIL: FuzzB (10.14s)\n    context deadline exceeded\nFAIL\nexit status 1\n"
        with tempfile.TemporaryDirectory() as root, unittest.mock.patch.object(suite, "ROOT", root):
            folder = os.path.join(root, "a", "testdata", "fuzz", "FuzzB")
            os.makedirs(folder)

            def fuzz(said, writes=None):
                def run(*args, **keywords):
                    if writes:
                        open(os.path.join(folder, writes), "w", encoding="utf-8").close()
                    return unittest.mock.Mock(returncode=1, stdout=said)

                with unittest.mock.patch.object(subprocess, "run", run):
                    return suite.fuzz_one("./a", "FuzzB", "10s")

            self.assertEqual(fuzz(time_is_up), "fuzz FuzzB: elapsed: 10s, execs: 9")
            for found in ("    fuzzing process hung or terminated unexpectedly: exit status 2\n", "    --- FAIL: FuzzB (0.00s)\n"):
                said = time_is_up.replace("    context deadline exceeded\n", found)
                self.assertRaises(suite.Failure, fuzz, said)
            self.assertRaises(suite.Failure, fuzz, time_is_up, writes="0a1b")

    def test_tests_on_kernels_exist(self):
        for package, pattern in suite.ON_KERNELS.items():
            folder = os.path.join(build.ROOT, package)
            paths = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith("_test.go")]
            tests = suite.tests_in(paths)
            for alternative in pattern.removeprefix("^(").removesuffix(")$").split("|"):
                self.assertTrue(any(re.fullmatch(alternative, test) for test in tests), f"{package} has no {alternative}")

    def test_packages_by_processor(self):
        """lint looks for another processor at all packages that have files for some processors alone."""
        files = build.output(["git", "ls-files", "*_amd64.go", "*_arm64.go", "*.s"]).split("\n")
        self.assertEqual({"./" + os.path.dirname(name) for name in files}, set(suite.BY_PROCESSOR))

    def test_without_qemu(self):
        for variables, wanted in ({"CI": "true"}, "must run in CI"), ({"CI": ""}, ""), ({"CI": "true", "LOCKSTEP_NOT_AVAILABLE": "qemu-aarch64"}, ""):
            with unittest.mock.patch.dict(os.environ, variables), contextlib.redirect_stderr(io.StringIO()) as said:
                os.environ.setdefault("LOCKSTEP_NOT_AVAILABLE", "")
                with unittest.mock.patch("platform.system", lambda: "Linux"):
                    if wanted:
                        self.assertRaisesRegex(suite.Failure, wanted, suite.not_run, "qemu-aarch64")
                    else:
                        suite.not_run("qemu-aarch64")
                        self.assertIn("NOT RUN", said.getvalue())

    def test_commands_run_together(self):
        say = [sys.executable, "-c", "import os, sys; print(os.environ['WORD']); sys.exit(int(sys.argv[1]))"]
        with contextlib.redirect_stdout(io.StringIO()) as said:
            suite.together(*(([*say, "0"], {"WORD": word}) for word in ("first", "second", "third")))
        self.assertEqual({"first", "second", "third"} - set(said.getvalue().split("\n")), set())
        with contextlib.redirect_stdout(io.StringIO()) as said:
            with self.assertRaisesRegex(suite.Failure, "ended with 3"):
                suite.together(([*say, "0"], {"WORD": "first"}), ([*say, "3"], {"WORD": "failing"}))
        self.assertIn("failing", said.getvalue().split("\n"))

    def test_a_failing_stage_ends_the_run(self):
        done = []

        def fail():
            raise suite.Failure("it is broken")

        stages = {"first": lambda: done.append(1), "second": fail, "third": lambda: done.append(3)}
        with unittest.mock.patch.object(suite, "STAGES", stages), contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertRaisesRegex(suite.Failure, "it is broken", suite.test)
        self.assertEqual(done, [1])
        self.assertRegex(said.getvalue(), r"second +0 +0\ntogether +0 +0")


class MakefileTest(unittest.TestCase):
    def test_targets_are_the_programs(self):
        with open(os.path.join(build.ROOT, "Makefile"), encoding="utf-8") as f:
            text = f.read()
        done = re.search(r"^(.+):\n\t@command -v", text, flags=re.M).group(1).split()
        self.assertEqual(sorted(done), sorted(dev.TARGETS))
        explained = re.findall(r"^([a-z][a-z0-9-]*): ## ", text, flags=re.M)
        phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", text, flags=re.M).group(1).replace("\\\n", " ").split()
        self.assertEqual(sorted(phony), sorted({*done, *explained}))

    def test_unknown_targets(self):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual((dev.main(["no-such"]), dev.main([])), (1, 1))
        self.assertIn("no target no-such; there are batch, batch-runners, bench", said.getvalue())

    def test_failures_are_said(self):
        with unittest.mock.patch.dict(dev.TARGETS, {"demo": unittest.mock.Mock(side_effect=cache.Failure("no network"))}):
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(dev.main(["demo"]), 1)
        self.assertEqual(said.getvalue(), "make: no network\n")


if __name__ == "__main__":
    unittest.main()
