"""Cohort: one reading per visit, events between visits, one use per person, nothing invented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny
from crowd import draw
from pandas.testing import assert_frame_equal

from kneephen_report.cohort import participant_flow
from kneephen_utils import cohort, oai, tables
from kneephen_utils.cohort import event, reading_selection
from kneephen_utils.oai import Release
from oai_twin.__main__ import main

SHARES = {"train_share": 0.40, "discover_share": 0.35}


def build(source: Release, projects: str = "by_design") -> dict[str, pd.DataFrame]:
    chosen = reading_selection.choose(source.readings, projects=projects)
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    people = cohort.split(cohort.participants(source, visits), knees, **SHARES, seed=1)
    replacements = cohort.replacements(source)
    return {
        "knees": knees,
        "visits": visits,
        "participants": people,
        "events": event.find(knees, visits, chosen, replacements, people),
        "films": cohort.films(source),
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return oai.read(tiny.write(tmp_path_factory.mktemp("release")))


@pytest.fixture(scope="module")
def four(release: Release) -> dict[str, pd.DataFrame]:
    return build(release)


@pytest.fixture(scope="module")
def crowd() -> Release:
    return draw(300, seed=3)


@pytest.fixture(scope="module")
def many(crowd: Release) -> dict[str, pd.DataFrame]:
    return build(crowd)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return the tables read from a synthetic release, and what truly happened to each knee."""
    folder = tmp_path_factory.mktemp("twin")
    main(["--out", str(folder), "--participants", "400", "--seed", "4", "--tables-only"])
    planted = pd.read_parquet(folder / "truth" / "planted.parquet")
    fates = pd.read_parquet(folder / "truth" / "outcomes.parquet")
    truth = planted.merge(fates.drop(columns="participant_id"), on="knee_id")
    truth = truth.drop(columns="participant_id").set_index("knee_id")
    return build(oai.read(folder / "release")), truth


