"""Catalog: the release tables the study reads, and the columns it takes from them.

`##` in a column stands for the two digits of the visit, `@` for R and L, and `|` between
two names means that the first one found is taken. Columns of the baseline (`P01`, `P02`,
`V00`) are not looked for in later tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kneephen_utils.oai.visit_schedule import ASKED, CLINIC, PHONE

SIDE_LETTERS = {"right": "R", "left": "L"}
BASELINE = ("V00",)
ONCE = ("",)  # a table without visit digits
LATER = ASKED[1:]
BASELINE_ITEMS = ("P01", "P02", "V00")
EVERY = "all stages"


class Column(NamedTuple):
    """One column of a release table and its name in the study."""

    release: str
    name: str
    kind: str = "number"
    required: bool = False
    span: tuple[float, float] | None = None  # least and most a value may be


class Table(NamedTuple):
    """One table of the release, or one per visit."""

    stem: str
    visits: tuple[str, ...]
    columns: tuple[Column, ...]
    needed_by: str
    without: str
    required_at: tuple[str, ...] = ()

    def name(self, visit: str) -> str:
        """Return the stem with the digits of the visit, such as `AllClinical03`."""
        return self.stem + visit[1:]

    def columns_at(self, visit: str) -> Iterator[Column]:
        """Yield the columns this visit's table may hold, side letters and visit filled in.

        What is asked by telephone is not needed: a study does without those visits.
        """
        for spec in self.columns:
            if spec.release.startswith(BASELINE_ITEMS) and visit in LATER:
                continue
            for letter in SIDE_LETTERS.values() if "@" in spec.release else [""]:
                release = spec.release.replace("##", visit[1:]).replace("@", letter)
                name = f"{spec.name}{letter and '@'}{letter}"
                needed = spec.required and (visit not in PHONE or spec is PERSON)
                yield spec._replace(release=release, name=name, required=needed)


PERSON = Column("ID", "participant_id", "person", required=True)
SIDE = Column("SIDE", "side", required=True)
VERSION = Column("VERSION", "version", "text")
AGE = Column("V00AGE", "age", span=(40, 90))
BMI = Column("P01BMI|V00BMI", "bmi", span=(10, 80))
SCORE, WIDTH = (0, 3.99), (0, 15)

ENROLLEES = Table(
    "Enrollees",
    ONCE,
    (
        PERSON,
        VERSION,
        Column("P02SEX", "sex", required=True),
        Column("V00SITE", "site", "letter"),
        Column("V00COHORT", "subcohort"),
    ),
    EVERY,
    "nobody is known to be enrolled",
    required_at=ONCE,
)

CHARACTERISTICS = Table(
    "SubjectChar",
    BASELINE,
    (PERSON, VERSION, AGE, BMI),
    "fusion, phenotype, pain, progression",
    "age and body mass index are taken from AllClinical00",
)

CLINICAL = Table(
    "AllClinical",
    ASKED,
    (
        PERSON,
        VERSION,
        AGE,
        BMI,
        Column("V##EVDATE|V##FVDATE", "date", "date"),
        Column("V##VISDYS", "days"),
        Column("V##WOMKP@", "womac_pain", required=True, span=(0, 20)),
        Column("V##KOOSKP@", "koos_pain", span=(0, 100)),
        Column("P01INJ@", "injury"),
        Column("P01KSURG@", "surgery"),
        Column("P01KRS@", "replaced_before"),
    ),
    "fusion, phenotype, pain",
    "pain at this visit is not known",
    required_at=BASELINE,
)

SCORES = {
    "XROSFM": "osteophyte_femur_medial",
    "XROSFL": "osteophyte_femur_lateral",
    "XROSTM": "osteophyte_tibia_medial",
    "XROSTL": "osteophyte_tibia_lateral",
    "XRSCFM": "sclerosis_femur_medial",
    "XRSCFL": "sclerosis_femur_lateral",
    "XRSCTM": "sclerosis_tibia_medial",
    "XRSCTL": "sclerosis_tibia_lateral",
}

READINGS = Table(
    "kxr_sq_bu",
    CLINIC,
    (
        PERSON,
        SIDE,
        Column("READPRJ", "reading_code", required=True),
        VERSION,
        Column("V##BARCDBU", "film_id", "barcode"),
        Column("V##XRKL", "kl_grade", "whole", required=True, span=(0, 4)),
        Column("V##XRJSM", "jsn_medial", required=True, span=SCORE),
        Column("V##XRJSL", "jsn_lateral", required=True, span=SCORE),
        *(Column(f"V##{release}", name, span=SCORE) for release, name in SCORES.items()),
    ),
    "grading, phenotype, progression",
    "no film of this visit is graded, so a rise is not seen here",
    required_at=BASELINE,
)

WIDTHS = Table(
    "kxr_qjsw_duryea",
    CLINIC,
    (
        PERSON,
        SIDE,
        VERSION,
        Column("V##MCMJSW", "jsw_medial", span=WIDTH),
        Column("V##LJSW725", "jsw_lateral", span=WIDTH),
        Column("V##NOMJSWX", "no_medial"),
        Column("V##NOLJSWX", "no_lateral"),
    ),
    "phenotype, progression",
    "joint-space width at this visit is not known",
)

XRAYS = Table(
    "XRay",
    BASELINE,
    (
        PERSON,
        VERSION,
        Column("V##EXAMTP", "view", "text", required=True),
        Column("V##XRBARCD", "film_id", "barcode", required=True),
        Column("V##XRDATE", "date", "date"),
    ),
    "radiograph",
    "films are known from contents.csv alone",
)

OUTCOMES = Table(
    "Outcomes",
    ("V99",),
    (
        PERSON,
        VERSION,
        Column("V99E@KBLRP", "seen_at_baseline"),
        Column("V99E@KRPCF", "status", required=True),
        Column("V99E@KDAYS", "days"),
        Column("V99E@KDATE", "date", "date"),
        Column("V99E@KVSRP", "reported"),
        Column("V99EDDCF", "death_status"),
        Column("V99EDDDAYS", "death_days"),
        Column("V99EDDDATE", "death_date", "date"),
        Column("V99EDDVSPR", "death_visit"),
        Column("V99RNTCNT", "last_contact"),
    ),
    "progression",
    "knee replacements and deaths are not known, so they are no outcomes",
)

TABLES = (ENROLLEES, CHARACTERISTICS, CLINICAL, READINGS, WIDTHS, XRAYS, OUTCOMES)
