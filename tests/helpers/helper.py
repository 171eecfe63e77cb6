"""What the tests of the numbers share: random data, adjointness, small networks and scans."""

from collections.abc import Callable

import torch
from torch import nn

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.maps import MapNetwork, MapNetworkConfig, WeightMetadata, build_map_network

Tensor = torch.Tensor
TOLERANCE = {torch.complex64: 1e-5, torch.complex128: 1e-12}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_complex(*shape: int, dtype: torch.dtype = torch.complex64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=generator(seed))


def random_filters(
    count: int, height: int, width: int, dtype: torch.dtype = torch.float32, seed: int = 1
) -> Tensor:
    filters = torch.randn(count, height, width, dtype=torch.float64, generator=generator(seed))
    return (filters / filters.flatten(1).norm(dim=1)[:, None, None]).to(dtype)


def relative(actual: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    return float((actual - expected).norm() / expected.norm())


def assert_adjoint(
    forward: Callable[[Tensor], Tensor],
    adjoint: Callable[[Tensor], Tensor],
    domain: tuple[int, ...],
    target: tuple[int, ...],
    dtype: torch.dtype = torch.complex64,
) -> None:
    """Check <A u, v> == <u, A^H v> for random u and v, relative to ||A u|| ||v||."""
    u = random_complex(*domain, dtype=dtype, seed=11)
    v = random_complex(*target, dtype=dtype, seed=12)
    image, back = forward(u), adjoint(v)
    assert image.shape == target
    assert back.shape == domain
    assert image.dtype == back.dtype == dtype
    left = torch.vdot(image.flatten(), v.flatten())
    right = torch.vdot(u.flatten(), back.flatten())
    scale = max(float(image.norm() * v.norm()), float(u.norm() * back.norm()))
    assert abs(complex(left - right)) <= TOLERANCE[dtype] * scale


def metadata(kind: str = "v3", **values: object) -> WeightMetadata:
    """Metadata of a small network; architecture options and metadata in one list."""
    names = (
        "bound",
        "conditioning",
        "features",
        "hidden",
        "embedding",
        "local",
        "pooling",
        "estimate",
    )
    options = {name: values.pop(name) for name in names if name in values}
    architecture = MapNetworkConfig(
        kind=kind,
        channels=values.pop("channels", 4),
        stages=values.pop("stages", 2),
        n_filters=values.pop("n_filters", None),
        **options,
    )
    return WeightMetadata(name=f"fresh {kind}", architecture=architecture, **values)


def fresh_network(kind: str = "v3", seed: int = 0, **values: object) -> MapNetwork:
    """A small untrained network whose head is random, so that its maps are not constant."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_map_network(metadata(kind, **values))
        if kind in ("v4", "v5"):
            for name in ("weights", "offset", "from_units"):
                if hasattr(network, name):
                    nn.init.normal_(getattr(network, name).weight, std=1.0)
        else:
            nn.init.normal_(network.unet.head.weight, std=1.0)
    return network.eval().requires_grad_(False)


def small_scan(
    height: int = 36, width: int = 33, slices: int = 1, sampled: tuple[int, int] = (24, 25)
) -> Acquisition:
    """Simulated scan of a few blobs with smooth phase; odd and even axes."""
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)[None, :]
    images = []
    for number in range(slices):
        blob = ((y**2 + 1.4 * x**2) < 0.6).float() + 0.7 * ((y - 0.2) ** 2 + x**2 < 0.1).float()
        blob = blob + 0.5 * ((y + 0.3) ** 2 + (x - 0.1 * number) ** 2 < 0.05).float()
        images.append(blob * torch.exp(1j * (0.8 * y + 0.5 * x * (number + 1))))
    return simulate_low_field(
        torch.stack(images), sampled, noise_variance=0.05, generator=generator(5)
    )
