"""Clinical tables: who was read, when, on which side (stage cohort)."""

from __future__ import annotations

from kneephen_utils.oai.visit_schedule import CONTACTS, KINDS
from kneephen_utils.tables.rule import BASELINE_RULES, EVENT_RULES, VISIT_RULES
from kneephen_utils.tables.schema import (
    FLAG,
    NUMBER,
    SIDES,
    SPLITS,
    TEXT,
    WHOLE,
    WHOLE_OR_MISSING,
    at_least,
    between,
    column,
    knee_key,
    one_of,
    table,
)

SCORE = between(0, 3.99)
KL = between(0, 4)
OUTCOMES = ["kl_rise_1", "rise_or_replacement", "kl_rise_2", "jsn_rise"]
OUTCOMES += ["jsw_loss_0.5", "jsw_loss_0.7", "replacement", "death"]

PARTICIPANTS = table(
    "participants",
    "cohort",
    "One row per participant.",
    {
        "participant_id": column(TEXT, "participant"),
        "sex": column(TEXT, "sex", one_of(["female", "male"]), nullable=True),
        "age": column(NUMBER, "age at baseline", between(40, 90), unit="years", nullable=True),
        "bmi": column(
            NUMBER, "body mass index at baseline", between(10, 80), unit="kg/m2", nullable=True
        ),
        "site": column(TEXT, "clinical site", nullable=True),
        "subcohort": column(
            TEXT,
            "why the person was enrolled",
            one_of(["progression", "incidence", "control"]),
            nullable=True,
        ),
        "split": column(
            TEXT,
            "the one use of this person: fit the encoder, find or confirm phenotypes",
            one_of(SPLITS),
        ),
        "last_contact_months": column(
            NUMBER, "last known contact", at_least(0), unit="months", nullable=True
        ),
        "death_months": column(
            NUMBER,
            "death, missing if not known to have died",
            at_least(0),
            unit="months",
            nullable=True,
        ),
    },
    key=["participant_id"],
)

KNEES = table(
    "knees",
    "cohort",
    "One row per knee, as it was at baseline.",
    {
        **knee_key(),
        "side": column(TEXT, "side of the body", one_of(SIDES)),
        "kl_grade": column(
            WHOLE_OR_MISSING, "Kellgren-Lawrence grade; missing if not read", KL, nullable=True
        ),
        "jsn_medial": column(
            NUMBER, "medial joint-space narrowing, OARSI 0-3", SCORE, nullable=True
        ),
        "jsn_lateral": column(
            NUMBER, "lateral joint-space narrowing, OARSI 0-3", SCORE, nullable=True
        ),
        "osteophyte_femur_medial": column(
            NUMBER, "osteophyte 0-3; missing means not read", SCORE, nullable=True
        ),
        "osteophyte_femur_lateral": column(
            NUMBER, "osteophyte 0-3; missing means not read", SCORE, nullable=True
        ),
        "osteophyte_tibia_medial": column(
            NUMBER, "osteophyte 0-3; missing means not read", SCORE, nullable=True
        ),
        "osteophyte_tibia_lateral": column(
            NUMBER, "osteophyte 0-3; missing means not read", SCORE, nullable=True
        ),
        "sclerosis_medial": column(
            NUMBER,
            "worse of femoral and tibial sclerosis 0-3; missing means not read",
            SCORE,
            nullable=True,
        ),
        "sclerosis_lateral": column(
            NUMBER,
            "worse of femoral and tibial sclerosis 0-3; missing means not read",
            SCORE,
            nullable=True,
        ),
        "jsw_medial": column(
            NUMBER, "minimum medial joint-space width", between(0, 15), unit="mm", nullable=True
        ),
        "jsw_lateral": column(
            NUMBER,
            "lateral joint-space width at 0.725 of the joint's width",
            between(0, 15),
            unit="mm",
            nullable=True,
        ),
        "womac_pain": column(
            NUMBER, "WOMAC pain, higher is worse", between(0, 20), unit="points 0-20", nullable=True
        ),
        "koos_pain": column(
            NUMBER,
            "KOOS pain, higher is better",
            between(0, 100),
            unit="points 0-100",
            nullable=True,
        ),
        "injury": column("boolean", "ever injured before baseline", nullable=True),
        "surgery": column("boolean", "ever operated on before baseline", nullable=True),
        "replaced_at_baseline": column(FLAG, "a prosthesis was seen on the baseline film"),
        "reading_project": column(
            WHOLE_OR_MISSING,
            "reading project of the baseline grade",
            one_of([15, 37]),
            nullable=True,
        ),
        "film_id": column(TEXT, "barcode of the baseline film", nullable=True),
    },
    key=["knee_id"],
    rules=BASELINE_RULES,
)

