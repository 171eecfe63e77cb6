"""``export``: a result, or a scan, in any format that can be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
from napari_csc.io.content_to_write import Exported, Source
from napari_csc.io.formats.table import writer_for
from napari_csc.io.requests import WriteRequest
from napari_csc.storage.targets import protecting


def export(
    source: Source,
    path: str | Path,
    kind: str | None = None,
    *,
    part: str = "image",
    slices: Sequence[int] | None = None,
    format: str | None = None,
    overwrite: bool = False,
    acquisition: Acquisition | None = None,
    bits: int = 16,
    window: tuple[float, float] | None = None,
) -> list[Path]:
    """Write images, maps or k-space to a file of the format that its name asks for.

    Parameters
    ----------
    source
        A reconstruction, or an acquisition: of that the coil-combined images ``A^H y``, or the
        k-space, can be written.
    path
        What to write: ``.h5`` (all of a result, or a scan), ``.nii``, ``.nii.gz``, ``.dcm`` (one
        slice), a name without a suffix (a folder of DICOM files), ``.mrd``, ``.npy``, ``.npz``,
        ``.cfl`` or ``.hdr``, ``.nrrd``, ``.tif``, ``.png`` (numbered where there are several
        slices).
    kind
        ``"magnitude"``, ``"phase"``, ``"real"``, ``"imaginary"``, ``"complex"``, ``"maps"`` (in
        units of the noise), ``"k-space"`` (of a scan) or ``"result"``; what the format holds best
        if None.
    part
        Images of a result: ``"image"``, ``"initial"``, ``"smooth"`` or ``"reference"``.
    slices
        Slices to write; all if None.
    format
        Name of the format, where the suffix does not tell: ``"ismrmrd"`` for ``.h5``, say.
    overwrite
        Whether existing files may be replaced. A folder is only replaced if there is nothing in it
        but DICOM files of napari-csc.
    acquisition
        Input of a result, to keep it in the ``.h5`` file.
    bits, window
        Of PNG: bits of a grey value (8 or 16), and the percentiles that become black and white.

    Returns
    -------
    list of Path
        The files, or the folder.

    Raises
    ------
    CscError
        If the format cannot hold this, or a file exists, cannot be written, or is the one that the
        source was read from.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> scan = csc.Acquisition.from_image(np.pad(np.ones((16, 12)), ((8, 8), (10, 10))))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = csc.export(scan, f"{folder}/scan.cfl")
    ...     back = csc.load(written[0])
    ...     images = csc.export(scan, f"{folder}/image.nii.gz", "magnitude")
    >>> [one.name for one in written], back.metadata["format"]
    (['scan.cfl', 'scan.hdr'], 'BART')
    >>> images[0].name
    'image.nii.gz'
    """
    path = Path(path).expanduser()
    writer = writer_for(path, format)
    kind = writer.kind_for(source) if kind is None else kind
    if kind not in writer.kinds:
        raise CscError(f"{writer.title} cannot hold {kind!r}; choose {', '.join(writer.kinds)}.")
    request = WriteRequest(path, overwrite, bits, window)
    with protecting(_origins(source, acquisition)):
        return writer.write(Exported.of(source, kind, part, slices, acquisition), request)


def _origins(source: Source, acquisition: Acquisition | None) -> list[str]:
    """Return the files that the values were read from."""
    given = [source] if acquisition is None else [source, acquisition]
    return [str(one.metadata.get("path", "")) for one in given]
