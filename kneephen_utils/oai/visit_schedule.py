"""Visit schedule: what the visit codes of the release mean in months.

The codes count contacts, not years: V03 is the 24-month visit. `Outcomes99` prints the
same scale beside its codes, and the days between films agree with it.
"""

from __future__ import annotations

import pandas as pd

DAYS_PER_MONTH = 365.25 / 12

CONTACTS = {
    "V00": 0,
    "V01": 12,
    "V02": 18,
    "V03": 24,
    "V04": 30,
    "V05": 36,
    "V06": 48,
    "V07": 60,
    "V08": 72,
    "V09": 84,
    "V10": 96,
    "V11": 108,
}
CLINIC = ("V00", "V01", "V03", "V05", "V06", "V08", "V10")
PHONE = ("V07", "V09", "V11")  # asked by telephone: pain, no films and no examination
ASKED = tuple(visit for visit in CONTACTS if visit in CLINIC or visit in PHONE)
KINDS = ("clinic", "phone")
INTERIM = ("V02", "V04")  # between two yearly contacts, for a part of the people
WINDOW, WINDOW_OF_INTERIM = 6.0, 3.0  # months to half way to the next contact of the kind


def months(visits: pd.Series) -> pd.Series:
    """Return the months since enrolment of visit codes such as `V06`."""
    return visits.map(CONTACTS).astype("float64")


def kind(visits: pd.Series) -> pd.Series:
    """Return `clinic` or `phone`: how the person was met at each visit."""
    return visits.isin(PHONE).map({True: "phone", False: "clinic"})


def within(visits: pd.Series, when: pd.Series) -> pd.Series:
    """Say whether months since enrolment lie in the window of their visit code."""
    width = visits.isin(INTERIM).map({True: WINDOW_OF_INTERIM, False: WINDOW})
    return (when - months(visits)).abs().le(width)


def months_of_contact(codes: pd.Series) -> pd.Series:
    """Return the months of the contact numbers 0 to 11 that `Outcomes99` uses."""
    scale = {int(visit[1:]): month for visit, month in CONTACTS.items()}
    return codes.map(scale).astype("float64")


def months_of_days(days: pd.Series) -> pd.Series:
    """Return days as months of 30.4375 days."""
    return days / DAYS_PER_MONTH
