"""Closed: what may be told where single knees may not be shown."""

from __future__ import annotations

FEW = 10  # counts, means and cells of fewer people or knees are not told
