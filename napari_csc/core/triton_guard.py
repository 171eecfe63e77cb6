"""What has to be right before mrpro and others import torchvision: drivers, and its build."""

from __future__ import annotations

import sys
from pathlib import Path

from napari_csc.errors import CscError


def keep_triton_out() -> None:
    """Make sure that no second LLVM comes into a process whose graphics driver has loaded one.

    mrpro, piq and others import torchvision, which imports Triton where it is installed, and Triton
    brings an LLVM of its own. After Mesa has loaded its LLVM to draw, that import ends the process
    with a segmentation fault. Nothing here needs Triton, so it is declared missing; whoever else
    asked for it would crash as well. To be called before such an import.

    Raises
    ------
    CscError
        If torchvision does not belong to this torch, so that the import could only fail.
    """
    # With torchvision Triton has come or not, and to ask again costs some milliseconds.
    is_open = sys.modules.get("torchvision") is None and "triton" not in sys.modules
    if is_open and _llvm_is_loaded():
        sys.modules["triton"] = None  # type: ignore[assignment]
    check_torchvision()


def check_torchvision() -> None:
    """Import torchvision, and say plainly if it was built for another torch than this one.

    That happens where one of the two was installed alone, as with a torch for the CPU beside the
    torchvision for CUDA that ``pip`` fetches by itself.

    Raises
    ------
    CscError
        If it cannot be imported for that reason.
    """
    try:
        import torchvision  # noqa: F401
    except ModuleNotFoundError:
        return  # what needs it says so
    except (ImportError, OSError, RuntimeError) as error:
        raise CscError(
            "torchvision was built for another torch than the one that is installed, so coils and "
            "trajectories cannot be handled; install both anew and together, for the CPU with pip "
            "install --force-reinstall torch torchvision --index-url "
            "https://download.pytorch.org/whl/cpu."
        ) from error


def _llvm_is_loaded() -> bool:
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, where there is no Mesa
        return False
    return "libLLVM" in maps
