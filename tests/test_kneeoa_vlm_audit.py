"""Published tables: their layout is read, their faults are named, and figures are put right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies import kneeoa_vlm_audit
from studies.kneeoa_vlm_audit import audit, example_tables, figures, page


def written(folder: Path, *, swapped: bool = True, people: int = 700) -> Path:
    wide, masters = example_tables.draw(people, seed=4, swapped=swapped)
    for name, table in {"phenotypes.csv": wide, **masters}.items():
        table.to_csv(folder / name, index=False)
    return folder


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> kneeoa_vlm_audit.Tables:
    return kneeoa_vlm_audit.read(written(tmp_path_factory.mktemp("swapped")))


@pytest.fixture(scope="module")
def sound() -> kneeoa_vlm_audit.Tables:
    return kneeoa_vlm_audit.parse(*example_tables.draw(700, seed=4, swapped=False))


def test_tables_are_read_in_their_own_layout(swapped: kneeoa_vlm_audit.Tables) -> None:
    wide, masters = example_tables.draw(700, seed=4)
    assert len(swapped.knees) == 1400
    at_48 = swapped.visits[swapped.visits["visit"] == "V06"]
    assert at_48["kl_grade"].mean() == pytest.approx(wide["kl_grade_V06"].mean())
    first = masters["master_final_V00.csv"]["INTERVIEW_DATE"]
    assert swapped.visits["date"].min() == pd.to_datetime(first, format="%d-%b-%y").min()


def test_the_swap_is_named_with_its_correlation_and_put_right(
    swapped: kneeoa_vlm_audit.Tables,
) -> None:
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
    swapped: kneeoa_vlm_audit.Tables, sound: kneeoa_vlm_audit.Tables
) -> None:
    right = audit.corrected(swapped)
    base = [each.visits[each.visits["visit"] == "V00"] for each in (right, sound)]
    by_grade = [each.groupby("kl_grade")["womac_pain"].mean() for each in base]
    pd.testing.assert_series_equal(*by_grade)
    shown = figures.compare(swapped, draws=20, seed=1).set_index("phenotype")
    told, own = (shown[name].astype(float) for name in ("pain, as told", "pain of the same knee"))
    assert own["Lateral JSN"] > told["Lateral JSN"]
    assert own["Medial JSN"] > told["Medial JSN"]


def test_sound_sides_are_left_alone(sound: kneeoa_vlm_audit.Tables) -> None:
    assert audit.corrected(sound) is sound
    assert audit.check(sound).set_index("check").loc["sides", "verdict"] == "passed"


def test_the_clock_and_the_sub_study_and_the_circle_are_named(
    swapped: kneeoa_vlm_audit.Tables,
) -> None:
    told = audit.check(swapped).set_index("check")
    assert told.loc["clock", "verdict"] == "failed"
    assert "V08 was told as 96 months and is 72" in told.loc["clock", "sentence"]
    assert told.loc["late readings", "verdict"] == "failed"
    assert told.loc["late readings", "value"] < 0.2
    assert told.loc["circular", "value"] == 1.0
    assert "at 1.5 points" in told.loc["circular", "sentence"]


def test_the_share_as_told_counts_whoever_was_read(swapped: kneeoa_vlm_audit.Tables) -> None:
    wide, _ = example_tables.draw(700, seed=4)
    own = wide[(wide["phenotype"] == "Medial JSN") & wide["kl_grade_V08"].notna()]
    risen = int((own["kl_grade_V08"] > own["kl_grade"]).sum())
    shown = figures.compare(swapped, draws=5, seed=1).set_index("phenotype")
    assert f"({risen} of {len(own)} read)" in shown.loc["Medial JSN", "risen by V08, as told"]


def test_the_planted_hazard_ratio_comes_back() -> None:
    tables = kneeoa_vlm_audit.parse(*example_tables.draw(4000, seed=7))
    shown = figures.contrasts(tables).set_index("contrast")["hazard ratio"]
    found = {name.split(" against")[0]: float(text.split(" ")[0]) for name, text in shown.items()}
    assert found["Lateral JSN"] == pytest.approx(2.2, rel=0.2)
    assert found["No JSN"] == pytest.approx(0.6, rel=0.25)


def test_a_table_out_of_layout_is_refused_by_name(tmp_path: Path) -> None:
    wide, masters = example_tables.draw(40, seed=1)
    with pytest.raises(FileNotFoundError, match="no CSV file"):
        kneeoa_vlm_audit.read(tmp_path)
    wide.drop(columns="phenotype").to_csv(tmp_path / "wide.csv")
    with pytest.raises(kneeoa_vlm_audit.LayoutError, match="0 files hold the columns"):
        kneeoa_vlm_audit.read(tmp_path)
    with pytest.raises(
        kneeoa_vlm_audit.LayoutError, match="knee_side has the form 'aaaa'; expected RIGHT or LEFT"
    ):
        kneeoa_vlm_audit.parse(wide.assign(knee_side="BOTH"), {})
    odd = wide.astype({"kl_grade_V06": object})
    odd.loc[3, "kl_grade_V06"] = "mild"
    with pytest.raises(kneeoa_vlm_audit.LayoutError, match="kl_grade_v06 holds 'aaaa'"):
        kneeoa_vlm_audit.parse(odd, {})
    late = {"master_final_V03.csv": masters["master_final_V03.csv"].drop(columns="BMI")}
    assert len(kneeoa_vlm_audit.parse(wide, late).visits)
    with pytest.raises(kneeoa_vlm_audit.LayoutError, match="row 81 is a knee for the second time"):
        kneeoa_vlm_audit.parse(pd.concat([wide, wide]), {})
    with pytest.raises(kneeoa_vlm_audit.LayoutError, match="column PHENOTYPE is there twice"):
        kneeoa_vlm_audit.parse(wide.assign(Phenotype="other"), {})


def test_without_tables_the_page_says_that_its_table_is_invented() -> None:
    tables = page.tables_of("", seed=20)
    assert "**invented**" in page.introduction("", tables)
    assert page.title("", "The audit").startswith("INVENTED")
    assert set(page.checks(tables)["verdict"]) == {"failed"}


def pained(people: int, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return swapped tables whose grade 0 is named by a cut of pain, and the knees as they are."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(0, 2, (people, 2))
    pain = rng.integers(0, 6, (people, 2)) + 2.0 * grade
    risen = rng.random((people, 2)) < np.where(pain >= 2, 0.4, 0.05)
    own = pd.DataFrame(
        {
            "SRC_SUBJECT_ID": np.repeat(np.arange(people), 2),
            "knee_side": np.tile(["RIGHT", "LEFT"], people),
            "kl_grade": grade.ravel(),
            "kl_grade_V00": grade.ravel(),
            "kl_grade_V06": (grade + risen).ravel(),
        }
    )
    other = np.arange(2 * people).reshape(-1, 2)[:, ::-1].ravel()
    told = own.assign(**{name: own[name].to_numpy()[other] for name in own if "kl_" in name})
    told["pain_V00"] = own["pain_V00"] = pain.ravel()
    healthy = told["kl_grade"] == 0
    cut = np.where(told["pain_V00"] >= 2, "Pain-Dominant", "Healthy")
    return told.assign(phenotype=np.where(healthy, cut, "No JSN")), own


def test_a_phenotype_cut_from_pain_stays_with_the_knee_whose_pain_it_was() -> None:
    told, own = pained(1500, seed=3)
    right = audit.corrected(kneeoa_vlm_audit.parse(told, {})).knees
    zero = own[own["kl_grade"] == 0]
    expected = {"Pain-Dominant": zero["pain_V00"].ge(2), "Healthy": zero["pain_V00"].lt(2)}
    shown = figures.compare(kneeoa_vlm_audit.parse(told, {}), draws=5, seed=1).set_index(
        "phenotype"
    )
    for name, rows in expected.items():
        assert (right["phenotype"] == name).sum() == rows.sum()
        risen = zero.loc[rows, "kl_grade_V06"].gt(0).mean()
        said = float(shown.loc[name, "risen by 48 months"].split(" ")[0])
        assert said == pytest.approx(100 * risen, abs=0.051)
    assert set(right.loc[right["kl_grade"] == 1, "phenotype"]) == {"No JSN"}


def test_a_phenotype_cut_from_pain_is_unknown_where_that_pain_is() -> None:
    told, _ = pained(300, seed=5)
    gone = told.index[:40]
    told.loc[gone, "pain_V00"] = np.nan
    right = audit.corrected(kneeoa_vlm_audit.parse(told, {}))
    known = right.visits.dropna(subset=["womac_pain"])[["participant_id", "side"]]
    joined = right.knees.merge(known, how="left", indicator=True)
    unknown = joined["phenotype"] == audit.UNKNOWN
    assert unknown.any()
    assert (unknown == (joined["_merge"].eq("left_only") & joined["kl_grade"].eq(0))).all()


def lost(people: int, *, seed: int) -> kneeoa_vlm_audit.Tables:
    """Return tables in which half of the knees were not read after 24 months."""
    rng = np.random.default_rng(seed)
    rise, gone = rng.exponential(60, people), rng.random(people) < 0.5
    wide = {"SRC_SUBJECT_ID": np.arange(people), "knee_side": "RIGHT", "phenotype": "a"}
    wide |= {"kl_grade": 1, "kl_grade_V00": 1, "pain_V00": 1}
    for visit, month in {"V03": 24, "V05": 36, "V06": 48}.items():
        seen = ~gone | (month <= 24)
        wide[f"kl_grade_{visit}"] = np.where(seen, 1.0 + (rise <= month), np.nan)
    return kneeoa_vlm_audit.parse(pd.DataFrame(wide), {})


def test_the_rise_to_48_months_knows_who_was_lost() -> None:
    told = [figures.compare(lost(2000, seed=seed), draws=2, seed=1) for seed in range(60, 66)]
    shares = [float(one["risen by 48 months"].iloc[0].split(" ")[0]) for one in told]
    assert np.mean(shares) == pytest.approx(100 * (1 - np.exp(-48 / 60)), abs=1.5)


def test_months_that_were_told_wrong_are_named_without_a_date() -> None:
    row = audit.check(lost(60, seed=1)).set_index("check").loc["clock"]
    assert row["verdict"] == "failed"
    assert row["value"] == 24
    assert "V03 was told as 36 months and is 24" in row["sentence"]


def test_the_root_and_the_folder_of_the_published_repository_are_read(tmp_path: Path) -> None:
    wide, masters = example_tables.draw(120, seed=2)
    within = tmp_path / "clustering"
    within.mkdir()
    wide.to_csv(within / "all_phenotypes.csv", index=False)
    wide.iloc[::-1].to_csv(tmp_path / "copy.csv", index=False)
    for name, table in masters.items():
        table.to_csv(tmp_path / name, index=False)
    (tmp_path / "settings.csv").write_text("name,value\nneighbours,15\n", encoding="utf-8")
    expected = kneeoa_vlm_audit.parse(wide, masters)
    for place in (tmp_path, within, within / "all_phenotypes.csv"):
        assert kneeoa_vlm_audit.read(place).equals(expected)
    wide.assign(phenotype="other").to_csv(tmp_path / "copy.csv", index=False)
    with pytest.raises(
        kneeoa_vlm_audit.LayoutError, match=r"copy.csv, .*differ; give the path of one"
    ):
        kneeoa_vlm_audit.read(tmp_path)
    assert kneeoa_vlm_audit.read(within / "all_phenotypes.csv").equals(expected)


def test_an_error_in_a_table_tells_no_value_of_a_person() -> None:
    wide, masters = example_tables.draw(40, seed=1)
    name = "master_final_V03.csv"
    dated = masters[name].assign(INTERVIEW_DATE="1 May 2006")
    with pytest.raises(kneeoa_vlm_audit.LayoutError, match="INTERVIEW_DATE has the form") as caught:
        kneeoa_vlm_audit.parse(wide, {name: dated})
    assert "May" not in str(caught.value)
