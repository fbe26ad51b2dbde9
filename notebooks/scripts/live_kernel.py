"""Compile the kernel of the live model: python notebooks/scripts/live_kernel.py

From cct_helpers/live_kernel.ts, AssemblyScript, to cct_helpers/live_kernel.wasm beside it, which is committed. Needs
npm and a network: it installs the compiler in a temporary folder, in the one version that gives the committed bytes.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from records import ROOT

SOURCE = ROOT / "cct_helpers" / "live_kernel.ts"
COMPILER = "assemblyscript@0.28.20"
OPTIONS = ["-O3", "--enable", "simd", "--runtime", "stub", "--importMemory", "--noExportMemory", "--noAssert"]


def install_from_npm(package, folder):
    """Install a package of npm, "name@version", below a folder; from npm's cache where it has it.

    Returns:
        The path of npm.

    Raises:
        FileNotFoundError: where npm is missing.
        subprocess.CalledProcessError: when npm fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(f"{package} comes through npm, which is not here: install Node.js.")
    options = ["--silent", "--prefer-offline", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run([npm, "install", *options, package], check=True, cwd=folder, capture_output=True, text=True)
    return npm


def compiled(source=SOURCE):
    """The bytes of the WebAssembly module that the compiler makes of `source`, a path.

    Raises:
        FileNotFoundError, subprocess.CalledProcessError: as `install_from_npm`, and when the compiler fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(source, Path(folder, "kernel.ts"))
        # In a folder of its own, so that the path of the source, which could get into the module, is always the same.
        npm = install_from_npm(COMPILER, folder)
        command = [npm, "exec", "--offline", "--", "asc", "kernel.ts", "-o", "kernel.wasm", *OPTIONS]
        subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True)
        return Path(folder, "kernel.wasm").read_bytes()


if __name__ == "__main__":
    target = SOURCE.with_suffix(".wasm")
    new = compiled()
    same = target.exists() and target.read_bytes() == new
    target.write_bytes(new)
    print(f"{target.relative_to(ROOT)}: {len(new)} bytes, {'as before' if same else 'changed'}")