VISITS = table(
    "visits",
    "cohort",
    "One row per knee and visit, in the clinic or by telephone, at which anything was recorded.",
    {
        **knee_key(),
        "visit": column(TEXT, "visit code, V00 to V11", one_of(list(CONTACTS))),
        "contact": column(
            TEXT, "whether the person came or was telephoned", one_of(KINDS), required=False
        ),
        "months": column(
            NUMBER, "months since enrolment by the verified clock", at_least(0), unit="months"
        ),
        "days": column(
            NUMBER,
            "days from enrolment to the visit, where the release gives them",
            unit="days",
            nullable=True,
            required=False,
        ),
        "kl_grade": column(
            WHOLE_OR_MISSING, "Kellgren-Lawrence grade; missing if not read", KL, nullable=True
        ),
        "kl_grade_start": column(
            WHOLE_OR_MISSING, "baseline grade read by the same reading project", KL, nullable=True
        ),
        "reading_project": column(
            WHOLE_OR_MISSING, "reading project of this grade", one_of([15, 37]), nullable=True
        ),
        "jsn_medial": column(
            NUMBER,
            "medial narrowing 0-3, decimals mean change within a score",
            SCORE,
            nullable=True,
        ),
        "jsn_lateral": column(
            NUMBER,
            "lateral narrowing 0-3, decimals mean change within a score",
            SCORE,
            nullable=True,
        ),
        "jsw_medial": column(
            NUMBER, "minimum medial joint-space width", between(0, 15), unit="mm", nullable=True
        ),
        "jsw_lateral": column(
            NUMBER,
            "lateral joint-space width at 0.725 of the joint's width",
            between(0, 15),
            unit="mm",
            nullable=True,
        ),
        "womac_pain": column(
            NUMBER, "WOMAC pain, higher is worse", between(0, 20), unit="points 0-20", nullable=True
        ),
        "koos_pain": column(
            NUMBER,
            "KOOS pain, higher is better",
            between(0, 100),
            unit="points 0-100",
            nullable=True,
        ),
        "replaced": column(FLAG, "the knee had been replaced by this visit"),
    },
    key=["knee_id", "visit"],
    rules=VISIT_RULES,
)

EVENTS = table(
    "events",
    "cohort",
    "One row per knee and outcome: between which times it happened, if it did.",
    {
        **knee_key(),
        "outcome": column(
            TEXT,
            "what happened; a loss of width is of the compartment affected at baseline, mm",
            one_of(OUTCOMES),
        ),
        "left_months": column(
            NUMBER, "last time known free of the event", at_least(0), unit="months"
        ),
        "right_months": column(
            NUMBER,
            "first time the event was known; missing if never seen",
            at_least(0),
            unit="months",
            nullable=True,
        ),
        "observed": column(FLAG, "the event was seen"),
    },
    key=["knee_id", "outcome"],
    rules=EVENT_RULES,
)

FILMS = table(
    "films",
    "cohort",
    "One row per radiograph of the baseline visit that the release lists.",
    {
        "film_id": column(TEXT, "barcode, twelve digits kept as text"),
        "participant_id": column(TEXT, "participant"),
        "visit": column(TEXT, "visit code", one_of(list(CONTACTS))),
        "view": column(TEXT, "series description"),
        "path": column(TEXT, "file inside the release folder"),
    },
    key=["path"],
)

LEDGER = table(
    "ledger_cohort",
    "cohort",
    "One row per sanity check of the release.",
    {
        "check": column(TEXT, "short name, usable in `accept`"),
        "question": column(TEXT, "what is asked of the data"),
        "value": column(NUMBER, "what was found", nullable=True),
        "expected": column(TEXT, "what would have been right"),
        "verdict": column(
            TEXT, "how it ended", one_of(["passed", "failed", "accepted", "not run"])
        ),
        "sentence": column(TEXT, "the finding in words"),
    },
    key=["check"],
)

INGEST = table(
    "ingest",
    "cohort",
    "One row per table the release was expected to hold.",
    {
        "table": column(TEXT, "stem of the release table"),
        "found": column(FLAG, "it was there"),
        "file": column(TEXT, "file name", nullable=True),
        "flavour": column(TEXT, "ascii, sas, nda or xlsx", nullable=True),
        "version": column(TEXT, "VERSION column of the table", nullable=True),
        "rows": column(WHOLE, "rows read"),
        "columns": column(WHOLE, "columns in the file"),
        "not_understood": column(
            WHOLE, "cells that are neither a value nor a missing code, taken as missing"
        ),
        "needed_by": column(TEXT, "stages that use it"),
        "sentence": column(TEXT, "what its absence means, or that it was read"),
    },
    key=["table"],
)

SCHEMAS = [PARTICIPANTS, KNEES, VISITS, EVENTS, FILMS, LEDGER, INGEST]
