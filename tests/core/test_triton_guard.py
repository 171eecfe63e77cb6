"""Graphics drivers and what is imported after them."""

import builtins
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import napari_csc as csc
from napari_csc.core import triton_guard
from napari_csc.errors import CscError


@pytest.mark.parametrize(("is_loaded", "expected"), [(True, None), (False, "untouched")])
def test_triton_is_kept_out_beside_another_llvm(monkeypatch, is_loaded, expected) -> None:
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setattr(triton_guard, "_llvm_is_loaded", lambda: is_loaded)
    triton_guard.keep_triton_out()
    assert sys.modules.get("triton", "untouched") == expected
    monkeypatch.delitem(sys.modules, "triton", raising=False)


def test_triton_that_is_there_stays(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", sys)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setattr(triton_guard, "_llvm_is_loaded", lambda: True)
    triton_guard.keep_triton_out()
    assert sys.modules["triton"] is sys


@pytest.mark.parametrize(
    "error", [RuntimeError("operator torchvision::nms does not exist"), OSError("undefined symbol")]
)
def test_a_torchvision_of_another_torch_is_told(monkeypatch, tmp_path, error) -> None:
    real = builtins.__import__

    def fails(name, *others, **more):
        if name == "torchvision":
            raise error
        return real(name, *others, **more)

    rng = np.random.default_rng(0)
    np.save(tmp_path / "coils.npy", rng.normal(size=(4, 32, 32)) + 1j)
    monkeypatch.setattr(builtins, "__import__", fails)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.raises(CscError, match="install both anew and together"):
        csc.load(tmp_path / "coils.npy", kind="k-space", axes="coil,y,x")
    with pytest.raises(CscError, match="install both anew and together"):
        csc.metrics.haarpsi(np.ones((32, 32)), np.ones((32, 32)))


def test_without_torchvision_what_needs_it_says_so(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    triton_guard.check_torchvision()


@pytest.mark.gui
@pytest.mark.slow
def test_coils_are_combined_after_the_viewer_has_drawn() -> None:
    """In a process of its own, as only the first import of mrpro could crash it."""
    script = """
        import sys
        import torch
        import napari_csc as csc
        from napari_csc.viewer.app import open_viewer

        viewer, dock = open_viewer()
        viewer.screenshot(flash=False)
        assert "mrpro" not in sys.modules
        kspace = torch.randn(1, 3, 32, 32, dtype=torch.complex64)
        acquisition = csc.Acquisition.from_kspace(kspace)
        truth = torch.rand(32, 32)
        same = csc.metrics.haarpsi(truth, truth)
        print("coils", acquisition.n_coils, "mrpro" in sys.modules, f"{same:.3f}")
        viewer.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "coils 3 True 1.000" in done.stdout
