"""Files that leave something open, and what the viewer shows of them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.phantom.head import head_phantom
from napari_csc.viewer.demo.driver import Driver

_SIZE, _PLANES = 128, 8
# Weights of coils that vary by so much could as well be slices of one object.
_VARIES = 0.5
_NOISE = 0.05


def ask_slices_or_coils(driver: Driver) -> None:
    """Open k-space of which nobody can tell whether its planes are slices or coils."""
    driver.with_scan()
    head = head_phantom(_SIZE, 1, "flair", seed=1)[0].numpy()
    y, x = np.meshgrid(*[np.linspace(-1, 1, _SIZE)] * 2, indexing="ij")
    angles = np.linspace(0, 2 * np.pi, _PLANES)
    weights = np.stack([1 + _VARIES * (np.cos(one) * y + np.sin(one) * x) for one in angles])
    with TemporaryDirectory() as folder:
        path = Path(folder, "scan.npy")
        np.save(path, _noisy(_kspace(weights * head)))
        with driver.expecting_problem():
            driver.models.input.open_file(path)
            panel = driver.dock.input_panel
            driver.wait(lambda: panel.read_as is not None and bool(panel.read_as.answers))
        # Its preview is read in the background.
        driver.idle()


def show_notes(driver: Driver) -> None:
    """Open k-space with its zero frequency in the corner, and show what was assumed."""
    head = head_phantom(_SIZE, 3, "flair", seed=1).numpy()
    kspace = np.fft.ifftshift(_noisy(_kspace(head)), axes=(-2, -1))
    # Samples as a spark of the amplifier leaves them.
    kspace[1, 5, 9] = 40 * np.abs(kspace[1]).mean()
    before = driver.session.acquisition
    with TemporaryDirectory() as folder:
        path = Path(folder, "scan.npy")
        np.save(path, kspace)
        driver.models.input.open_file(path)
        driver.wait(lambda: driver.session.acquisition not in (None, before))
        driver.idle()
    driver.dock.input_panel.notes_button.setChecked(True)
    driver.open_sections("Input")


def _kspace(images: np.ndarray) -> np.ndarray:
    return image_to_kspace(torch.as_tensor(images).to(torch.complex64)).numpy()


def _noisy(kspace: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(0).normal(size=(2, *kspace.shape))
    return kspace + _NOISE * (draw[0] + 1j * draw[1])
