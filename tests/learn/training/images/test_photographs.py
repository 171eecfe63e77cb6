import numpy as np
import pytest
from PIL import Image

from napari_csc.errors import CscError
from napari_csc.learn.training.images.packing import pack_slices
from napari_csc.learn.training.images.photographs import PARTS, photograph_parts


def picture(path, size=(500, 400), seed=0, mode="RGB"):
    """Write a picture with blobs of every size."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size[::-1])
    waves = [np.sin(x * rng.uniform(0.01, 0.3) + y * rng.uniform(0.01, 0.3)) for _ in range(8)]
    grey = np.sum(waves, axis=0)
    values = np.round(255 * (grey - grey.min()) / np.ptp(grey)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    picture(pictures / "one.jpg", seed=1)
    picture(pictures / "below" / "two.PNG", seed=2, mode="RGBA")
    picture(pictures / "three.webp", seed=3, mode="L")
    return pictures


def parts_of(folder, seed=0, report=print):
    return dict(photograph_parts(folder, seed, report))


def test_parts_are_images_of_the_packed_size(folder):
    found = parts_of(folder)
    assert list(found) == ["below/two.PNG", "one.jpg", "three.webp"]
    for parts in found.values():
        assert len(parts) == PARTS
        for part in parts:
            assert part.shape == (256, 256)
            assert part.min() >= 0
            assert part.max() > 0.3
        black = [float((part[[0, -1]] < 0.01).mean()) for part in parts]
        assert 0.2 < np.mean(np.array(black) > 0.9) < 0.8


def test_what_is_drawn_of_a_picture_does_not_depend_on_the_others(folder):
    before = parts_of(folder)
    picture(folder / "a_new_one.jpg", seed=9)
    after = parts_of(folder)
    for name, parts in before.items():
        np.testing.assert_array_equal(parts, after[name])
    assert not np.array_equal(parts_of(folder, seed=1)["one.jpg"], before["one.jpg"])


def test_what_is_no_picture_is_named(folder):
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not looked at")
    picture(folder / "small.png", size=(400, 200))
    Image.new("RGB", (400, 400), "grey").save(folder / "flat.png")
    lines = []
    assert len(parts_of(folder, report=lines.append)) == 3
    assert len(lines) == 3
    for name in ("broken.jpg", "small.png", "flat.png"):
        assert any(line.startswith(f"{name} is left out") for line in lines)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_pictures_is_refused(tmp_path, exists):
    if exists:
        (tmp_path / "empty").mkdir()
    with pytest.raises(CscError, match="empty"):
        parts_of(tmp_path / "empty")


def test_parts_are_packed_beside_slices(folder, tmp_path):
    data = tmp_path / "volumes"
    data.mkdir()
    for name in ("train_a", "test_b"):
        np.save(data / f"{name}.npy", np.random.default_rng(0).random((6, 40, 40)))
    packed = pack_slices(
        data, ["train_*"], ["test_*"], report=lambda _: None, heads=1, photographs=folder
    )
    assert packed.names == ("train_a", "photographs_0", "phantom")
    assert packed.has_phantoms
    assert (packed.volume == 1).sum() == 3 * PARTS
    assert len(packed.images) == len(packed.volume)


def test_what_is_transparent_is_black(tmp_path):
    values = np.full((400, 400, 4), 255, np.uint8)
    values[..., :3] = np.random.default_rng(4).integers(0, 256, (400, 400, 1))
    values[:, 200:, 3] = 0
    Image.fromarray(values).save(tmp_path / "half.png")
    values[:, 200:] = (0, 0, 0, 255)
    opaque = tmp_path / "opaque"
    opaque.mkdir()
    Image.fromarray(values).save(opaque / "half.png")
    (parts,) = parts_of(opaque).values()
    (tmp_path / "opaque" / "half.png").unlink()
    (found,) = parts_of(tmp_path).values()
    for one, other in zip(found, parts, strict=True):
        np.testing.assert_array_equal(one, other)
