"""Published tables: their layout is read, their faults are named, and figures are put right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kneephen_utils.verdict import published
from kneephen_utils.verdict.published import audit, figures, invented, page


def written(folder: Path, *, swapped: bool = True, people: int = 700) -> Path:
    wide, masters = invented.draw(people, seed=4, swapped=swapped)
    for name, table in {"phenotypes.csv": wide, **masters}.items():
        table.to_csv(folder / name, index=False)
    return folder


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> published.Tables:
    return published.read(written(tmp_path_factory.mktemp("swapped")))


@pytest.fixture(scope="module")
def sound() -> published.Tables:
    return published.parse(*invented.draw(700, seed=4, swapped=False))


def test_tables_are_read_in_their_own_layout(swapped: published.Tables) -> None:
    wide, masters = invented.draw(700, seed=4)
    assert len(swapped.knees) == 1400
    at_48 = swapped.visits[swapped.visits["visit"] == "V06"]
    assert at_48["kl_grade"].mean() == pytest.approx(wide["kl_grade_V06"].mean())
    first = masters["master_final_V00.csv"]["INTERVIEW_DATE"]
    assert swapped.visits["date"].min() == pd.to_datetime(first, format="%d-%b-%y").min()


def test_the_swap_is_named_with_its_correlation_and_put_right(swapped: published.Tables) -> None:
    told = audit.check(swapped).set_index("check")
    base = swapped.visits[swapped.visits["visit"] == "V00"].drop(columns="kl_grade")
    joined = swapped.knees.merge(base, on=["participant_id", "side"])
    wide = joined.pivot_table(
        index="participant_id", columns="side", values=["womac_pain", "kl_grade"]
    )
    gap = {name: wide[name]["right"] - wide[name]["left"] for name in ("womac_pain", "kl_grade")}
    expected = np.corrcoef(gap["womac_pain"].astype(float), gap["kl_grade"].astype(float))[0, 1]
    assert expected < -0.1
    assert told.loc["sides", "verdict"] == "failed"
    assert f"{expected:.2f}: the worse knee hurts less" in told.loc["sides", "sentence"]
    assert "sides are swapped" in told.loc["sides", "sentence"]
    assert audit.sides(audit.corrected(swapped))[0] == pytest.approx(-expected)


def test_corrected_pain_is_that_of_tables_that_were_never_swapped(
    swapped: published.Tables, sound: published.Tables
) -> None:
    right = audit.corrected(swapped)
    base = [each.visits[each.visits["visit"] == "V00"] for each in (right, sound)]
    by_grade = [each.groupby("kl_grade")["womac_pain"].mean() for each in base]
    pd.testing.assert_series_equal(*by_grade)
    shown = figures.compare(swapped, draws=20, seed=1).set_index("phenotype")
    told, own = (shown[name].astype(float) for name in ("pain, as told", "pain of the same knee"))
    assert own["Lateral JSN"] > told["Lateral JSN"]
    assert own["Medial JSN"] > told["Medial JSN"]


def test_sound_sides_are_left_alone(sound: published.Tables) -> None:
    assert audit.corrected(sound) is sound
    assert audit.check(sound).set_index("check").loc["sides", "verdict"] == "passed"


def test_the_clock_and_the_sub_study_and_the_circle_are_named(swapped: published.Tables) -> None:
    told = audit.check(swapped).set_index("check")
    assert told.loc["clock", "verdict"] == "failed"
    assert "V08 is 72 months (told as 96)" in told.loc["clock", "sentence"]
    assert told.loc["late readings", "verdict"] == "failed"
    assert told.loc["late readings", "value"] < 0.2
    assert told.loc["circular", "value"] == 1.0
    assert "at 1.5 points" in told.loc["circular", "sentence"]


def test_the_share_as_told_counts_whoever_was_read(swapped: published.Tables) -> None:
    wide, _ = invented.draw(700, seed=4)
    own = wide[(wide["phenotype"] == "Medial JSN") & wide["kl_grade_V08"].notna()]
    risen = int((own["kl_grade_V08"] > own["kl_grade"]).sum())
    shown = figures.compare(swapped, draws=5, seed=1).set_index("phenotype")
    assert f"({risen} of {len(own)} read)" in shown.loc["Medial JSN", "risen by V08, as told"]


def test_the_planted_hazard_ratio_comes_back() -> None:
    tables = published.parse(*invented.draw(4000, seed=7))
    shown = figures.contrasts(tables, draws=19, seed=1).set_index("contrast")["hazard ratio"]
    found = {name.split(" against")[0]: float(text.split(" ")[0]) for name, text in shown.items()}
    assert found["Lateral JSN"] == pytest.approx(2.2, rel=0.2)
    assert found["No JSN"] == pytest.approx(0.6, rel=0.25)


def test_a_table_out_of_layout_is_refused_by_name(tmp_path: Path) -> None:
    wide, masters = invented.draw(40, seed=1)
    with pytest.raises(FileNotFoundError, match="no CSV file"):
        published.read(tmp_path)
    wide.drop(columns="phenotype").to_csv(tmp_path / "wide.csv")
    with pytest.raises(published.LayoutError, match="0 files hold the columns"):
        published.read(tmp_path)
    with pytest.raises(
        published.LayoutError, match="knee_side has the form 'aaaa'; expected RIGHT or LEFT"
    ):
        published.parse(wide.assign(knee_side="BOTH"), {})
    odd = wide.astype({"kl_grade_V06": object})
    odd.loc[3, "kl_grade_V06"] = "mild"
    with pytest.raises(published.LayoutError, match="kl_grade_v06 holds 'aaaa'"):
        published.parse(odd, {})
    late = {"master_final_V03.csv": masters["master_final_V03.csv"].drop(columns="BMI")}
    assert len(published.parse(wide, late).visits)
    with pytest.raises(published.LayoutError, match="row 81 is a knee for the second time"):
        published.parse(pd.concat([wide, wide]), {})
    with pytest.raises(published.LayoutError, match="column PHENOTYPE is there twice"):
        published.parse(wide.assign(Phenotype="other"), {})


def test_without_tables_the_page_says_that_its_table_is_invented() -> None:
    tables = page.tables_of("", seed=20)
    assert "**invented**" in page.introduction("", tables)
    assert page.title("", "The audit").startswith("INVENTED")
    assert set(page.checks(tables)["verdict"]) == {"failed"}
