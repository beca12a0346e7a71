"""What a recipe is made from, and the models that are kept until that changes."""

import ast
import os
import shutil
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ALWAYS = ["requirements.txt"]
UNUSED = 24 * 3600  # seconds after which a folder that nobody uses is taken for left


def imported(name, everything=True):
    """The files of this folder that a module of it is made of: itself and what it imports, and so on.

    everything is False for what a module imports at its top alone: zoo.py imports all tables in a function.
    """
    found, left = set(), [name]
    while left:
        file = left.pop() + ".py"
        if file in found or not os.path.exists(os.path.join(HERE, file)):
            continue
        found.add(file)
        with open(os.path.join(HERE, file), encoding="utf-8") as f:
            tree = ast.parse(f.read())
        for node in ast.walk(tree) if everything else tree.body:
            if isinstance(node, ast.Import):
                left += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                left.append(node.module)
    return sorted(found)


def checksum(files):
    """The checksum of the names and contents of files."""
    content = 0
    for file in files:
        with open(os.path.join(HERE, file), "rb") as f:
            content = zlib.crc32(file.encode() + b"\0" + f.read(), content)
    return content


class Kept:
    """The models of recipes in a folder beside that of --whole, by the table that each recipe is an entry of.

    A recipe that names no table is made each time.
    """

    def __init__(self, beside, recipes):
        tables = {name: getattr(recipe, "table", None) for name, recipe in recipes.items()}
        homes = {table: os.path.join(beside, f"recipes-{table}-{checksum(imported(table, everything=False) + ALWAYS)}") for table in set(tables.values()) if table}
        self.homes = {name: homes[table] for name, table in tables.items() if table}
        for home in homes.values():
            if os.path.isdir(home):
                os.utime(home)

    def take(self, out, names):
        """Puts what was made before into a folder, and returns the names of the others."""
        missing = []
        for name in names:
            made = os.path.join(self.homes.get(name, ""), name)
            if name in self.homes and os.path.isdir(made):
                link(made, os.path.join(out, name))
            else:
                missing.append(name)
        return missing

    def keep(self, out, name):
        """Keeps what a recipe made in a folder. Any number of runs may keep the same."""
        if name not in self.homes:
            return
        home = self.homes[name]
        part = os.path.join(home, f"{name}.part-{os.getpid()}")
        os.makedirs(home, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        link(os.path.join(out, name), part)
        try:
            os.rename(part, os.path.join(home, name))
        except OSError:  # another run was faster, and made the same
            shutil.rmtree(part)


def link(folder, to):
    """Makes another folder of the same files."""
    shutil.copytree(folder, to, copy_function=link_file, symlinks=True)


def link_file(file, to, *, follow_symlinks=True):
    try:
        os.link(file, to, follow_symlinks=follow_symlinks)
    except OSError:  # a file system without links
        shutil.copy2(file, to, follow_symlinks=follow_symlinks)


def remove_old(beside, is_old):
    """Removes the folders in a folder that is_old tells from others, and that no one used for a day."""
    for name in os.listdir(beside):
        path = os.path.join(beside, name)
        if is_old(name) and time.time() - os.path.getmtime(path) > UNUSED:
            shutil.rmtree(path, ignore_errors=True)
