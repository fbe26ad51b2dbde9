"""The committed WebAssembly is what the compiler makes of the committed source."""

import os
import subprocess

import live_kernel
import pytest


@pytest.mark.whole
def test_the_kernel_can_be_built_again_to_the_byte(tmp_path):
    """Needs npm, and the compiler in npm's cache or a network."""
    try:
        built = live_kernel.compiled()
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        how = "to build the kernel: install Node.js and, with a network, run python notebooks/scripts/live_kernel.py"
        reason = f"{how} ({getattr(error, 'stderr', None) or error})"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    assert built == live_kernel.SOURCE.with_suffix(".wasm").read_bytes()
    assert built[:4] == b"\0asm" and len(built) < 1000

    changed = tmp_path / "kernel.ts"
    source = live_kernel.SOURCE.read_text(encoding="utf-8")
    changed.write_text(source.replace("f32x4.mul(q, w3)", "f32x4.mul(p, w3)"), encoding="utf-8")
    assert live_kernel.compiled(changed) != built  # so another source would have been found out
