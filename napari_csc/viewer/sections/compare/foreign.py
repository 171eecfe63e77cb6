"""Pictures of another program as pins: read, and laid over the scan. No Qt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.lazy import in_memory
from napari_csc.core.analysis.foreign_pictures import foreign_picture
from napari_csc.io.load import load
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.sections.compare.pins import MADE_BY, Pin
from napari_csc.viewer.words import marked

FOREIGN = "another program"


def foreign_pin(path: Path, scan: Acquisition, place: Place, number: int) -> Pin:
    """Return the pin of a picture of a scan.

    Parameters
    ----------
    path
        What `napari_csc.load` reads: DICOM, NIfTI, NRRD, NumPy, PNG, ...
    scan
        The scan that it is a picture of.
    place
        Where the scan lies.
    number
        The slice that is looked at: a picture of one slice that does not tell where it lies is
        taken to be of this one.

    Raises
    ------
    CscError
        If the file cannot be read as a picture, or not be laid over the scan.
    """
    picture = load(path, kind="image")
    tells = all(one.metadata.get("affine") is not None for one in (picture, scan))
    first = 0
    if picture.shape[0] == 1 and not tells:
        scan, first = scan.select(number), number
    scan = in_memory(scan)
    return Pin(
        image=np.asarray(foreign_picture(picture, scan)),
        initial=np.asarray(scan.adjoint()),
        reference=None if scan.reference is None else np.asarray(scan.reference),
        place=replace(place, first_slice=first),
        input_name=Path(str(scan.metadata.get("path", ""))).name,
        input_digest=scan.digest,
        settings={MADE_BY: FOREIGN, "file": path.name},
        words={MADE_BY: marked("another program, {file}").format(file=path.name)},
    )
