"""Maps changed by hand: nothing where nothing was said, everything where it was, and it is told."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
import torch
from helper import relative, small_scan
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps.edits import FORBIDDEN_LEVEL, EditedFilters, edited, edits_of_slice
from napari_csc.core.maps.source import MapSource
from napari_csc.core.reconstruction.repeat import largest_difference, reconstructor_like
from napari_csc.errors import CscError

REGION = csc.Region.rectangle((10, 8), (30, 20))
BOTH = [{"solver": "fista", "rule": "shrunk"}, {"solver": "admm", "rule": "fitted"}]


def made(edits=(), **changes):
    settings = {"iterations": 8, "solver": "admm", "rule": "fitted", "device": "cpu", **changes}
    return csc.Reconstructor(
        csc.Dictionary.load("dct-8-5"), csc.NoiseScalar(1.5), map_edits=edits, **settings
    )


class Counted(MapSource):
    """Maps that tell how often they were asked for."""

    digest = "counted"
    source_name = "counted"
    count = 0

    def maps_of(self, request):
        self.count += 1
        return torch.rand(request.shape, generator=torch.Generator().manual_seed(3)) + 0.5


@pytest.mark.parametrize("changes", BOTH)
def test_a_factor_of_one_changes_no_bit(small_acquisition: Acquisition, changes):
    plain = made(**changes)(small_acquisition)
    edits = [csc.MapEdit(factor=1, region=REGION), csc.MapEdit(factor=1.0, filters=(2, 3))]
    same = made(edits, **changes)(small_acquisition)
    assert largest_difference(plain, same) == 0
    assert same.edits == ()
    assert same.provenance["maps"]["warnings"] == []


@pytest.mark.parametrize("changes", BOTH)
@pytest.mark.parametrize("where", [None, REGION])
def test_a_forbidden_filter_has_no_code_there_and_others_have(
    small_acquisition: Acquisition, changes, where
):
    plain = made(**changes)(small_acquisition)
    edit = csc.MapEdit(factor="forbid", filters=(1, 4), region=where)
    found = made([edit], **changes)(small_acquisition)
    inside = np.ones((48, 40), bool) if where is None else where.mask((48, 40))
    for k in (1, 4):
        assert float(plain.sparse_codes[:, k][:, inside].abs().max()) > 0
        assert float(found.sparse_codes[:, k][:, inside].abs().max()) == 0
        level = found.sparsity_maps[:, k][:, inside] / found.noise_std
        torch.testing.assert_close(level, torch.full_like(level, FORBIDDEN_LEVEL))
        if where is not None:
            assert float(found.sparse_codes[:, k][:, ~inside].abs().max()) > 0
            outside = found.sparsity_maps[:, k][:, ~inside]
            assert torch.equal(outside, plain.sparsity_maps[:, k][:, ~inside])
    parts = sum(found.contributions(k) for k in range(8))
    assert relative(found.low_pass + parts, found.image) < 1e-5
    # What one filter may not say, others do: the image stays near the data.
    assert relative(found.image, plain.image) < 0.2
    assert relative(found.image, plain.image) > 0


def test_factors_multiply_the_maps_of_their_filters_only(small_acquisition: Acquisition):
    plain = made()(small_acquisition)
    edits = [
        csc.MapEdit(factor=4, filters=(2,), region=REGION),
        csc.MapEdit(factor=0.5, filters="smooth", slice=1),
        csc.MapEdit(factor="free", filters=(5,)),
    ]
    found = made(edits)(small_acquisition)
    inside = REGION.mask((48, 40))
    ratio = found.sparsity_maps / plain.sparsity_maps
    assert ratio[:, 2][:, inside].numpy() == pytest.approx(4)
    assert ratio[:, 2][:, ~inside].numpy() == pytest.approx(1)
    assert float(found.sparsity_maps[:, 5].max()) == 0
    assert torch.equal(ratio[:, [0, 1, 3, 4, 6, 7]], torch.ones(2, 6, 48, 40))
    smooth = found.smooth_maps / plain.smooth_maps
    assert smooth[0].numpy() == pytest.approx(1)
    assert smooth[1].numpy() == pytest.approx(0.5)
    # Where a filter is held back more, it says less.
    assert float(found.sparse_codes[0, 2][inside].abs().sum()) < float(
        plain.sparse_codes[0, 2][inside].abs().sum()
    )


@pytest.mark.parametrize("seed", range(6))
def test_filters_keep_their_numbers_in_any_order(seed):
    rng = np.random.default_rng(seed)
    order = tuple(int(one) for one in rng.permutation(9)[: rng.integers(3, 10)])
    named = tuple(int(one) for one in rng.choice(9, 3, replace=False))
    maps = torch.rand(len(order) + 2, 6, 5)
    found = edited(
        maps, [csc.MapEdit(factor=2, filters=named)], EditedFilters(order, 9, 2), number=0
    )
    for row, number in enumerate((*order, None, None)):
        assert torch.equal(found.maps[row], maps[row] * (2 if number in named else 1))


def test_the_last_word_counts():
    maps, names = torch.rand(3, 6, 5), EditedFilters((0, 1), 2, 1)
    forbid, free = csc.MapEdit(factor="forbid"), csc.MapEdit(factor=0)
    found = edited(maps, [forbid, free], names, 0)
    assert found.forbidden is None
    assert float(found.shown.max()) == 0
    found = edited(maps, [free, forbid], names, 0)
    assert bool(found.forbidden.all())
    both = edited(maps, [csc.MapEdit(factor=2), csc.MapEdit(factor=3)], names, 0).maps
    torch.testing.assert_close(both, 6 * maps)
    assert edited(maps, [csc.MapEdit(factor=2, slice=1)], names, 0).maps is maps


def test_the_network_is_not_asked_again(small_acquisition: Acquisition):
    cache, network = csc.MapCache(), csc.load_map_network("v4")
    settings = {"iterations": 4, "device": "cpu", "map_cache": cache}
    result = csc.Reconstructor(csc.Dictionary.load("dct-8-5"), network, **settings)(
        small_acquisition
    )
    asked = []
    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, _: asked.append(module)
    )
    edits = [csc.MapEdit(factor=3, region=REGION)]
    try:
        found = csc.edit_maps(result, small_acquisition, edits, map_cache=cache)
        assert asked == []
        again = csc.edit_maps(result, small_acquisition, edits)
        assert asked != []
    finally:
        hook.remove()
    assert largest_difference(found, again) == 0
    given = csc.edit_maps(result, small_acquisition, edits, maps=network, map_cache=cache)
    assert largest_difference(found, given) == 0
    with pytest.raises(CscError, match="other weights"):
        csc.edit_maps(result, small_acquisition, edits, maps=csc.load_map_network("v3"))
    back = csc.edit_maps(found, small_acquisition, [], map_cache=cache)
    assert largest_difference(back, result) == 0


def test_an_edited_result_says_so_and_repeats_itself(tmp_path, small_acquisition: Acquisition):
    drawn = csc.Region.of_mask(np.arange(48 * 40).reshape(48, 40) % 7 == 3)
    edits = [
        csc.MapEdit(factor="forbid", filters=(1,), region=drawn),
        csc.MapEdit(factor=2.5, filters="dictionary", region=REGION, slice=1),
    ]
    result = csc.edit_maps(made()(small_acquisition), small_acquisition, edits)
    csc.save(result, tmp_path / "edited.h5", acquisition=small_acquisition)
    again = csc.load_result(tmp_path / "edited.h5")
    assert again.edits == result.edits
    assert again.edits[0] == "filter 1 forbidden in a drawn region of 274 pixels"
    (row,) = [one for one in again.provenance["health"] if one["name"] == "edits"]
    assert row["level"] == "amber"
    assert reconstructor_like(again).settings.map_edits == tuple(edits)
    runner = CliRunner()
    shown = runner.invoke(app, ["info", str(tmp_path / "edited.h5")]).output
    assert "filter 1 forbidden" in shown
    words = ["reconstruct", "--like", tmp_path / "edited.h5", "-o", tmp_path / "b.h5"]
    done = runner.invoke(app, [str(one) for one in words])
    assert "equal bit for bit" in done.output
    assert "The maps were edited" in done.output


def test_on_the_command_line(tmp_path, small_acquisition: Acquisition):
    csc.export(small_acquisition, tmp_path / "scan.h5")
    edits = [{"factor": "forbid", "filters": [2], "region": REGION.model_dump(mode="json")}]
    (tmp_path / "edits.json").write_text(json.dumps(edits))
    runner = CliRunner()

    def run(text, output="r.h5"):
        words = ["reconstruct", tmp_path / "scan.h5", "-o", tmp_path / output, "--overwrite"]
        words += ["--dictionary", "dct-8-5", "--maps", "1.5sigma", "--iterations", 3]
        return runner.invoke(app, [str(one) for one in [*words, "--map-edits", text]])

    for text in (tmp_path / "edits.json", json.dumps(edits), json.dumps(edits[0])):
        assert run(text).exit_code == 0
        found = csc.load_result(tmp_path / "r.h5")
        inside = REGION.mask((48, 40))
        assert float(found.sparse_codes[:, 2][:, inside].abs().max()) == 0
    for text, reason in (
        ("nowhere.json", "neither a JSON file nor JSON"),
        ('[{"factor": 9}]', "less than or equal to 8"),
        ('[{"factor": 2, "filters": [8]}]', "names filter 8"),
        ("[3]", "map edits"),
        (
            '[{"factor": 2, "region": {"kind": "rectangle", "points": [[90, 90], [95, 95]]}}]',
            "no pix",
        ),
    ):
        done = run(text)
        assert done.exit_code == 1
        assert reason in done.stderr
        assert done.stderr.startswith("Error: ")
        assert done.stderr.strip().count("\n") == 0
    done = run('[{"factor": 2, "slice": 0}]', output="folder")
    assert "a batch makes each slice by itself" in done.stderr


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"factor": 8.5}, "factor"),
        ({"factor": -1}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": True}, "factor"),
        ({"factor": "less"}, "factor"),
        ({"factor": 2, "filters": ()}, "at least one filter"),
        ({"factor": 2, "filters": (-1,)}, "filters"),
        ({"factor": 2, "colour": 3}, "colour"),
        ({}, "factor"),
    ],
)
def test_what_no_edit_can_be(values, reason):
    with pytest.raises(CscError, match=reason) as found:
        csc.MapEdit(**values)
    assert "\n" not in str(found.value)
    with pytest.raises(CscError, match="map edits"):
        csc.ReconstructionSettings.checked(map_edits=[values])


def test_edits_of_what_is_not_there(small_acquisition: Acquisition):
    for edit, reason in (
        (csc.MapEdit(factor=2, filters=(8,)), "names filter 8, but the dictionary has"),
        (csc.MapEdit(factor=2, slice=2), "the slices are 0 to 1"),
        (csc.MapEdit(factor=2, region=csc.Region.rectangle((60, 0), (70, 9))), "no pixel"),
        (csc.MapEdit(factor=2, region=csc.Region.of_mask(np.ones((9, 9)))), "of \\(9, 9\\) pixels"),
    ):
        with pytest.raises(CscError, match=reason):
            made([edit])(small_acquisition)
    with pytest.raises(CscError, match="there are none"):
        made([csc.MapEdit(factor=2, filters="smooth")], smooth="low-pass")(small_acquisition)
    tensor = csc.Reconstructor(
        csc.Dictionary.load("dct-8-5"), torch.ones(8, 48, 40), iterations=2, device="cpu"
    )(small_acquisition)
    with pytest.raises(CscError, match="given as a tensor"):
        csc.edit_maps(tensor, small_acquisition, [])
    odd = replace(tensor, provenance={"maps": {"edits": [3, "a"]}})
    assert odd.edits == ("a",)
    assert replace(tensor, provenance={"maps": "odd"}).edits == ()


def test_many_edits_are_counted(small_acquisition: Acquisition):
    edits = [csc.MapEdit(factor=2, filters=(k,)) for k in range(6)]
    result = made(edits, iterations=1)(small_acquisition)
    (row,) = [one for one in result.provenance["health"] if one["name"] == "edits"]
    assert "filter 2 held back" in row["sentence"]
    assert "and 3 more" in row["sentence"]


def test_a_command_and_a_script_keep_the_edits(small_acquisition: Acquisition):
    from napari_csc.viewer.sections.export.as_code import as_command, as_python
    from napari_csc.viewer.sections.reconstruct.job import Job

    scan = replace(small_acquisition, metadata={"path": "scan.h5"})
    edits = (csc.MapEdit(factor="forbid", filters=(1,), region=REGION), csc.MapEdit(factor=3))
    job = Job(scan, csc.ReconstructionSettings(dictionary="dct-8-5", map_edits=edits))
    words = shlex.split(as_command(job))
    text = words[words.index("--map-edits") + 1]
    assert csc.ReconstructionSettings(map_edits=json.loads(text)).map_edits == edits
    code = as_python(job).split("settings = ")[1].split("result =")[0]
    assert eval(code, {"csc": csc}) == job.settings


def test_coils_and_slices_too():
    scan = small_scan()
    maps = torch.stack([torch.ones(scan.shape[1:]), 1j * torch.ones(scan.shape[1:])]) / 2**0.5
    coils = csc.Acquisition.from_kspace(
        scan.forward(scan.reference) * torch.tensor([1, 1j])[:, None, None] / 2**0.5,
        coil_maps=maps,
        noise_std=scan.noise_std,
    )
    found = made([csc.MapEdit(factor="forbid", filters=(0,))])(coils)
    assert float(found.sparse_codes[:, 0].abs().max()) == 0


def test_edits_of_one_slice():
    edits = [csc.MapEdit(factor=2), csc.MapEdit(factor=3, slice=1), csc.MapEdit(factor=4, slice=0)]
    assert [edit.factor for edit in edits_of_slice(edits, 1)] == [2, 3]
    assert all(edit.slice is None for edit in edits_of_slice(edits, 1))
