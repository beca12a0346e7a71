"""Tests of which models are made for the tests."""

import unittest

import tested


class Tested(unittest.TestCase):
    def test_one_of_two_twins(self):
        options = [f"option{i}" for i in range(100)]
        names = [option + by for option in options for by in tested.BOTH]
        made = tested.chosen(names, [])
        self.assertEqual(sorted({tested.without_producer(name)[0] for name in made}), sorted(options))
        self.assertEqual(len(made), len(options))
        for by in tested.BOTH:
            self.assertGreater(len([name for name in made if name.endswith(by)]), 25)

    def test_what_has_no_twin_is_made(self):
        names = [f"a{i}_keras3" for i in range(9)] + [f"b{i}_tfkeras" for i in range(9)] + ["module_c"]
        self.assertEqual(tested.chosen(names, []), sorted(names))

    def test_what_a_test_names_is_made(self):
        names = [f"a{i}{by}" for i in range(9) for by in tested.BOTH]
        self.assertEqual(tested.chosen(names, names), sorted(names))

    def test_names_in_tests(self):
        self.assertIn("guide_weather_residual_keras3", tested.named())


if __name__ == "__main__":
    unittest.main()
