"""Make the sample scan: a synthetic head as noisy, low-resolution low-field k-space in HDF5.

Run ``python sample_data/make_sample.py`` from the repository root; see README.md beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np

from napari_csc.phantom.head import FIELD_OF_VIEW_MM, head_phantom

SEED = 4
OUT = Path(__file__).resolve().with_name("head_phantom_lowfield.h5")
SIZE = 256
SAMPLED = 128
SLICES = 4
SEQUENCE = "flair"
NOISE_VARIANCE = 0.2
SLICE_SPACING_MM = 12.7
DESCRIPTION = (
    "Synthetic head phantom, computed from a random seed; not a measurement and not a patient. "
    "Centred unitary k-space of which only the central 128x128 samples are acquired (mask); the "
    "rest is zero. Complex Gaussian noise. reference: the image without noise, at full resolution."
)


def simulate(seed: int) -> dict[str, np.ndarray | float]:
    """Render the head and sample its k-space.

    Parameters
    ----------
    seed
        Seed of the head and of the noise.

    Returns
    -------
    dict
        ``kspace`` (slice, coil, ky, kx) complex64, ``mask`` (ky, kx) uint8, ``reference``
        (slice, y, x) complex64 and ``noise_std``, the standard deviation of one complex sample.
    """
    reference = head_phantom(SIZE, SLICES, SEQUENCE, seed).numpy()
    shifted = np.fft.ifftshift(reference.astype(np.complex128), axes=(-2, -1))
    kspace = np.fft.fftshift(np.fft.fft2(shifted, norm="ortho"), axes=(-2, -1))
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    start = SIZE // 2 - SAMPLED // 2
    mask[start : start + SAMPLED, start : start + SAMPLED] = 1
    noise_std = float(np.sqrt(NOISE_VARIANCE) * kspace[:, mask > 0].std())
    rng = np.random.default_rng([seed, 1])
    noise = rng.standard_normal((2, *kspace.shape)) * noise_std / np.sqrt(2)
    noisy = ((kspace + noise[0] + 1j * noise[1]) * mask).astype(np.complex64)
    return {
        "kspace": noisy[:, None],
        "mask": mask,
        "reference": reference,
        "noise_std": noise_std,
    }


def affine() -> np.ndarray:
    """Return the affine of indices (slice, y, x) to millimetres (right, anterior, superior).

    Axial slices from low to high, the patient's right on the left, around the isocentre.
    """
    pixel = FIELD_OF_VIEW_MM / SIZE
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = SLICE_SPACING_MM, -pixel, -pixel, 1.0
    matrix[:3, 3] = -matrix[:3, :3] @ [(SLICES - 1) / 2, SIZE // 2, SIZE // 2]
    return matrix


def write(out: Path, seed: int) -> None:
    """Write the sample scan, under a temporary name first.

    Parameters
    ----------
    out
        The HDF5 file.
    seed
        Seed of the head and of the noise.
    """
    data = simulate(seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(out.name + ".part")
    try:
        with h5py.File(temporary, "w") as file:
            for name in ("kspace", "mask", "reference"):
                file.create_dataset(
                    name, data=data[name], compression="gzip", compression_opts=9, shuffle=True
                )
            file.attrs.update(
                {
                    "schema": "napari-csc/acquisition",
                    "schema_version": 1,
                    "noise_std": data["noise_std"],
                    "noise_variance": NOISE_VARIANCE,
                    "sequence": SEQUENCE,
                    "field_strength_T": 0.055,
                    "pixel_spacing_mm": [FIELD_OF_VIEW_MM / SIZE] * 2,
                    "slice_thickness_mm": 5.0,
                    "slice_spacing_mm": SLICE_SPACING_MM,
                    "affine": affine(),
                    "seed": seed,
                    "description": DESCRIPTION,
                }
            )
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the head and the noise")
    parser.add_argument("--out", type=Path, default=OUT, help="HDF5 file to write")
    args = parser.parse_args()
    write(args.out, args.seed)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
