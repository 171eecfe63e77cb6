"""The models of all sections, built from one workbench."""

from __future__ import annotations

from dataclasses import dataclass

from napari_csc.viewer.sections.compare.blinded_reading import BlindedReading
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.compare.pin_risk import PinRisk
from napari_csc.viewer.sections.dictionary.model import DictionaryModel
from napari_csc.viewer.sections.display.model import DisplayModel
from napari_csc.viewer.sections.export.model import ExportModel
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.sections.input.watching import FolderWatching
from napari_csc.viewer.sections.inspect.model import InspectModel
from napari_csc.viewer.sections.kept.history import HistoryModel
from napari_csc.viewer.sections.kept.model import KeptModel
from napari_csc.viewer.sections.lecture.model import LectureModel
from napari_csc.viewer.sections.measure.model import MeasureModel
from napari_csc.viewer.sections.play.model import PlayModel
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.order import OrderModel
from napari_csc.viewer.sections.reconstruct.presets_model import PresetsModel
from napari_csc.viewer.sections.reconstruct.state_line import StateModel
from napari_csc.viewer.sections.risk.model import RiskModel
from napari_csc.viewer.sections.tour.model import TourModel
from napari_csc.viewer.sections.trust.model import TrustModel
from napari_csc.viewer.sections.what_if.model import WhatIfModel
from napari_csc.viewer.workbench import Workbench


@dataclass(frozen=True, eq=False)
class Models:
    """One model for each section of the dock.

    They hear of a change in this order: what is shown before what is made of it.
    """

    display: DisplayModel
    dictionary: DictionaryModel
    reconstruct: ReconstructModel
    state: StateModel
    order: OrderModel
    presets: PresetsModel
    input: InputModel
    watching: FolderWatching
    compare: CompareModel
    blinded_reading: BlindedReading
    measure: MeasureModel
    inspect: InspectModel
    play: PlayModel
    what_if: WhatIfModel
    trust: TrustModel
    risk: RiskModel
    pin_risk: PinRisk
    export: ExportModel
    tour: TourModel
    lecture: LectureModel
    history: HistoryModel
    kept: KeptModel

    @classmethod
    def of(cls, workbench: Workbench) -> Models:
        """Return the models of a workbench."""
        made = workbench.model
        return cls(
            display=made(DisplayModel),
            dictionary=made(DictionaryModel),
            reconstruct=made(ReconstructModel),
            state=made(StateModel),
            order=made(OrderModel),
            presets=made(PresetsModel),
            input=made(InputModel),
            watching=made(FolderWatching),
            compare=made(CompareModel),
            blinded_reading=made(BlindedReading),
            measure=made(MeasureModel),
            inspect=made(InspectModel),
            play=made(PlayModel),
            what_if=made(WhatIfModel),
            trust=made(TrustModel),
            risk=made(RiskModel),
            pin_risk=made(PinRisk),
            export=made(ExportModel),
            tour=made(TourModel),
            lecture=made(LectureModel),
            history=made(HistoryModel),
            kept=made(KeptModel),
        )
