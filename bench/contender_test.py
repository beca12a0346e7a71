import contextlib
import io
import os
import sys
import tempfile
import unittest
import unittest.mock

import numpy as np

import contender


class CaseTest(unittest.TestCase):
    def read(self, values):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "case")
            np.asarray(values, "<f4").tofile(path)
            return contender.Case(path)

    # One feature each, 1 unit, 1 output, a batch of 2 and 3 and 4 steps: 4 + 4 + 4 weights a layer, and 1 + 1.
    sizes = [1, 1, 1, 1, 2, 3, 4]

    def test_everything_stands_in_its_place(self):
        case = self.read(self.sizes + list(range(26 + 6 + 8)))
        self.assertEqual([w.shape for w in case.decoder], [(1, 4), (1, 4), (4,)])
        self.assertEqual(case.decoder[2].tolist(), [20, 21, 22, 23])
        self.assertEqual([w.ravel().tolist() for w in case.dense], [[24], [25]])
        self.assertEqual(case.encoder_input.shape, (2, 3, 1))
        self.assertEqual(case.decoder_input.ravel().tolist(), list(range(32, 40)))

    def test_a_case_that_is_cut_short_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "is cut short"):
            self.read(self.sizes + list(range(39)))

    def test_a_file_beside_it_is_of_these_values_alone(self):
        one, other = (self.read(self.sizes + [v] + [0] * 39) for v in (1, 2))
        self.assertNotEqual(os.path.basename(one.beside("x")).split(".")[1], os.path.basename(other.beside("x")).split(".")[1])


class ServeTest(unittest.TestCase):
    def serve(self, asked, **settings):
        calls, out = [], io.StringIO()
        with unittest.mock.patch.object(sys, "stdin", io.StringIO(asked)), contextlib.redirect_stdout(out):
            contender.serve(lambda: calls.append(1), lambda: np.array([[0.5], [-1]], np.float32), ["Engine 1"], **settings)
        return len(calls), out.getvalue().splitlines()

    def test_it_answers_and_runs_as_often_as_asked(self):
        calls, lines = self.serve("run 2 5\n")
        self.assertEqual(lines[0], "version Engine 1")
        self.assertIn("answer 0.5 -1", lines)
        self.assertRegex(lines[-1], r"^took \d+$")
        self.assertEqual(calls, 1 + 2 + 2 * 5)  # the answer, some that do not count, and those asked for

    def test_a_call_of_nothing_is_the_overhead(self):
        _, lines = self.serve("run 1 1\n", nothing=lambda: None)
        self.assertRegex(lines[-1], r"^took \d+ overhead=\d+$")

    def test_something_else_is_an_error(self):
        with self.assertRaisesRegex(SystemExit, "want run"):
            self.serve("walk 1 1\n")


if __name__ == "__main__":
    unittest.main()
