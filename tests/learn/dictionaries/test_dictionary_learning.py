import numpy as np
import pytest
import torch
from helper import random_filters

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.spectra import per_filter_steps
from napari_csc.core.dictionary.synthesis import SynthesisOperator, synthesize_direct
from napari_csc.core.solvers import Fista
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.errors import CscError
from napari_csc.learn.dictionaries.filter_update import CodeStatistics, most_alike
from napari_csc.learn.dictionaries.image_sources import GivenImages
from napari_csc.learn.dictionaries.learning import (
    LearningSettings,
    _replace,
    learn_dictionary,
)

SMALL = {"count": 4, "sizes": (5,), "crop": 32, "steps": 30, "images_per_step": 2, "iterations": 10}


def sparse_images(filters, count=6, size=64, seed=0):
    draw = torch.Generator().manual_seed(seed)
    codes = torch.randn(count, len(filters), size, size, generator=draw)
    codes *= torch.rand(codes.shape, generator=draw) < 0.01
    return codes, synthesize_direct(codes, filters)


def zero_mean_filters(count, size):
    filters = random_filters(count, size, size)
    filters = filters - filters.mean((1, 2), keepdim=True)
    return filters / filters.flatten(1).norm(dim=1)[:, None, None]


def full_supports(count, size):
    return torch.ones(count, size, size, dtype=torch.bool)


def test_the_filter_step_lowers_the_misfit():
    truth = zero_mean_filters(3, 5)
    codes, images = sparse_images(truth)
    statistics = CodeStatistics(full_supports(3, 5))
    statistics.add(codes + 0j, images + 0j, 0.0)
    filters = random_filters(3, 5, 5, seed=8)

    def misfit(these):
        return float((synthesize_direct(codes, these) - images).square().sum())

    before = misfit(filters)
    after = [misfit(statistics.update(filters, sweeps)) for sweeps in (1, 5, 40)]
    assert before > after[0] > after[1] > after[2]
    assert after[2] < 1e-3 * before


def test_the_filter_step_stays_at_the_truth():
    truth = zero_mean_filters(3, 5)
    codes, images = sparse_images(truth)
    statistics = CodeStatistics(full_supports(3, 5))
    statistics.add(codes + 0j, images + 0j, 0.0)
    torch.testing.assert_close(statistics.update(truth), truth, rtol=0, atol=1e-4)


def test_filters_keep_their_support_and_norm():
    supports = full_supports(3, 7)
    supports[1, :2] = supports[1, -2:] = False
    codes, images = sparse_images(zero_mean_filters(3, 7))
    statistics = CodeStatistics(supports)
    statistics.add(codes + 0j, images + 0j, 0.0)
    found = statistics.update(random_filters(3, 7, 7) * supports)
    assert not found[1, :2].any()
    torch.testing.assert_close(found.flatten(1).norm(dim=1), torch.ones(3))


def test_images_of_different_sizes_add_up():
    truth = zero_mean_filters(2, 5)
    whole = CodeStatistics(full_supports(2, 5))
    for size in (32, 48):
        codes, images = sparse_images(truth, 1, size, seed=size)
        whole.add(codes + 0j, images + 0j, 1.0)
    torch.testing.assert_close(whole.update(truth), truth, rtol=0, atol=1e-4)


def test_finds_the_filters_that_images_are_made_of():
    truth = zero_mean_filters(4, 5)
    _, images = sparse_images(truth, 12)

    def source(size, rng):
        return images[int(rng.integers(len(images)))]

    changes = {"count": 8, "steps": 150, "sparsity": 0.5, "low_pass_weight": 1e3}
    found = learn_dictionary(source, LearningSettings(**{**SMALL, **changes}))
    alike = most_alike(torch.cat([truth, found.filters]))[:4, 4:]
    assert float(alike.amax(1).min()) > 0.8


