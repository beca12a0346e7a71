"""Tests of what is kept of recipes, on files that stand for them."""

import os
import shutil
import tempfile
import unittest
import unittest.mock

import kept


class Recipes(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        patched = unittest.mock.patch.object(kept, "HERE", self.root)
        patched.start()
        self.addCleanup(patched.stop)
        for name, text in {
            "all.py": "import os\ndef recipes():\n    import one, two\n",
            "one.py": "from all import x\nfrom shared import y\n",
            "two.py": "from all import x\n",
            "shared.py": "import numpy\n",
            "requirements.txt": "keras\n",
        }.items():
            self.write(name, text)

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as f:
            f.write(text)

    def kept(self):
        recipe = [lambda out: None for _ in range(3)]
        recipe[0].table, recipe[1].table = "one", "two"
        return kept.Kept(os.path.join(self.root, "cache"), dict(zip(("of_one", "of_two", "of_none"), recipe)))

    def make(self, name):
        """What a recipe makes, and how it is kept."""
        out = tempfile.mkdtemp(dir=self.root)
        os.makedirs(os.path.join(out, name, "deep"))
        with open(os.path.join(out, name, "deep", "file"), "w", encoding="utf-8") as f:
            f.write(name)
        self.kept().keep(out, name)

    def test_what_a_module_is_made_of(self):
        self.assertEqual(kept.imported("all"), ["all.py", "one.py", "shared.py", "two.py"])
        self.assertEqual(kept.imported("two", everything=False), ["all.py", "two.py"])

    def test_kept_until_the_table_changes(self):
        names = ["of_one", "of_two", "of_none"]
        for name in names:
            self.make(name)
        out = os.path.join(self.root, "out")
        os.mkdir(out)
        self.assertEqual(self.kept().take(out, names), ["of_none"])
        with open(os.path.join(out, "of_one", "deep", "file"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "of_one")
        for changed, missing in {
            "shared.py": ["of_one", "of_none"],  # which two.py does not import
            "requirements.txt": names,
        }.items():
            self.write(changed, "# changed\n")
            shutil.rmtree(out)
            os.mkdir(out)
            self.assertEqual(self.kept().take(out, names), missing, changed)

    def test_kept_by_two_runs(self):
        self.make("of_one")
        self.make("of_one")
        home = self.kept().homes["of_one"]
        self.assertEqual(os.listdir(home), ["of_one"])

    def test_old_folders_are_removed(self):
        beside = os.path.join(self.root, "cache")
        for name in ("recipes-one-1", "recipes-two-2", "other-1"):
            os.makedirs(os.path.join(beside, name))
            if name != "recipes-two-2":
                os.utime(os.path.join(beside, name), (0, 0))
        kept.remove_old(beside, lambda name: name.startswith("recipes-"))
        self.assertEqual(sorted(os.listdir(beside)), ["other-1", "recipes-two-2"])


if __name__ == "__main__":
    unittest.main()
