import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.core.solvers.frequency_band import FrequencyBand

sizes = st.integers(1, 24)


def spectrum(shape):
    return torch.randn(2, *shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


def mirrored_whole(values):
    return values.flip((-2, -1)).roll((1, 1), (-2, -1))


@settings(max_examples=80, deadline=None)
@given(sizes, sizes, st.data())
def test_band_of_the_centre(height, width, data):
    shape = (height, width)
    lines = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    mask = torch.fft.ifftshift(central_mask(shape, lines))
    band = FrequencyBand.of_mask(mask)
    check(band, mask, spectrum(shape))


@settings(max_examples=80, deadline=None)
@given(sizes, sizes, st.integers(0, 99), st.floats(0.02, 1))
def test_band_of_anything(height, width, seed, share):
    draw = torch.Generator().manual_seed(seed)
    mask = torch.rand(height, width, generator=draw) < share
    check(FrequencyBand.of_mask(mask), mask, spectrum((height, width)))


def check(band, mask, values):
    kept = band.scatter(band.gather(values))
    assert torch.equal(kept[..., mask], values[..., mask])
    assert bool(((kept == values) | (kept == 0)).all())
    assert band.gather(values).shape[-2:] == band.size
    # Mirroring stays inside the band, because the band is symmetric.
    assert torch.equal(band.scatter(band.mirrored(band.gather(values))), mirrored_whole(kept))


def test_the_band_of_a_low_field_scan_is_a_quarter():
    mask = torch.fft.ifftshift(central_mask((320, 320), 160))
    assert FrequencyBand.of_mask(mask).size == (161, 161)
    assert FrequencyBand.whole((320, 320)).size == (320, 320)
