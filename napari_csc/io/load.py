"""``load``: any supported file becomes an ``Acquisition``; a result file a ``Reconstruction``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.image_matrix import ImageMatrix
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_result import has_input, is_result, read_result
from napari_csc.io.formats.dicom.reader import dicom_paths
from napari_csc.io.formats.m4raw import repetitions_of
from napari_csc.io.formats.table import format_of
from napari_csc.io.lazy import lazily
from napari_csc.io.requests import Kind, LoadRequest
from napari_csc.storage.open_file import OpenFile, held


def load(
    path: str | Path,
    *,
    slice: int | Sequence[int] | None = None,
    coil: int | str | None = None,
    key: str | None = None,
    kind: Kind | None = None,
    axes: str | None = None,
    noise_std: float | None = None,
    mask: Any = None,
    coil_maps: Any = None,
    noise_scan: Any = None,
    acquired: int | tuple[int, int] | None = None,
    repeat: int | None = None,
    without_samples: Sequence[tuple[int, int]] | None = None,
    matrix: ImageMatrix | None = None,
    lazy: bool = False,
) -> Acquisition:
    """Load k-space or an image.

    The format is recognised by content, not by name.

    Parameters
    ----------
    path
        NumPy, MATLAB, NIfTI, DICOM, NRRD, PNG, TIFF, ISMRMRD, MRD 2, fastMRI, M4Raw, BART (either
        file of the pair) or napari-csc HDF5 file; or a folder with the DICOM files of a series.
    slice
        Slice or slices to keep; all if None.
    coil
        Coil to keep, without maps; all (``"all"``) if None.
    key
        What to read of a file that holds several: the name of an array; the number of the volume in
        a NIfTI or NRRD series; number or description of a DICOM series, with the number of one of
        its volumes behind a slash (``"3/1"``), or two that make complex images (``"3+4"``);
        ``"repetition=1,contrast=0"`` in ISMRMRD files (also group, encoding, phase,
        set, average; of images also images, series, type); ``"TE=1,time=0"`` in BART files (also
        time2, batch); ``"average"`` for the mean of the repetitions of an M4Raw scan. Found, or the
        first, if None.
    kind
        ``"k-space"`` or ``"image"``; found by content if None. An image becomes its fully sampled
        k-space.
    axes
        Meaning of the axes, such as ``"y,x,slice"``; found by sizes and content if None. Names:
        slice, coil, repeat, kz, y, x. Repeats are averaged; kz (the second phase-encoded direction
        of a 3-D scan) is transformed to slices.
    noise_std
        Noise standard deviation of one complex sample of the k-space of a slice. If None it is
        taken from the noise scan, from the file, from the differences of repeats, or estimated.
    mask
        Sampled positions (y, x), or ``"all"``; found from the data if None.
    coil_maps
        Coil sensitivity maps (coil, y, x) or (slice, coil, y, x), or how to estimate them
        (``"walsh"``, ``"inati"``, or ``"uniform"``: all coils alike); from the file, else by Walsh,
        if None and there are several coils.
    noise_scan
        Samples without signal (coil, ...) to prewhiten the coils with; from the file if None.
    acquired
        Central lines of k-space, or (ky, kx), that were acquired, where the file does not tell.
    repeat
        Repeat to take alone, of arrays and BART files with several; their mean if None.
    without_samples
        Positions (ky, kx) of samples to leave out, as a note on broken ones names them.
    matrix
        Pixels (y, x) of the images, or a number from 1 to 4: so many times what was acquired.
        K-space is filled up with zeros; the file's own matrix if None. With 1.25 or 1.5 images of
        V5 come nearer to the truth, see `napari_csc.core.acquisition.image_matrix`.
    lazy
        Read slices only when they are selected, for files that are too large to hold: ISMRMRD,
        fastMRI, M4Raw and BART files of several slices. Others are read at once.

    Returns
    -------
    Acquisition
        ``metadata`` holds ``path``, ``format``, ``kind``, and what else was found or decided:
        ``key``, ``axes``, ``coil``, ``shifted``, ``transformed``, ``repeats_averaged``, ``affine``,
        ``choices`` (what else there is), ``oversampling``, ``header`` (a table of label and text).

    Raises
    ------
    CscError
        If the file cannot be used; the message says why and what to do.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/images.npy", np.random.default_rng(0).random((3, 48, 40)))
    ...     scan = csc.load(f"{folder}/images.npy")
    ...     one = csc.load(f"{folder}/images.npy", axes="slice,y,x", slice=1, noise_std=0.1)
    >>> scan.shape, scan.metadata["kind"], scan.metadata["axes"]
    ((3, 48, 40), 'image', 'slice,y,x')
    >>> one.shape, one.noise_std
    ((1, 48, 40), 0.1)
    """
    request = LoadRequest(
        slice,
        coil,
        key,
        kind,
        axes,
        noise_std,
        mask,
        coil_maps,
        noise_scan,
        acquired,
        repeat,
        without_samples,
        matrix,
    )
    with OpenFile(Path(path).expanduser()) as file:
        return _loaded(file, request, lazy)


def load_result(path: str | Path | OpenFile) -> Reconstruction:
    """Read a result that `napari_csc.save` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Reconstruction
        As it was saved: images, maps, codes, the dictionary, history and provenance.

    Raises
    ------
    CscError
        If the file is no result, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> scan = csc.Acquisition.from_image(np.eye(32))
    >>> reconstruct = csc.Reconstructor(
    ...     csc.Dictionary.dct(4, 5), csc.NoiseScalar(2.0), iterations=2
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     csc.save(reconstruct(scan), f"{folder}/result.h5")
    ...     result = csc.load_result(f"{folder}/result.h5")
    >>> tuple(result.sparsity_maps.shape), result.dictionary.name
    ((1, 4, 32, 32), 'DCT-4 5x5')
    """
    with held(path if isinstance(path, OpenFile) else Path(path).expanduser()) as file:
        found = format_of(file)
        if not is_result(file):
            raise CscError(
                f"{file.path.name} looks like {found.title}, but is no readable result of "
                "napari-csc; open k-space and images with load."
            )
        return read_result(file)


def files_read(path: str | Path) -> list[Path]:
    """Return what is read when a path is loaded: never to be replaced.

    Repetitions of M4Raw belong together, and the DICOM files of a folder; partners of BART and
    other pairs are left to `napari_csc.storage.targets.protecting`.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return [path, *dicom_paths(path)]
    return [path, *repetitions_of(path)] if path.is_file() else [path]


class Loaded(NamedTuple):
    """What a file holds: a result, with its input where the file keeps it, or a scan.

    Attributes
    ----------
    result : Reconstruction or None
        None if it is a scan.
    acquisition : Acquisition or None
        The scan, or the input of the result.
    """

    result: Reconstruction | None
    acquisition: Acquisition | None


def load_any(path: str | Path, *, lazy: bool = False) -> Loaded:
    """Load a result, or else a scan; the file is opened once for all of it.

    Parameters
    ----------
    path
        Any file, or folder, that `napari_csc.load` takes.
    lazy
        As for `napari_csc.load`, of a scan.

    Raises
    ------
    CscError
        If the file cannot be used.
    """
    with OpenFile(Path(path).expanduser()) as file:
        if not is_result(file):
            return Loaded(None, _loaded(file, LoadRequest(), lazy))
        result = read_result(file)
        kept = _loaded(file, LoadRequest(), lazy=False) if has_input(file) else None
        return Loaded(result, kept)


def _loaded(file: OpenFile, request: LoadRequest, lazy: bool) -> Acquisition:
    path, found = file.path, format_of(file)
    try:
        waiting = lazily(file, request, found) if lazy else None
        if waiting is not None:
            return waiting
        acquisition = found.load(file, request)
    except CscError as error:
        if not path.exists():
            raise _gone(path) from error
        raise
    except MemoryError as error:
        raise CscError(f"{path.name} does not fit into memory; cut it into parts.") from error
    except Exception as error:
        if not path.exists():
            raise _gone(path) from error
        raise CscError(
            f"{path.name} looks like {found.title}, but could not be read: it is damaged or cut "
            "off; copy or export it again."
        ) from error
    if not path.exists():
        # An open file reads on, but slices, headers and names behind it may not.
        raise _gone(path)
    return request.finished(acquisition, has_chosen=found.reads_slices)


def _gone(path: Path) -> CscError:
    return CscError(
        f"{path.name} has gone while it was read; check whether it was moved or deleted, or its "
        "disk was taken away."
    )
