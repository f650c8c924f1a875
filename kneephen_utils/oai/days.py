"""Days: dates as the release and the programs it passes through spell them.

The release writes month/day/year with two or four digits of the year; SAS formats, database
exports and spreadsheets write the same day in other ways, with or without a time of day.
"""

from __future__ import annotations

import pandas as pd

LAST_YEAR = 2025  # the study began in 2004; no year of two digits is later than this one
FIRST_POSSIBLE, LAST_POSSIBLE = pd.Timestamp("1900-01-01"), pd.Timestamp("2099-12-31")
MONTHS = "january february march april may june july august september october november december"
MONTH_NUMBERS = {
    short: number
    for number, name in enumerate(MONTHS.split(), start=1)
    for short in (name[:3], name, "sept" if name == "september" else name)
}
YEAR = r"(?P<year>(?:19|20)\d{2}|\d{2})"
CLOCK = (
    r"(?:[T :]\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|[+-]00:?00)?)?"
)
NUMERIC = rf"(?P<month>\d{{1,2}})(?P<mark>[/-])(?P<day>\d{{1,2}})(?P=mark){YEAR}"
SPELLINGS = (
    NUMERIC,
    rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.{YEAR}",
    rf"(?P<day>\d{{1,2}})[ -]?(?P<name>[A-Za-z]{{3,9}})\.?[ -]?{YEAR}",
    rf"(?P<name>[A-Za-z]{{3,9}})\.? (?P<day>\d{{1,2}}),? {YEAR}",
    r"(?P<year>(?:19|20)\d{2})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})(?:\.0*)?",
    r"(?P<month>\d{2})(?P<day>\d{2})(?P<year>(?:19|20)\d{2})",
)
NUMBER = r"(-?\d{1,5}|\d{9,11})(?:\.0*)?"
SAS_EPOCH, SPREADSHEET_EPOCH = pd.Timestamp("1960-01-01"), pd.Timestamp("1899-12-30")
SPREADSHEET_FROM = 36_526  # 2000 in a spreadsheet, 2060 in SAS
SECONDS_FROM = 100_000_000


def read(cells: pd.Series) -> pd.Series:
    """Return the day in each cell; what is no day is missing, and a time of day is left out.

    Years of two digits are the latest ones up to `LAST_YEAR`. Days and months in numbers are
    month first, unless the column itself shows that it is day first, see `day_first`. A bare
    number counts days since 1960 (SAS), from 36,526 on days since 1900 (a spreadsheet), from
    100,000,000 on seconds since 1960 (SAS).
    """
    trimmed = cells.str.strip()
    found = _numbers(trimmed)
    swapped = day_first(cells)
    for spelling in SPELLINGS:
        parts = trimmed.where(found.isna()).str.extract(f"^{spelling}{CLOCK}$")
        known = parts["year"].notna()
        if known.any():
            found[known] = _dates(parts[known], swapped=swapped and spelling == NUMERIC)
    return found.where(found.between(FIRST_POSSIBLE, LAST_POSSIBLE))


def day_first(cells: pd.Series) -> bool:
    """Say whether a column writes day/month/year: some first number is above 12, no second is."""
    parts = cells.str.strip().str.extract(f"^{NUMERIC}{CLOCK}$")
    first, second = (
        pd.to_numeric(parts[name], errors="coerce").gt(12).any() for name in ("month", "day")
    )
    return bool(first and not second)


def _dates(parts: pd.DataFrame, *, swapped: bool) -> pd.Series:
    year = pd.to_numeric(parts["year"], errors="coerce")
    short = parts["year"].str.len().eq(2)
    year = year.mask(short, year + 1900 + 100 * (year + 2000 <= LAST_YEAR))
    month = parts["name"].str.lower().map(MONTH_NUMBERS) if "name" in parts else parts["month"]
    day = parts["day"]
    if swapped:
        month, day = day, month
    whole = pd.DataFrame({"year": year, "month": month, "day": day})
    whole = whole.apply(pd.to_numeric, errors="coerce")
    return pd.to_datetime(whole, errors="coerce")


def _numbers(trimmed: pd.Series) -> pd.Series:
    found = pd.Series(pd.NaT, index=trimmed.index, dtype="datetime64[ns]")
    count = pd.to_numeric(trimmed.str.extract(f"^{NUMBER}$", expand=False), errors="coerce")
    days, seconds = count.abs().lt(SECONDS_FROM), count.ge(SECONDS_FROM)
    sheet = days & count.ge(SPREADSHEET_FROM)
    for rows, epoch, unit in [
        (days & ~sheet, SAS_EPOCH, "D"),
        (sheet, SPREADSHEET_EPOCH, "D"),
        (seconds, SAS_EPOCH, "s"),
    ]:
        if rows.any():
            found[rows] = (epoch + pd.to_timedelta(count[rows], unit=unit)).dt.normalize()
    return found
