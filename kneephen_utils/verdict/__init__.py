"""Verdict: what the study may claim, each claim with its evidence and its weakest link.

A claim is judged by a written rule from artefacts alone. The gates come first: where a
grade holds no phenotype, or the firewall refuses a test, no estimate can rescue the claim.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from kneephen_utils import display_names, firewall, formatting

ESTIMATE = ("estimate", "low", "high", "unit", "p_adjusted", "firewall")
GATE_WORDS = {  # every gate of stage phenotype, in the order in which they are asked
    "enough_knees": "there are too few knees to look for groups",
    "two_groups": "fewer than two groups were found",
    "null_gaussian": "simulated knees of the same spread but without groups do as well",
    "null_shuffled": "the same knees with every column shuffled do as well",
    "null_uniform": "simulated knees spread evenly do as well",
    "jaccard": "the groups are not found again when people are resampled",
    "rechosen": "another draw of people leads to other groups",
    "dbcv": "the groups are not denser than the space between them",
    "image": "the groups stay the same when the pictures are shuffled",
    "read": "the groups cannot be read off the picture in other people",
}
OF_ONE = ["question", "outcome", "arm", "kl_grade", "phenotype", "reference", "sample"]
UNASKED = "unasked"  # in the place of a gate: this grade and arm met none


def primary(pain_effects: pd.DataFrame, progression_effects: pd.DataFrame) -> pd.DataFrame:
    """Return the effects that claims rest on, of both questions; cross-checks are left aside.

    Where age, body mass index or sex made the groups, `given` and `given_p` hold the estimate and
    the p value of the same contrast given all three; a number that could not be had is a reason.
    """
    asked = [
        effects.assign(question=question)
        for question, effects in (("pain", pain_effects), ("progression", progression_effects))
        if len(effects)
    ]
    if not asked:
        return pain_effects.assign(question="pain")
    together = pd.concat(asked, ignore_index=True)
    main = together[together["role"] == "primary"]
    known = together[together["contrast"].astype(str).str.endswith(firewall.GIVEN_RISKS)]
    told = [formatting.spread(row.estimate, row.low, row.high) for row in known.itertuples()]
    told = pd.Series(told, index=known.index, dtype=object)
    known = known.assign(
        contrast=known["contrast"].str.removesuffix(firewall.GIVEN_RISKS),
        given=told.where(known["estimate"].notna(), "not known"),
        given_p=known["p"],
    )
    key = [*OF_ONE, "contrast"]
    kept = known[[*key, "given", "given_p"]]
    return main.merge(kept, on=key, how="left", validate="one_to_one")


def judge(
    gates: pd.DataFrame,
    null: pd.DataFrame,
    stability: pd.DataFrame,
    contribution: pd.DataFrame,
    sweep: pd.DataFrame,
    effects: pd.DataFrame,
    *,
    alpha: float,
) -> pd.DataFrame:
    """Judge every claim the study could make.

    Parameters
    ----------
    gates, null, stability, contribution, sweep
        What stage phenotype found, all grades and arms.
    effects
        As `primary` returns.
    alpha
        Level of the adjusted p values.

    Returns
    -------
    `claims` table. The rule, first that applies: *refused* if the firewall does not admit the
    test; *no phenotype* if a gate of the grade and arm failed or was never asked; *not supported*
    if there is no estimate or its adjusted p is not below `alpha`; *exploratory* if a stand-in for
    the outcome went into the groups, if age, body mass index or sex did and the difference is not
    seen given them, if the setting was chosen by hand or the people were used to find the groups;
    else *supported*.
    """
    evidence = _evidence(gates, null, stability, contribution, sweep)
    whole = [_claim_of_grade(row) for row in evidence.to_dict("records")]
    joined = effects.merge(evidence, on=["kl_grade", "arm"], how="left", validate="many_to_one")
    joined["failed_gate"] = joined["failed_gate"].fillna(UNASKED)
    single = [_claim_of_effect(row, alpha) for row in joined.to_dict("records")]
    return _typed(pd.DataFrame(whole + single))


def text_answer(claims: pd.DataFrame, *, arm: str) -> list[str]:
    """Return the answer of this run in three sentences, for the arm claims are made from."""
    own = claims[claims["arm"] == arm]
    whole = own[own["question"] == "phenotypes"]
    held = whole.loc[whole["verdict"].isin(["supported", "exploratory"]), "kl_grade"].tolist()
    if held:
        first = (
            f"Groups that come from the picture and pass every gate were found in {_grades(held)}."
        )
        tuned = whole.loc[whole["verdict"] == "exploratory", "kl_grade"].tolist()
        if tuned:
            first += (
                f" The setting of {_grades(tuned)} was chosen by hand: what is claimed there is "
                "exploratory."
            )
    else:
        first = f"In no grade did the groups of arm {arm} pass every gate: no phenotype is claimed."
    lost = whole[whole["verdict"] == "no phenotype"]
    reasons = [
        f"in {_grades(rows['kl_grade'].tolist())} {link}"
        for link, rows in lost.groupby("weakest_link", sort=False)
    ]
    second = f"Where none is claimed: {'; '.join(reasons)}." if reasons else ""
    second += _elsewhere(claims[claims["arm"] != arm])
    tests = own[own["question"] != "phenotypes"]
    counts = tests["verdict"].value_counts()
    words = {
        "supported": "supported",
        "exploratory": "exploratory",
        "not supported": "not supported",
        "refused": "refused as circular",
        "no phenotype": "void, because their grade claims no phenotype",
    }
    told = ", ".join(f"{counts[name]} {word}" for name, word in words.items() if name in counts)
    elsewhere = int((claims.loc[claims["arm"] != arm, "verdict"] == "refused").sum())
    third = f"Of {len(tests)} differences in pain and progression put to the test: {told or 'none'}"
    third += f"; in the other arms {elsewhere} were refused as circular." if elsewhere else "."
    return [first, second, third]


def contradictions(claims: pd.DataFrame, gates: pd.DataFrame) -> pd.DataFrame:
    """Return claims that hold although a gate failed or was not asked, or the firewall refused.

    The rule of `judge` makes that impossible; a row here is an error of the program.
    """
    held = claims[claims["verdict"].isin(["supported", "exploratory"])]
    asked = pd.MultiIndex.from_frame(held[["kl_grade", "arm"]])
    failed = _failed(gates).reindex(asked, fill_value=UNASKED).to_numpy() != ""
    return held[failed | (held["firewall"] == "refused").to_numpy()].reset_index(drop=True)


def _failed(gates: pd.DataFrame) -> pd.Series:
    """Return the first gate that each grade and arm did not pass, "" where all were passed.

    A gate without a row was not asked, which is not a pass; one that was failed is named first.
    """
    passed = gates.pivot_table(
        index=["kl_grade", "arm"], columns="gate", values="passed", aggfunc="min"
    )
    others = passed.columns.difference(list(GATE_WORDS))
    passed = passed.reindex(columns=[*GATE_WORDS, *others])
    failed, not_passed = passed.eq(other=False), passed.ne(other=True)
    first = failed.idxmax(axis=1).where(failed.any(axis=1), not_passed.idxmax(axis=1))
    return first.where(not_passed.any(axis=1), "")


def _evidence(
    gates: pd.DataFrame,
    null: pd.DataFrame,
    stability: pd.DataFrame,
    contribution: pd.DataFrame,
    sweep: pd.DataFrame,
) -> pd.DataFrame:
    """Gather, for each grade and arm, what its claims rest on."""
    key = ["kl_grade", "arm"]
    nulls = gates[gates["gate"].str.startswith("null_")]
    table = gates.drop_duplicates(key).set_index(key)[[]]
    table["failed_gate"] = _failed(gates)
    table["null_p"] = nulls.groupby(key)["value"].max()
    table["null_draws"] = null[null["reference"] != "observed"].groupby(key).size()
    table["stability"] = stability.groupby(key)["jaccard"].min()
    table["image_phenotype"] = contribution.set_index(key)["image_phenotype"]
    table["by_hand"] = sweep.groupby(key)["by_hand"].any()
    table["found_knees"] = stability.groupby(key)["knees"].sum()
    table["found_participants"] = stability.groupby(key)["participants"].sum()
    return table.reset_index()


def _claim_of_grade(row: dict[str, Any]) -> dict[str, Any]:
    if row["failed_gate"]:
        verdict, link = "no phenotype", _why(row["failed_gate"])
        link += ", under a setting chosen by hand" if row["by_hand"] is True else ""
    elif row["by_hand"] is True:
        verdict, link = "exploratory", "the setting was chosen by hand"
    else:
        verdict, link = "supported", "every gate was passed"
    return {
        **_shared(row),
        "claim": f"Among knees of grade KL{row['kl_grade']} there are distinct groups.",
        "question": "phenotypes",
        "knees": row["found_knees"],
        "participants": row["found_participants"],
        "verdict": verdict,
        "weakest_link": link,
    }


def _claim_of_effect(row: dict[str, Any], alpha: float) -> dict[str, Any]:
    verdict, link = _rule(row, alpha)
    one = display_names.phenotype_label(row["phenotype"])
    other = display_names.phenotype_label(row["reference"])
    what = f"{row['outcome']}, {row['contrast']}"
    return {
        **_shared(row),
        "claim": f"In KL{row['kl_grade']}, {one} and {other} differ in {what} ({row['sample']}).",
        "question": row["question"],
        "phenotype": row["phenotype"],
        "contrast": f"{what}, {one} against {other}, {row['sample']}",
        **{name: row[name] for name in ESTIMATE},
        "knees": row["knees"],
        "participants": row["participants"],
        "verdict": verdict,
        "weakest_link": link,
    }


def _rule(row: dict[str, Any], alpha: float) -> tuple[str, str]:
    """Apply the written rule; the first condition that holds decides."""
    p = row["p_adjusted"]
    conditions = [
        (
            row["firewall"] not in {"allowed", "conditional"},
            ("refused", "the outcome, or a stand-in for it, is among the inputs"),
        ),
        (
            row["failed_gate"] != "",
            ("no phenotype", _why(row["failed_gate"])),
        ),
        (pd.isna(row["estimate"]) or pd.isna(p), ("not supported", row["sentence"])),
        (not p < alpha, ("not supported", f"adjusted p {formatting.p_value(p)}")),
        (
            row["firewall"] == "conditional",
            ("exploratory", "a stand-in for the outcome is among the inputs"),
        ),
        (
            isinstance(row.get("given"), str) and not row["given_p"] < alpha,
            ("exploratory", _explained(row)),
        ),
        (
            row["sample"] != "confirm",
            ("exploratory", "tested in the people in whom the groups were found"),
        ),
        (row["by_hand"] is True, ("exploratory", "the setting was chosen by hand")),
    ]
    reached = [outcome for holds, outcome in conditions if holds]
    return reached[0] if reached else ("supported", f"adjusted p {formatting.p_value(p)}")


def _explained(row: dict[str, Any]) -> str:
    words = firewall.GIVEN_RISKS.strip()
    return f"{words}, some of which made the groups, the ratio is {row.get('given')}"


def _why(gate: str) -> str:
    if gate == UNASKED:
        return "the groups of this grade and arm were not put to the gates"
    return GATE_WORDS.get(gate, f"the gate {gate} was not passed")


def _shared(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: row[name] for name in ("arm", "kl_grade", "null_p", "stability", "image_phenotype")
    }


def _typed(claims: pd.DataFrame) -> pd.DataFrame:
    order = ["claim", "question", "arm", "kl_grade", "phenotype", "contrast", "estimate", "low"]
    order += ["high", "unit", "p_adjusted", "null_p", "stability", "image_phenotype", "firewall"]
    order += ["knees", "participants", "verdict", "weakest_link"]
    claims = claims.reindex(columns=order)
    numbers = ["estimate", "low", "high", "p_adjusted", "null_p", "stability"]
    kinds: dict[str, Any] = dict.fromkeys(numbers, "float64")
    kinds |= {"phenotype": "Int64", "knees": "Int64", "participants": "Int64"}
    kinds |= {"image_phenotype": "boolean", "kl_grade": "int64"}
    return claims.astype(kinds)


def _elsewhere(others: pd.DataFrame) -> str:
    """Name the other arms in which a grade passed every gate; nothing is claimed from them."""
    passed = others[
        (others["question"] == "phenotypes") & others["verdict"].isin(["supported", "exploratory"])
    ]
    told = [
        f"{_grades(rows['kl_grade'].tolist())} of arm {arm}" for arm, rows in passed.groupby("arm")
    ]
    return (
        f" Every gate was passed in {' and '.join(told)}, which no claim rests on." if told else ""
    )


def _grades(grades: list[int]) -> str:
    return ", ".join(f"KL{grade}" for grade in sorted(grades))
