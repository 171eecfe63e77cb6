"""What networks promise, measured: shuffling, scale and phase change nothing. What they cost."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import MapNetwork
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench, is_free
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.invariances import cost, dropping, equivariance, shuffling
from napari_csc.learn.evaluation.methods.sparse_coding import SparseCoding
from napari_csc.learn.evaluation.situations import Condition

DROPPED = (0.0, 0.1, 0.25, 0.5)
_SHUFFLES = 20


def measure(method: SparseCoding, image: EvaluationImage) -> Mapping[str, float]:
    """Return what a network keeps of its promises on one image."""
    scan = Condition().scan(image)
    assert isinstance(method.maps, MapNetwork)
    found = {
        "shuffled": shuffling(method, scan, _SHUFFLES)["largest"],
        **equivariance(method, scan),
    }
    counted = Dictionary.dct(64, 11)
    if is_free(method):
        for share, ssim in dropping(method, image, scan, DROPPED).items():
            found[f"SSIM, {share:.0%} dropped"] = ssim
    else:
        counted = method.dictionary
    return found | cost(method.maps, counted)


def run(bench: Bench) -> Section | None:
    """Measure all networks on the first test image."""
    networks = [one for one in bench.networks if isinstance(one.maps, MapNetwork)]
    if not networks:
        return None
    image, body = bench.images[0], []
    subject = f"{image.group} {image.subject}"
    shuffled = {}
    for method in networks:
        found = bench.figures(
            "promises", "", method, subject, image.number, partial(measure, method, image)
        )
        shuffled[method.name] = found["shuffled"]
        kept = [found.get(f"SSIM, {share:.0%} dropped") for share in DROPPED]
        body.append(
            [
                method.name,
                *(f"{found[name]:.1e}" for name in ("shuffled", "scale", "phase")),
                *("–" if one is None else f"{one:.3f}" for one in kept),
                f"{found['parameters']:,.0f}",
                f"{found['giga_multiply_adds']:.1f}",
            ]
        )
    head = ["network", "shuffled: largest change", "scaled", "turned in phase"]
    head += [f"SSIM, {share:.0%} dropped" for share in DROPPED]
    head += ["parameters", "10⁹ multiply-adds"]
    return Section(tables.markdown(head, body), [Column("shuffled: change", shuffled, "{:.0e}")])
