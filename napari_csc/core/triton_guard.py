"""Keep out of the way of graphics drivers."""

from __future__ import annotations

import sys
from pathlib import Path


def keep_triton_out() -> None:
    """Make sure that no second LLVM comes into a process whose graphics driver has loaded one.

    mrpro, piq and others import torchvision, which imports Triton where it is installed, and Triton
    brings an LLVM of its own. After Mesa has loaded its LLVM to draw, that import ends the process
    with a segmentation fault. Nothing here needs Triton, so it is declared missing; whoever else
    asked for it would crash as well. To be called before such an import.
    """
    if "triton" in sys.modules or not _llvm_is_loaded():
        return
    sys.modules["triton"] = None  # type: ignore[assignment]


def _llvm_is_loaded() -> bool:
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, where there is no Mesa
        return False
    return "libLLVM" in maps