def test_the_same_seed_gives_the_same_dictionary():
    _, images = sparse_images(zero_mean_filters(4, 5))
    first, second, other = (
        learn_dictionary(GivenImages(images), LearningSettings(**SMALL, seed=seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.filters, second.filters)
    assert first.digest != other.digest


def test_complex_images_and_mixed_sizes():
    _, images = sparse_images(zero_mean_filters(4, 5))
    settings = LearningSettings(**{**SMALL, "sizes": (3, 7)})
    found = learn_dictionary(GivenImages(images * 1j), settings)
    assert found.size == (7, 7)
    narrow = [not one[:2].any() and not one[:, :2].any() for one in found.filters]
    assert sum(narrow) == 2


def test_unused_and_repeated_filters_are_replaced():
    filters = zero_mean_filters(4, 7)
    filters[2] = -filters[1]
    codes, images = sparse_images(filters)
    codes[:, 3] = 0
    supports = full_supports(4, 7)
    statistics = CodeStatistics(supports)
    statistics.add(codes + 0j, images + 0j, 0.0)
    before = filters.clone()
    assert _replace(filters, supports, statistics, images + 0j, np.random.default_rng(0)) == 2
    assert torch.equal(filters[0], before[0])
    assert not torch.equal(filters[3], before[3])
    assert torch.equal(filters[1], before[1]) != torch.equal(filters[2], before[2])
    torch.testing.assert_close(filters.flatten(1).norm(dim=1), torch.ones(4))
    assert float(statistics.energies[3]) == 0


def test_stops_when_asked():
    _, images = sparse_images(zero_mean_filters(2, 5))
    steps = []

    def stop(step):
        steps.append(step)
        return len(steps) < 3

    found = learn_dictionary(GivenImages(images), LearningSettings(**SMALL), on_step=stop)
    assert len(steps) == 3
    assert found.metadata["steps"] == 3
    timed = learn_dictionary(GivenImages(images), LearningSettings(**SMALL), max_seconds=0.0)
    assert timed.metadata["steps"] == 1


def test_metadata_travel_with_the_file(tmp_path):
    _, images = sparse_images(zero_mean_filters(4, 5))
    found = learn_dictionary(
        GivenImages(images), LearningSettings(**SMALL), "mine", data=["a volume"]
    )
    found.save(tmp_path / "mine.safetensors")
    again = Dictionary.load(tmp_path / "mine.safetensors")
    assert again.digest == found.digest
    assert again.metadata == found.metadata
    assert again.metadata["data"] == ["a volume"]
    assert again.permuted(1).metadata == again.metadata
    with pytest.raises(CscError, match="safetensors"):
        found.save(tmp_path / "mine.npy")


@pytest.mark.parametrize(
    ("images", "match"),
    [(torch.zeros(1, 64, 64), "no structure"), (torch.ones(1, 20, 64), "smaller parts")],
)
def test_images_that_teach_nothing(images, match):
    with pytest.raises(CscError, match=match):
        learn_dictionary(GivenImages(images), LearningSettings(**SMALL))


def test_explains_more_than_random_filters():
    """On an image that it has not seen, at the same sparsity level."""
    rng = np.random.default_rng(0)
    smooth = torch.from_numpy(rng.standard_normal((8, 64, 64))).float()
    smooth = torch.nn.functional.avg_pool2d(smooth[:, None], 5, 1, 2)[:, 0]
    images = (smooth > 0.1).float()
    settings = LearningSettings(**{**SMALL, "count": 8, "steps": 60})
    found = learn_dictionary(GivenImages(images[:6]), settings)
    objectives = []
    for filters in (found.filters, Dictionary.random(8, 5).filters):
        synthesis = SynthesisOperator(filters, (64, 64))
        data = CartesianDataTerm(torch.fft.fft2(images[7] + 0j, norm="ortho"), torch.ones(64, 64))
        maps = torch.full((8, 64, 64), 0.2)
        solver = Fista(synthesis.spectra, data, maps, per_filter_steps(synthesis.spectra))
        for _ in range(60):
            status = solver.step()
        objectives.append(status.objective)
    assert objectives[0] < 0.9 * objectives[1]
