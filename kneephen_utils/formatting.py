"""Formatting: numbers, intervals and p values as a reader meets them in a sentence or a table."""

from __future__ import annotations

import pandas as pd

MISSING = "\N{EN DASH}"


def number(value: float, decimals: int = 2) -> str:
    """Write a number for a reader; a missing one is a dash."""
    return text_of(value, decimals)


def spread(estimate: float, low: float, high: float, decimals: int = 2) -> str:
    """Write an estimate with its 95 % interval, such as `2.20 (1.84 to 2.62)`.

    Without an interval the estimate stands alone, and without an estimate there is a dash.
    """
    if pd.isna(low) and pd.isna(high):
        return number(estimate, decimals)
    return f"{number(estimate, decimals)} ({number(low, decimals)} to {number(high, decimals)})"


def counted(number: int, noun: str) -> str:
    """Write a count with its noun, such as `1 group` and `2 groups`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def p_value(p: float) -> str:
    """Write a p value as journals do."""
    if pd.isna(p):
        return MISSING
    return "<\N{NO-BREAK SPACE}0.001" if p < 0.001 else f"{p:.3f}"


def text_of(value: object, decimals: int) -> str:
    """Write any value for a reader; a missing one is a dash."""
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return MISSING
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    if isinstance(value, float):
        text = f"{value:,.{decimals}f}"
        return text if text.strip("-0.") else text.lstrip("-")  # no zero below zero
    return f"{value:,}" if isinstance(value, int) else str(value)
