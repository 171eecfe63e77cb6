"""An image that a scanner has filled up with zeros: the acquired matrix is told and offered."""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

pytestmark = pytest.mark.gui


def zero_filled(path, size=64, filled=128):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    disc = 100.0 * (x**2 + y**2 < 0.4)
    image = gaussian_filter(disc, 1) + 6 * (
        rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    )
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    edge = (filled - size) // 2
    spectrum = np.pad(spectrum, edge)
    magnitude = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum))) * (filled / size) ** 2
    nib.save(nib.Nifti1Image(magnitude.astype(np.float32)[..., None], np.eye(4)), path)
    return path


def test_the_matrix_in_the_spectrum_is_offered(dock, load, qtbot, tmp_path, scan_file) -> None:
    panel = dock.input_panel
    load(zero_filled(tmp_path / "filled.nii"))
    assert panel.filled_button.isVisibleTo(panel)
    assert panel.filled_button.text().startswith("Use 6")
    rows, columns = panel._filled_from
    assert abs(rows - 64) <= 2
    assert abs(columns - 64) <= 2
    panel.filled_button.click()
    assert dock.session.sampled == (rows, columns)
    qtbot.waitUntil(lambda: panel.rows_box.value() == rows)
    qtbot.waitUntil(lambda: not panel.filled_button.isVisibleTo(panel))
    load(scan_file)
    assert not panel.filled_button.isVisibleTo(panel)
