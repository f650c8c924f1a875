"""Implant: a replaced knee, with metal over the condyles and a tray on the tibia."""

from __future__ import annotations

import numpy as np
import pandas as pd

from oai_twin import bones
from oai_twin.bones import Condyle, V

METAL = 0.75  # attenuation per mm, beyond muscle
SPACER = 9.0  # mm of plastic between metal and metal
TRAY = (3.0, 8.0)  # v where the tray begins and ends
STEM = 52.0  # v where the stem ends
FLANGE = -34.0  # v where the front of the femoral part ends


def prepare(knee: pd.Series) -> pd.Series:
    """Return the knee as the surgeon leaves it: no osteophytes, no sclerosis, an even gap."""
    gone = {name: 0.0 for name in knee.index if name.startswith(("osteophyte", "sclerosis"))}
    kept = {"jsw_medial": SPACER, "jsw_lateral": SPACER, "alignment": 0.3 * knee["alignment"]}
    return pd.Series({**knee, **gone, **kept})


def parts(condyles: list[Condyle], alignment: float) -> list[np.ndarray]:
    """Return the metal bodies: two condylar shells with their flange, tray and stem."""
    shells = [_shell(condyle, alignment) for condyle in condyles]
    flange = np.where((V > FLANGE) & (V < -16), 24.0, 0.0)
    tray = np.where((TRAY[0] < V) & (TRAY[1] > V), 36.5, 0.0)
    stem = np.where((TRAY[1] - 1 < V) & (STEM > V), 7.5 - 0.06 * (V - TRAY[1]), 0.0)
    middle = bones.tibia_axis(alignment)
    return [
        *shells,
        _solid(-flange, flange, 6.0),
        _solid(-tray, tray, 22.0),
        _solid(middle - stem, middle + stem, 7.0),
    ]


def _shell(condyle: Condyle, alignment: float) -> np.ndarray:
    whole = bones.condyle(condyle, alignment).astype(float)
    low, high = whole[:, 0], whole[:, 1]
    gone = FLANGE > V
    return _solid(np.where(gone, high, low), high, 9.0)


def _solid(low: np.ndarray, high: np.ndarray, depth: float) -> np.ndarray:
    return bones.slices(low, high, 0.0, np.full_like(V, depth), cortex=2 * depth, square=0.6)
