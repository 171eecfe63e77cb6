"""Our solvers and those of others, on one and the same problem.

Single coil, Cartesian, the central half of k-space along each axis, complex data, one uniform step,
real maps that vary from pixel to pixel, modulus norm, and mrpro's momentum. Every solver starts
from zero codes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from mrpro.algorithms.optimizers import pgd
from mrpro.operators import ConvSynthesisDictionaryOp
from mrpro.operators.functionals import L1Norm, L2NormSquared
from mrpro.operators.LinearOperator import LinearOperator

import napari_csc as csc
from napari_csc.core.dictionary.spectra import filter_spectra, uniform_steps
from napari_csc.core.options import Norm
from napari_csc.core.solvers import Admm, Fista
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.phantom.head import head_phantom

Tensor = torch.Tensor
LEVEL = 2.0


class MaskedFourier(LinearOperator):
    """Unitary FFT and sampling mask, in `torch.fft` order."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.mask = mask

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (torch.fft.fft2(x, norm="ortho") * self.mask,)

    def adjoint(self, x: Tensor) -> tuple[Tensor]:
        return (torch.fft.ifft2(x * self.mask, norm="ortho"),)


@cache
def scan(size: int) -> csc.Acquisition:
    """The phantom head, the central half of k-space along each axis, noisy."""
    return csc.simulate_low_field(
        head_phantom(size, 1), size // 2, generator=torch.Generator().manual_seed(0)
    )


class Problem:
    """What all solvers get, in noise units and in `torch.fft` order."""

    def __init__(self, size: int, count: int, width: int, sampled: bool = True) -> None:
        self.size, self.count, self.width = size, count, width
        self.grid = (size, size)
        self.filters = csc.Dictionary.dct(count, width).filters
        acquisition = scan(size)
        initial = acquisition.adjoint()[0] / acquisition.noise_std
        self.mask = torch.fft.ifftshift(acquisition.mask).float()
        if not sampled:
            self.mask = torch.ones_like(self.mask)
        self.data = torch.fft.fft2(initial, norm="ortho") * self.mask
        draw = torch.Generator().manual_seed(1)
        self.maps = LEVEL * (0.5 + torch.rand(count, size, size, generator=draw))
        self.spectra = filter_spectra(self.filters, self.grid)
        self.steps = uniform_steps(self.spectra)
        self.step = float(self.steps[0])

    @property
    def term(self) -> CartesianDataTerm:
        return CartesianDataTerm(self.data, self.mask)

    @property
    def stack_bytes(self) -> int:
        """Bytes of one complex code stack."""
        return 8 * self.count * self.size**2


def momentum(finished: int) -> float:
    """mrpro's: t_n = (n + 3) / 3 in iteration n, so (m - 2) / (m + 2) after m iterations."""
    return max(finished - 2, 0) / (finished + 2)


class Solver:
    """Something that iterates; ``codes`` are complex, (K, y, x), None where not comparable."""

    iteration = 0

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def iterate(self, count: int) -> None:
        with torch.inference_mode():
            for _ in range(count):
                self.once()
                self.iteration += 1

    def once(self) -> None:
        raise NotImplementedError

    def codes(self) -> Tensor | None:
        return None


# ---------------------------------------------------------------- ours


class OurFista(Solver):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        p = problem
        self.solver = Fista(p.spectra, p.term, p.maps, p.steps, momentum=momentum)

    def once(self) -> None:
        self.solver.step()

    def codes(self) -> Tensor:
        return self.solver.codes


class OurAdmm(Solver):
    def __init__(self, problem: Problem, norm: Norm = "modulus") -> None:
        super().__init__(problem)
        p = problem
        penalties = torch.full((p.count,), RHO)
        self.solver = Admm(p.spectra, p.term, p.maps, penalties, norm)

    def once(self) -> None:
        self.solver.step()


class OurAdmmWhole(OurAdmm):
    """All of k-space, as SPORCO has it."""

    def __init__(self, problem: Problem, norm: Norm = "modulus") -> None:
        whole = Problem(problem.size, problem.count, problem.width, sampled=False)
        super().__init__(whole, norm)

    def codes(self) -> Tensor:
        return self.solver.codes


# ---------------------------------------------------------------- mrpro


class Mrpro(Solver):
    """``ConvSynthesisDictionaryOp`` and ``pgd``; each call starts again from zero codes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        # mrpro correlates where we convolve, hence the flip.
        dictionary = ConvSynthesisDictionaryOp(problem.filters.flip((-2, -1)))
        self.misfit = (
            0.5 * L2NormSquared(target=problem.data) @ (MaskedFourier(problem.mask) @ dictionary)
        )
        self.penalty = L1Norm(weight=problem.maps)
        self.start = torch.zeros(problem.maps.shape, dtype=torch.complex64)
        self.found = self.start

    def iterate(self, count: int) -> None:
        found = pgd(self.misfit, self.penalty, self.start, self.problem.step, count, 1.0, True)
        (self.found,) = found

    def codes(self) -> Tensor:
        return self.found


# ---------------------------------------------------------------- plain torch


class _PlainFista(Solver):
    """FISTA as one writes it down; real and imaginary part are a batch of two."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.state = self.previous = self.zeros()
        self.thresholds = problem.step * problem.maps

    def zeros(self) -> Tensor:
        return torch.zeros(2, *self.problem.maps.shape)

    def synthesis(self, codes: Tensor) -> Tensor:
        raise NotImplementedError

    def analysis(self, image: Tensor) -> Tensor:
        raise NotImplementedError

    def once(self) -> None:
        p, weight = self.problem, momentum(self.iteration)
        point = self.state + weight * (self.state - self.previous)
        image = self.synthesis(point)
        spectrum = torch.fft.fft2(torch.complex(image[0], image[1]), norm="ortho")
        residual = torch.fft.ifft2(p.mask * spectrum - p.data, norm="ortho")
        gradient = self.analysis(torch.stack([residual.real, residual.imag]))
        values = point - p.step * gradient
        modulus = torch.hypot(values[0], values[1]).clamp_min(1e-30)
        self.previous = self.state
        self.state = values * (1 - self.thresholds / modulus).clamp_min(0)

    def codes(self) -> Tensor:
        return torch.complex(self.state[0], self.state[1])


