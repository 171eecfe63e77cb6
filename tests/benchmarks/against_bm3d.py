"""Compare networks with BM3D and non-local means, on real repeats and on simulated scans.

``make against-bm3d`` prints the tables of docs/networks.md. It needs the measured data (the folder
that NAPARI_CSC_DATA names), and bm3d, which is free for non-commercial use only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io
import torch
from places import DATA_FOLDER
from scipy.ndimage import binary_fill_holes

import napari_csc as csc
from napari_csc.core.metrics import nmse, ssim
from napari_csc.learn.training.data import smooth_field

VARIANCES = (0.05, 0.2, 0.3)
REPEATED_SLICES = (1, 2)


def bm3d(image, sigma):
    from bm3d import bm3d as denoised

    return denoised(image.real, sigma / 2**0.5) + 1j * denoised(image.imag, sigma / 2**0.5)


def non_local_means(image, sigma):
    from skimage.restoration import denoise_nl_means

    part = sigma / 2**0.5
    options = {"patch_size": 5, "patch_distance": 6, "h": 0.8 * part, "sigma": part}
    real, imaginary = (denoise_nl_means(one, **options) for one in (image.real, image.imag))
    return real + 1j * imaginary


def on_acquired_matrix(acquisition, denoise: Callable):
    """Denoise what was measured, on its own matrix, and zero-fill it to that of the image."""
    kspace, mask = acquisition.kspace[0, 0].numpy(), acquisition.mask.numpy()
    box = np.ix_(mask.any(1), mask.any(0))
    image = denoise(_image(kspace[box]), acquisition.noise_std)
    filled = np.zeros_like(kspace)
    filled[box] = _kspace(image)
    return torch.from_numpy(_image(filled).astype(np.complex64))[None]


def _image(kspace):
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace), norm="ortho"))


def _kspace(image):
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image), norm="ortho"))


def methods(networks: list[str]):
    """Return what is compared, by name: each makes the images of a scan with one slice."""
    found = {
        "non-local means": lambda scan: on_acquired_matrix(scan, non_local_means),
        "BM3D": lambda scan: on_acquired_matrix(scan, bm3d),
    }
    for name in networks:
        network = csc.load_map_network(name)
        dictionary = "dct-32-9" if name in ("v3", "v4") else "brain-64-unrolled"
        reconstruct = csc.Reconstructor(csc.Dictionary.load(dictionary), maps=network)
        found[f"{name}, {dictionary}"] = lambda scan, run=reconstruct: run(scan).image
    return found


def repeats(named) -> None:
    """Print ``mean |A x(y1) - y2|^2 - sigma^2`` in units of sigma^2, both ways, by method."""
    stored = scipy.io.loadmat(DATA_FOLDER / "lowfield_055T" / "flair_two_repeats.mat")["ksp"]
    kspace = stored.transpose(3, 2, 0, 1).astype(np.complex64)
    variance = float((np.abs(kspace[0] - kspace[1]) ** 2).mean() / 2)
    print("\n| method | error on the repeats |\n|---|---|")
    for name, method in named.items():
        errors = []
        for here, there in ((0, 1), (1, 0)):
            scan = csc.Acquisition.from_kspace(
                kspace[here][:, None], mask=np.ones((128, 117), bool)
            )
            for number in REPEATED_SLICES:
                image = method(scan.select(number))[0].numpy()
                misfit = np.abs(_kspace(image) - kspace[there, number]) ** 2
                own = np.abs(kspace[0, number] - kspace[1, number]) ** 2 / 2
                errors.append((misfit.mean() - own.mean()) / variance)
        print(f"| {name} | {np.mean(errors):.3f} |", flush=True)


def pictures() -> dict[str, list[np.ndarray]]:
    """Return test images that no network has seen, (y, x) with even sizes."""
    import nibabel
    import pydicom

    brain = nibabel.load(DATA_FOLDER / "brain_volumes" / "torchio_t2.nii.gz").get_fdata()
    knee = scipy.io.loadmat(DATA_FOLDER / "other_anatomy" / "fair_knee3d.mat")["dataT"]
    abdomen = pydicom.dcmread(DATA_FOLDER / "other_anatomy" / "abdomen.dcm").pixel_array
    halved = abdomen[2:482, 2:482].reshape(240, 2, 240, 2).mean((1, 3))
    return {
        "brain": [brain[:, :, n].T for n in (8, 14, 19)],
        "knee": [knee[:, n, :].astype(float) for n in (24, 40)],
        "abdomen": [halved],
    }


def simulated(named) -> None:
    """Print NMSE over that of BM3D, SSIM, and SSIM in the object, by anatomy and noise."""
    print("\n| anatomy | variance | method | NMSE / BM3D's | SSIM | in the object |")
    print("|---|---|---|---|---|---|")
    for anatomy, images in pictures().items():
        for variance in VARIANCES:
            rows = {name: [] for name in named}
            for number, image in enumerate(images):
                magnitude = image / image.max() * 10
                height, width = magnitude.shape
                phase = smooth_field(max(height, width), np.random.default_rng((7, number)))
                turned = magnitude * np.exp(1j * phase[:height, :width])
                scan = csc.simulate_low_field(
                    torch.from_numpy(turned.astype(np.complex64))[None],
                    sampled=(height // 2, width // 2),
                    noise_variance=variance,
                    generator=torch.Generator().manual_seed(1000 + number),
                )
                inside = torch.from_numpy(binary_fill_holes(magnitude > 0.5))[None]
                truth = scan.reference
                for name, method in named.items():
                    found = method(scan)
                    whole = ssim(truth, found)
                    rows[name].append((nmse(truth, found), whole, ssim(truth, found, mask=inside)))
            means = {name: np.mean(figures, axis=0) for name, figures in rows.items()}
            for name, (error, whole, inside_only) in means.items():
                ratio = error / means["BM3D"][0]
                print(
                    f"| {anatomy} | {variance} | {name} | {ratio:.3f} | {whole:.3f} "
                    f"| {inside_only:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    if not Path(DATA_FOLDER).is_dir():
        sys.exit(f"There are no measured data in {DATA_FOLDER}; set NAPARI_CSC_DATA.")
    torch.set_num_threads(1)
    compared = methods(sys.argv[1:] or ["v4", "v5"])
    repeats(compared)
    simulated(compared)