def at(table: pd.DataFrame, knee_id: str, key: str, value: str) -> pd.Series:
    rows = table[table["knee_id"].eq(knee_id) & table[key].eq(value)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("name", ["knees", "visits", "participants", "events", "films"])
def test_every_table_follows_its_schema(
    four: dict[str, pd.DataFrame], many: dict[str, pd.DataFrame], name: str, tmp_path: Path
) -> None:
    tables.check(many[name], name)
    tables.write(four[name], name, tmp_path)
    kept, made = (
        table.astype(object).where(table.notna(), None)
        for table in (tables.read(name, tmp_path), four[name])
    )
    assert_frame_equal(kept, made)


def test_project_15_counts_to_48_months_and_37_after_with_its_own_baseline(
    four: dict[str, pd.DataFrame],
) -> None:
    early = at(four["visits"], "9000001-R", "visit", "V03")
    assert early[["kl_grade", "kl_grade_start", "reading_project"]].tolist() == [3, 2, 15]
    late = at(four["visits"], "9000001-R", "visit", "V08")
    assert late[["kl_grade", "kl_grade_start", "reading_project"]].tolist() == [3, 1, 37]


def test_a_knee_first_graded_by_37_alone_is_followed_in_37(four: dict[str, pd.DataFrame]) -> None:
    knees = four["knees"].set_index("knee_id")
    assert knees.loc["9000003-R", ["kl_grade", "reading_project"]].tolist() == [1, 37]


def test_15_only_leaves_the_other_project_out(release: Release) -> None:
    tables_15 = build(release, projects="15_only")
    assert set(tables_15["visits"]["reading_project"].dropna()) == {15}
    assert tables_15["visits"].query("visit == 'V08'").empty
    assert tables_15["knees"].set_index("knee_id")["kl_grade"].isna()["9000003-R"]


def test_an_unknown_policy_is_an_error(release: Release) -> None:
    with pytest.raises(ValueError, match="projects is 'first'; expected by_design or 15_only"):
        reading_selection.choose(release.readings, projects="first")


def test_every_reading_is_used_or_counted_with_its_reason(release: Release, crowd: Release) -> None:
    for source in (release, crowd):
        account = reading_selection.account(source.readings, projects="by_design")
        assert account["readings"].sum() == len(source.readings)
        used = account.loc[account["use"].eq("used"), "readings"].sum()
        assert used == len(reading_selection.choose(source.readings, projects="by_design"))
        assert participant_flow.explain(account).drop(columns="visit").to_numpy().sum() == len(
            source.readings
        )


def test_a_reading_under_code_42_repeats_one_under_37(release: Release) -> None:
    account = reading_selection.account(release.readings, projects="by_design").set_index(
        ["visit", "use"]
    )
    assert account.loc[("V00", "repeated within its project"), "readings"] == 1


def test_the_order_of_readings_does_not_matter(crowd: Release) -> None:
    shuffled = crowd.readings.sample(frac=1, random_state=0)
    chosen = reading_selection.choose(crowd.readings, projects="by_design")
    assert_frame_equal(reading_selection.choose(shuffled, projects="by_design"), chosen)


def test_both_knees_of_everybody_are_there_and_unread_scores_stay_missing(
    four: dict[str, pd.DataFrame],
) -> None:
    knees = four["knees"].set_index("knee_id")
    assert len(knees) == 8
    assert knees["kl_grade"].isna()[["9000003-L", "9000004-R", "9000004-L"]].all()
    assert knees.loc["9000001-R", "sclerosis_medial"] == 2
    assert np.isnan(knees.loc["9000001-L", "osteophyte_femur_medial"])


def test_a_knee_replaced_before_has_no_grade_and_only_death_as_outcome(
    four: dict[str, pd.DataFrame],
) -> None:
    knees = four["knees"].set_index("knee_id")
    assert knees["replaced_at_baseline"].sum() == 1
    assert knees.loc["9000003-L", "replaced_at_baseline"]
    events = four["events"]
    assert events.loc[events["knee_id"].eq("9000003-L"), "outcome"].tolist() == ["death"]


def test_a_knee_is_replaced_from_the_day_on_and_keeps_its_pain(
    four: dict[str, pd.DataFrame],
) -> None:
    before = at(four["visits"], "9000002-L", "visit", "V01")
    after = at(four["visits"], "9000002-L", "visit", "V03")
    assert [before["replaced"], after["replaced"]] == [False, True]
    assert pd.isna(after["kl_grade"])
    assert after["womac_pain"] == 9


def test_a_rise_lies_between_the_last_visit_without_and_the_first_with(
    four: dict[str, pd.DataFrame],
) -> None:
    columns = ["left_months", "right_months", "observed"]
    rise = at(four["events"], "9000001-R", "outcome", "kl_rise_1")
    assert rise[columns].tolist() == [12, 24, True]
    narrowed = at(four["events"], "9000001-R", "outcome", "jsn_rise")
    assert narrowed[columns].tolist() == [12, 24, True]
    still = at(four["events"], "9000001-L", "outcome", "kl_rise_1")
    assert still[columns].fillna(-1).tolist() == [24, -1, False]


def test_a_knee_that_cannot_rise_has_no_row(four: dict[str, pd.DataFrame]) -> None:
    events = four["events"].groupby("outcome")["knee_id"].apply(set)
    assert "9000002-R" not in events["kl_rise_1"]  # grade 4
    assert "9000002-L" in events["kl_rise_1"]  # grade 3
    assert "9000002-L" not in events["kl_rise_2"]
    assert "9000004-R" not in events["kl_rise_1"]  # never graded


def test_a_replacement_has_its_day_and_its_absence_ends_with_the_last_contact(
    four: dict[str, pd.DataFrame],
) -> None:
    done = at(four["events"], "9000002-L", "outcome", "replacement")
    assert done["left_months"] == done["right_months"] == pytest.approx(18.0, abs=0.01)
    free = at(four["events"], "9000002-R", "outcome", "replacement")
    assert free["left_months"] == 36
    until_death = at(four["events"], "9000003-R", "outcome", "replacement")
    assert until_death["left_months"] == pytest.approx(83.94, abs=0.01)


def test_a_rise_or_a_replacement_has_the_visit_that_showed_it(
    four: dict[str, pd.DataFrame],
) -> None:
    columns = ["left_months", "right_months", "observed"]
    done = at(four["events"], "9000002-L", "outcome", "rise_or_replacement")
    assert done[columns].tolist() == [0, 24, True]
    rose = at(four["events"], "9000001-R", "outcome", "rise_or_replacement")
    assert rose[columns].tolist() == [12, 24, True]


def test_a_replacement_without_a_day_lies_before_the_visit_that_reported_it(
    release: Release,
) -> None:
    undated = replace(release, replacements=release.replacements.assign(months=np.nan))
    done = at(build(undated)["events"], "9000002-L", "outcome", "replacement")
    assert done[["left_months", "right_months"]].tolist() == [18, 24]


def test_without_outcomes_there_are_no_replacements_and_no_deaths(release: Release) -> None:
    silent = replace(
        release, replacements=release.replacements.iloc[:0], ends=release.ends.iloc[:0]
    )
    built = build(silent)
    assert set(built["events"]["outcome"]) == {
        *("kl_rise_1", "kl_rise_2", "jsn_rise", "jsw_loss_0.5", "jsw_loss_0.7")
    }
    assert "does not say" in " ".join(
        participant_flow.text_flow(built["knees"], built["events"], built["films"], disclose=True)
    )


def test_events_agree_with_a_slow_walk_along_each_knee(
    many: dict[str, pd.DataFrame],
) -> None:
    rises = many["events"][many["events"]["outcome"].eq("kl_rise_1")].set_index("knee_id")
    visits = many["visits"]
    checked = 0
    for knee in many["knees"].itertuples():
        if pd.isna(knee.kl_grade) or knee.kl_grade == 4:
            assert knee.knee_id not in rises.index
            continue
        left, right = 0.0, np.nan
        for visit in visits[visits["knee_id"].eq(knee.knee_id)].sort_values("months").itertuples():
            if pd.isna(visit.kl_grade) or visit.months == 0:
                continue
            if visit.kl_grade > visit.kl_grade_start:
                right = visit.months
                break
            left = visit.months
        found = rises.loc[knee.knee_id, ["left_months", "right_months"]].to_numpy(float)
        np.testing.assert_array_equal(found, [left, right])
        checked += 1
    assert checked == len(rises) > 500


def test_grades_and_sides_are_the_planted_ones(
    twin: tuple[dict[str, pd.DataFrame], pd.DataFrame],
) -> None:
    built, truth = twin
    knees = built["knees"].set_index("knee_id").join(truth, rsuffix="_planted")
    assert len(knees) == len(truth) == len(built["knees"])
    assert knees["side"].eq(knees["side_planted"]).all()
    read = knees.dropna(subset=["kl_grade"])
    assert len(read) > 0.9 * len(knees)
    assert read["kl_grade"].eq(read["kl_true"]).mean() > 0.97
    corr = read["jsw_medial"].corr(read["jsw_medial_planted"])
    assert corr > 0.9


def test_a_rise_is_bracketed_around_the_time_it_happened(
    twin: tuple[dict[str, pd.DataFrame], pd.DataFrame],
) -> None:
    built, truth = twin
    rises = built["events"].query("outcome == 'kl_rise_1'").set_index("knee_id").join(truth)
    seen = rises[rises["observed"]]
    slack = 12.0  # months by which a reader may see it early or late
    inside = seen["rise_1"].between(seen["left_months"] - slack, seen["right_months"] + slack)
    assert len(seen) > 50
    assert inside.mean() > 0.9
    free = rises[~rises["observed"]]
    assert (free["rise_1"] > free["left_months"] - slack).mean() > 0.97


def test_replacements_and_deaths_are_those_that_happened(
    twin: tuple[dict[str, pd.DataFrame], pd.DataFrame],
) -> None:
    built, truth = twin
    for outcome in ("replacement", "death"):
        found = built["events"].query("outcome == @outcome and observed").set_index("knee_id")
        found = found.join(truth)
        assert len(found) > 10
        gap = found["right_months"] - found[f"{outcome}_months"]
        assert gap.abs().max() < 1


def test_the_split_keeps_people_whole_and_holds_the_shares_in_every_stratum(
    many: dict[str, pd.DataFrame],
) -> None:
    people, knees = many["participants"], many["knees"]
    assert people["participant_id"].is_unique
    share = people["split"].value_counts(normalize=True)
    assert share["train"] == pytest.approx(0.40, abs=1 / len(people))
    assert share["discover"] == pytest.approx(0.35, abs=1 / len(people))
    worst = people["participant_id"].map(knees.groupby("participant_id")["kl_grade"].max())
    for _, stratum in people.groupby([worst.astype(int), people["site"]]):
        counts = stratum["split"].value_counts().reindex(cohort.SPLITS, fill_value=0)
        assert (counts - np.array([0.40, 0.35, 0.25]) * len(stratum)).abs().max() <= 2


def test_the_split_depends_on_the_seed_and_on_nothing_else(
    many: dict[str, pd.DataFrame],
) -> None:
    people, knees = many["participants"].drop(columns="split"), many["knees"]
    first = cohort.split(people, knees, **SHARES, seed=7)
    again = cohort.split(people.sample(frac=1, random_state=1), knees.iloc[::-1], **SHARES, seed=7)
    assert_frame_equal(first, again)
    other = cohort.split(people, knees, **SHARES, seed=8)
    assert first["split"].ne(other["split"]).mean() > 0.3


def test_a_split_that_leaves_nobody_to_confirm_is_an_error(
    many: dict[str, pd.DataFrame],
) -> None:
    with pytest.raises(ValueError, match="leave people to confirm"):
        cohort.split(
            many["participants"], many["knees"], train_share=0.6, discover_share=0.4, seed=1
        )


def test_only_baseline_films_of_both_knees_are_kept(four: dict[str, pd.DataFrame]) -> None:
    assert four["films"]["film_id"].tolist() == ["016600839603", "016600839604"]


def test_who_could_be_seen_counts_the_knees_of_each_grade(many: dict[str, pd.DataFrame]) -> None:
    design = reading_selection.seen(many["knees"], many["visits"])
    start = design[design["months"].eq(0)]
    assert start["share"].eq(1).all()
    assert start["knees"].sum() == many["knees"]["kl_grade"].notna().sum()
    late = design[design["months"].eq(96)]
    native = many["visits"].query("visit == 'V10' and kl_grade.notna()")
    assert late["read"].sum() == len(native)
    assert late["share"].max() < 0.6


def test_the_flow_adds_up(many: dict[str, pd.DataFrame]) -> None:
    steps = participant_flow.count(many["knees"], many["visits"], many["films"]).set_index("step")[
        "knees"
    ]
    outside = steps["replaced before baseline"] + steps["not graded at baseline"]
    assert steps["enrolled"] == outside + steps["graded at baseline"]
    for pair in (
        ("graded, no film listed", "graded, film listed"),
        ("graded, never graded again", "graded, graded again later"),
    ):
        assert steps[list(pair)].sum() == steps["graded at baseline"]


def test_small_counts_are_left_out_where_data_are_gated(four: dict[str, pd.DataFrame]) -> None:
    counts = participant_flow.count(four["knees"], four["visits"], four["films"])
    shown = participant_flow.hidden(counts, disclose=False)
    assert shown["knees"].isna().sum() == counts["knees"].between(1, 9).sum() > 0
    assert_frame_equal(participant_flow.hidden(counts, disclose=True), counts)
    sentences = " ".join(
        participant_flow.text_flow(four["knees"], four["events"], four["films"], disclose=False)
    )
    assert "fewer than 10 people" in sentences


@pytest.mark.parametrize("shown", ["every knee", "ten or more"])
def test_figures_show_only_grades_with_enough_knees(
    four: dict[str, pd.DataFrame], shown: str
) -> None:
    disclose = shown == "every knee"
    drawn = participant_flow.plot_baseline(four["knees"], disclose=disclose)
    bars = [bar for bar in drawn.axes[0].patches if bar.get_height() > 0]
    assert len(bars) == (5 if disclose else 0)
    lines = participant_flow.plot_seen(
        reading_selection.seen(four["knees"], four["visits"]), disclose=disclose
    ).axes[0]
    assert any(len(line.get_xdata()) for line in lines.get_lines()) is disclose


def test_a_contact_that_stands_twice_is_refused_in_words(release: Release) -> None:
    twice = replace(release, contacts=pd.concat([release.contacts, release.contacts.head(2)]))
    with pytest.raises(
        tables.TableError,
        match=r"^contacts of the release: 2 row\(s\) repeat an earlier participant_id",
    ):
        build(twice)
