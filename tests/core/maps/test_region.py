"""Regions as few numbers: what is drawn comes back, and nonsense is one sentence."""

import numpy as np
import pytest
from pydantic import ValidationError

import napari_csc as csc
from napari_csc.core.maps.region import Region
from napari_csc.errors import CscError


@pytest.mark.parametrize("seed", range(20))
def test_any_mask_comes_back_from_json(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(rng.integers(1, 30, 2))) < rng.choice([0.05, 0.5, 0.95])
    mask[rng.integers(mask.shape[0]), rng.integers(mask.shape[1])] = True
    region = Region.model_validate_json(Region.of_mask(mask).model_dump_json())
    assert (region.mask(mask.shape) == mask).all()
    assert region.sentence == f"a drawn region of {mask.sum()} pixels"


def test_shapes():
    assert (
        Region.rectangle((3.4, 2), (1, 4)).mask((8, 9)).nonzero()[0].tolist()
        == [1] * 3 + [2] * 3 + [3] * 3
    )
    square = [(1, 1), (1, 5), (5, 5), (5, 1)]
    y, x = np.mgrid[:8, :8]
    assert (Region.ellipse(square).mask((8, 8)) == (np.hypot(y - 3, x - 3) <= 2)).all()
    assert Region.polygon(square).mask((8, 8))[3, 3]
    assert not Region.polygon(square).mask((8, 8))[6, 6]
    assert Region.polygon(square).sentence == "the polygon from (1, 1) to (5, 5)"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Region.of_mask(np.zeros((4, 4))), "no pixel"),
        (lambda: Region.of_mask(np.ones(4)), "1 axes"),
        (lambda: Region.polygon([(0, 0), (1, 1)]), "needs 3 to"),
        (lambda: Region.polygon("abc"), "pairs"),
        (lambda: Region.polygon([(0, np.nan), (1, 1), (2, 2)]), "finite"),
        (lambda: Region.rectangle((0, 0), (1e9, 1)), "cannot be used"),
        (lambda: Region.ellipse([(0, 0)]), "needs 4 points"),
        (lambda: Region.rectangle((-9, -9), (-2, -2)).mask((8, 8)), "no pixel of the image"),
        (lambda: Region.ellipse([(1, 1)] * 4).mask((8, 8)), "no pixel of the image"),
        (lambda: Region.of_mask(np.ones((4, 4))).mask((4, 5)), "was drawn on"),
    ],
)
def test_what_no_region_can_be(make, reason):
    with pytest.raises(CscError, match=reason):
        make()


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "mask"},
        {"kind": "mask", "shape": (2, 2), "runs": (1, 9)},
        {"kind": "mask", "shape": (2, 2), "runs": (1, -1)},
        {"kind": "circle"},
        {"kind": "rectangle"},
        {"kind": "polygon", "points": [(0, 0)] * 5000},
    ],
)
def test_what_a_damaged_file_may_say(values):
    with pytest.raises(ValidationError):
        Region.model_validate(values)
    with pytest.raises(CscError, match="map edits"):
        csc.ReconstructionSettings.checked(map_edits=[{"factor": 2, "region": values}])
