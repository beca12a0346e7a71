"""Puts empty libraries where PyTorch's wheel for Linux on x86-64 looks for CUDA's.

The package index has no wheel without CUDA, and this one does not load without 2.5 GB of libraries that a
processor has no use for. Three small ones are installed as they are (requirements.txt); these have their names
and versions alone, and no functions: torch_peer.py loads PyTorch so that a function is looked for when it is
called.

    python without_cuda.py          in the environment that has PyTorch
"""

import os
import platform
import subprocess
import sysconfig
import tempfile

LIBRARIES = {  # and the version of their symbols
    "libcublas.so.13": "libcublas.so.13",
    "libcublasLt.so.13": "libcublasLt.so.13",
    "libcudnn.so.9": "libcudnn.so.9",
    "libcufft.so.12": "libcufft.so.12",
    "libcusparse.so.12": "libcusparse.so.12",
    "libcusparseLt.so.0": None,
    "libnccl.so.2": None,
    "libnvrtc.so.13": "libnvrtc.so.13",
    "libnvshmem_host.so.3": "NVSHMEM",
}
VARIABLES = {"libnvshmem_host.so.3": "char nvshmem_selected_device_transport[64];"}  # looked for when it is loaded


def main():
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return
    folder = os.path.join(sysconfig.get_path("platlib"), "nvidia", "cu13", "lib")
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        source, versions = os.path.join(work, "variables.c"), os.path.join(work, "versions")
        for name, version in LIBRARIES.items():
            with open(source, "w", encoding="utf-8") as f:
                f.write(VARIABLES.get(name, ""))
            command = [os.environ.get("CC", "cc"), "-shared", "-o", os.path.join(folder, name), source, "-Wl,-soname," + name]
            if version:
                with open(versions, "w", encoding="utf-8") as f:
                    f.write(version + " { global: *; };\n")
                command.append("-Wl,--version-script=" + versions)
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
