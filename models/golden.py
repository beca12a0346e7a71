"""Records a golden from Keras or anything else that gives arrays; it needs numpy alone.

    golden("my_model.golden", {"x": x}, {"output_0": model.predict(x)}, saved_model="my_model", keras=keras.__version__)

`lockstep golden verify my_model my_model.golden` reads it. Names are those of the SavedModel's signature, as
`lockstep inspect` shows them; states go by <layer>/state_h and <layer>/state_c.
"""

import hashlib
import json
import pathlib

import numpy as np


def golden(path, inputs, outputs, states={}, saved_model=None, **versions):
    header = {"format": 1, "engine": "keras", "versions": versions, "files": {}}
    for file in sorted(pathlib.Path(saved_model).rglob("*")) if saved_model else []:
        if file.is_file():
            header["files"][file.relative_to(saved_model).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()
    arrays = {f"{kind}/{name}": x for kind, all in [("inputs", inputs), ("outputs", outputs), ("states", states)] for name, x in all.items()}
    with open(path, "wb") as f:  # numpy.savez would add .npz to a name
        np.savez_compressed(f, golden=json.dumps(header), **arrays)
