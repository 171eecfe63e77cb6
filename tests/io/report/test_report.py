"""The report: whole in one file, true to the result, and silent about persons."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.trust.ranking import rank_dictionaries
from napari_csc.errors import CscError
from napari_csc.io.report.case import TrustFindings, report_page
from napari_csc.io.report.pictures import coloured, grey

VOID = {"meta", "img", "br"}
SECRETS = ("DOE", "Jane", "1954", "secret-folder", "/home")


class Checker(HTMLParser):
    """Sees that what is opened is closed, and what the page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.fetched: list[str] = []
        self.images = 0

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        for name in ("src", "href", "action", "data"):
            if name in values and not values[name].startswith("data:image/png;base64,"):
                self.fetched.append(values[name])
        if tag == "img":
            self.images += 1
            assert values["alt"]
        assert tag not in ("script", "link", "iframe")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.fetched == []
    style = page.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    return checker


@pytest.fixture(scope="module")
def scan(small_acquisition: Acquisition) -> Acquisition:
    metadata = {
        **small_acquisition.metadata,
        "path": "/home/secret-folder/DOE_Jane.dcm",
        "header": {"Patient's Name": "DOE^Jane", "Birth date": "19540101"},
        "notes": ["Left out DOE_Jane_2.dcm."],
        "affine": np.eye(4),
    }
    return replace(small_acquisition, metadata=metadata)


@pytest.fixture(scope="module")
def result(scan: Acquisition):
    settings = csc.ReconstructionSettings(
        dictionary="dct-8-5", maps="1.5sigma", iterations=6, device="cpu"
    )
    return csc.Reconstructor.from_settings(settings)(scan)


def test_it_is_whole_and_names_nobody(tmp_path: Path, result):
    path = csc.save_report(result, tmp_path / "case.html")
    page = path.read_text("utf-8")
    checker = read(page)
    text = " ".join(checker.text)
    # Reference, initial image, result, smooth part, what was taken; four for each filter.
    assert checker.images == 5 + 4 * 8
    for wanted in (
        "Health",
        "Noise level",
        "napari-csc reconstruct --like RESULT.h5",
        "--dictionary dct-8-5",
        "--maps 1.5sigma",
        "version of torch",
        "Filter",
        "1.5 x 1.25 mm",
    ):
        assert wanted in text
    for secret in SECRETS:
        assert secret not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    with pytest.raises(CscError, match="exists"):
        csc.save_report(result, path)
    csc.save_report(result, path, overwrite=True, slice_number=1)


def test_identifiers_only_when_asked(result):
    page = report_page(result, identifiers=True)
    text = " ".join(read(page).text)
    assert "DOE^Jane" in text
    assert "/home/secret-folder/DOE_Jane.dcm" in text


def test_paths_of_dictionaries_and_weights_lose_their_folders(result):
    settings = {
        **result.provenance["settings"],
        "dictionary": "/home/secret-folder/mine.npy",
        "maps": "C:\\home\\secret-folder\\w.safetensors",
    }
    maps = {**result.provenance["maps"], "name": settings["maps"]}
    told = replace(result, provenance={**result.provenance, "settings": settings, "maps": maps})
    page = report_page(told)
    assert "secret-folder" not in page
    assert "mine.npy" in page
    assert "w.safetensors" in page


def test_findings_stand_in_it(scan: Acquisition, result):
    lesion = csc.lesion_test(scan, result, csc.Lesion((24, 20), radius=3))
    found = TrustFindings(
        lesions=[lesion],
        points=[csc.point_response(scan, result, (24, 20))],
        noise=csc.noise_left(scan, result, replicas=2, slices=0),
        risk=csc.estimate_risk(scan, result, slices=0),
        ranking=rank_dictionaries(scan, result, ["dct-8-5", "none-such"]),
        measurements=[("mean in white matter", 3.25)],
    )
    checker = read(report_page(result, findings=found))
    text = " ".join(checker.text)
    for one in (lesion, found.points[0], found.noise, found.risk, found.ranking):
        assert one.sentence in text
    assert f"At y 24, x 20: {lesion.sentence}" in text
    assert f"At y 24, x 20: {found.points[0].sentence}" in text
    assert re.search(r"What the lesion changed, -[\d.]+ to [\d.]+", text), "a scale of grey"
    assert f"Slice 0 of 0 to {len(result.image) - 1}, " in text
    assert "mean in white matter" in text
    assert "none-such" in text
    assert checker.images == 5 + 4 * 8 + 4 + 1


def test_an_edited_result_says_so_first(scan: Acquisition, result):
    edited = csc.edit_maps(result, scan, [csc.MapEdit(factor="forbid", filters=(3,))])
    page = report_page(edited)
    read(page)
    assert page.index("filter 3 forbidden everywhere") < page.index("<h2>Images")
    assert "--map-edits" in page


def test_texts_cannot_break_out(result):
    odd = "<script>alert(1)</script>&\"'"
    health = [{"name": odd, "level": "red", "sentence": odd}]
    settings = {**result.provenance["settings"], "maps": odd}
    told = replace(
        result,
        provenance={**result.provenance, "health": health, "settings": settings, "versions": 3},
    )
    page = report_page(told)
    read(page)
    assert "<script>" not in page
    bare = replace(result, provenance={}, reference=None)
    read(report_page(bare))


def test_what_is_refused(tmp_path: Path, result):
    with pytest.raises(CscError, match=r"use \.html"):
        csc.save_report(result, tmp_path / "case.docx")
    with pytest.raises(CscError, match="Slice 7 does not exist"):
        csc.save_report(result, tmp_path / "case.html", slice_number=7)


def test_pictures():
    for picture in (grey(np.full((4, 6), np.nan), 0, 1), coloured(np.eye(5), 0, 0, "inferno")):
        assert re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/=]+", picture)