class TorchConv(_PlainFista):
    """Circular padding and ``conv2d`` both ways."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.flipped = problem.filters.flip((-2, -1)).unsqueeze(0).contiguous()
        self.filters = problem.filters.unsqueeze(1).contiguous()
        self.pad = [problem.width // 2] * 4

    def synthesis(self, codes: Tensor) -> Tensor:
        return F.conv2d(F.pad(codes, self.pad, mode="circular"), self.flipped)[:, 0]

    def analysis(self, image: Tensor) -> Tensor:
        return F.conv2d(F.pad(image[:, None], self.pad, mode="circular"), self.filters)


class TorchConvGroups(_PlainFista):
    """Real and imaginary part as two groups of channels; ``conv_transpose2d`` sums the filters."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.weights = problem.filters[:, None].repeat(2, 1, 1, 1)
        self.pad = [problem.width // 2] * 4

    def synthesis(self, codes: Tensor) -> Tensor:
        padded, crop = F.pad(codes.flatten(0, 1)[None], self.pad, mode="circular"), self.pad[0] * 2
        return F.conv_transpose2d(padded, self.weights, padding=crop, groups=2)[0]

    def analysis(self, image: Tensor) -> Tensor:
        padded = F.pad(image[None], self.pad, mode="circular")
        return F.conv2d(padded, self.weights, groups=2).view(self.state.shape)


class TorchFft(Solver):
    """FFT over the whole stack of codes, no blocks, no band."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.state = self.previous = torch.zeros(problem.maps.shape, dtype=torch.complex64)
        self.conjugate = problem.spectra.conj().resolve_conj()
        self.thresholds = problem.step * problem.maps

    def once(self) -> None:
        p, weight = self.problem, momentum(self.iteration)
        point = self.state + weight * (self.state - self.previous)
        spectrum = (p.spectra * torch.fft.fft2(point, norm="ortho")).sum(0)
        residual = p.mask * spectrum - p.data
        values = point - p.step * torch.fft.ifft2(self.conjugate * residual, norm="ortho")
        factors = (1 - self.thresholds / values.abs().clamp_min(1e-30)).clamp_min(0)
        self.previous, self.state = self.state, values * factors

    def codes(self) -> Tensor:
        return self.state


# ---------------------------------------------------------------- SPORCO

RHO = 10.0
RELAXATION = 1.8


class Sporco(Solver):
    """SPORCO's ADMM: fixed penalty, no stopping rule, no statistics.

    It has no sampling mask, so all of k-space is taken as data, and no complex codes, so real and
    imaginary part are two signals with a norm of their own. Filters lie in the corner of its grid,
    so the image is rolled. It keeps the filters as the last axis.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        from sporco.admm.cbpdn import ConvBPDN

        image = torch.fft.ifft2(
            Problem(problem.size, problem.count, problem.width, sampled=False).data, norm="ortho"
        )
        rolled = image.roll((problem.width // 2,) * 2, (0, 1))
        signals = np.ascontiguousarray(torch.view_as_real(rolled).numpy())
        weights = np.ascontiguousarray(problem.maps.movedim(0, -1).numpy())[:, :, None, None]
        options = ConvBPDN.Options(
            {
                "Verbose": False,
                "FastSolve": True,
                "HighMemSolve": True,
                "MaxMainIter": 1,
                "rho": RHO,
                "RelaxParam": RELAXATION,
                "AutoRho": {"Enabled": False},
                "L1Weight": weights,
                "DataType": np.float32,
            }
        )
        filters = np.ascontiguousarray(problem.filters.movedim(0, -1).numpy())
        self.solver = ConvBPDN(filters, signals, 1.0, options, dimK=1)

    def once(self) -> None:
        self.solver.solve()

    def codes(self) -> Tensor:
        parts = torch.from_numpy(np.ascontiguousarray(self.solver.Y[:, :, 0]))
        return torch.complex(parts[:, :, 0], parts[:, :, 1]).movedim(-1, 0)


def sporco_missing() -> str:
    """Why SPORCO cannot be measured here, or nothing."""
    try:
        import sporco.admm.cbpdn  # noqa: F401
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


OURS: dict[str, Callable[[Problem], Solver]] = {
    "fista": OurFista,
    "admm": OurAdmm,
    "admm, all of k-space": OurAdmmWhole,
}
PEERS: dict[str, Callable[[Problem], Solver]] = {
    "mrpro": Mrpro,
    "torch conv": TorchConv,
    "torch conv, groups": TorchConvGroups,
    "torch fft": TorchFft,
    "sporco": Sporco,
}
SAME_OUTPUT = ("mrpro", "torch conv", "torch conv, groups", "torch fft")
"""Peers that do FISTA's very iteration."""
