"""Closed: no table, figure or sentence of gated data tells a count of few, or lets it be found."""

from __future__ import annotations

import itertools
from collections import defaultdict

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from kneephen_report import report, umap_plots
from kneephen_report.cohort import participant_flow
from kneephen_report.grading import plots
from kneephen_report.phenotype import explorer_data
from kneephen_report.progression import alluvial_plot as paths
from kneephen_report.stats import curve_plots, effect_tables
from kneephen_utils import small_cells
from kneephen_utils.cohort import published_benchmarks
from kneephen_utils.progression import compartment_transitions, medial_vs_lateral
from kneephen_utils.radiograph import reasons, tally, text_counts
from kneephen_utils.verdict import power
from workflow import count_masking

# --- the rule


def test_small_counts_are_withheld_and_others_rounded() -> None:
    told = small_cells.counts(pd.Series([0, 1, 9, 10, 12, 13, 1237, None]), disclose=False)
    assert told.isna().tolist() == [False, True, True, False, False, False, False, True]
    assert told.dropna().tolist() == [0, 10, 10, 15, 1235]
    assert [small_cells.count(each, disclose=False) for each in (0, 9, 10, 12, 13)] == [
        0,
        None,
        10,
        10,
        15,
    ]
    assert small_cells.written(9, disclose=False) == "fewer than 10"
    assert small_cells.written(1237, disclose=False) == "1,235"
    assert small_cells.written(1237, disclose=True) == "1,237"
    assert small_cells.counts(pd.Series([3, 1237]), disclose=True).tolist() == [3, 1237]


def test_a_count_is_told_alike_wherever_it_stands_and_totals_agree_up_to_rounding() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(10, 400, (500, 4)), columns=list("abcd"))
    whole = small_cells.counts(table.sum(axis=1), disclose=False)
    told = small_cells.parts(table, list("abcd"), disclose=False)
    assert (whole - told.sum(axis=1)).abs().max() <= small_cells.BASE / 2 * 5
    alone = small_cells.counts(table["a"], disclose=False)
    assert told["a"].tolist() == alone.tolist()
    assert alone.tolist() == [small_cells.count(each, disclose=False) for each in table["a"]]


def test_no_withheld_count_can_be_found_from_the_rest_of_its_row_and_the_whole() -> None:
    """Every row of three counts below 22: what is told leaves two values or more for each gap."""
    every = list(itertools.product(range(22), repeat=3))
    table = pd.DataFrame(every, columns=list("abc"))
    told = small_cells.parts(table, list("abc"), disclose=False)
    whole = small_cells.counts(table.sum(axis=1), disclose=False)
    seen: dict[tuple[str, ...], list[set[int]]] = defaultdict(lambda: [set(), set(), set()])
    shown = [tuple(map(str, row)) for row in told.assign(whole=whole).itertuples(index=False)]
    for row, exact in zip(shown, every, strict=True):
        for place, value in enumerate(exact):
            seen[row][place].add(value)
    for row, values in seen.items():
        for place, cell in enumerate(row[:3]):
            assert cell != "<NA>" or len(values[place]) > 1, row


def test_a_share_that_tells_of_few_or_leaves_few_is_missing() -> None:
    part, whole = pd.Series([0, 7, 12, 95, 100, 43]), pd.Series([100, 100, 100, 100, 100, 101])
    told = small_cells.share(part, whole, disclose=False)
    assert told.isna().tolist() == [False, True, False, True, False, False]
    assert told.dropna().tolist() == pytest.approx([0.0, 0.10, 1.0, 0.45])
    assert small_cells.share(part, whole, disclose=True)[1] == pytest.approx(0.07)


def survival(events: list[int], knees: int = 60) -> pd.DataFrame:
    """Return a Kaplan-Meier curve with so many events at months 0, 12, 24 and so on."""
    free, at_risk, rows = 1.0, knees, []
    for place, happened in enumerate(events):
        free *= 1 - happened / at_risk
        rows.append((12.0 * place, free, free - 0.05, free + 0.05, at_risk))
        at_risk -= happened
    return pd.DataFrame(rows, columns=["months", "estimate", "low", "high", "knees"])


@pytest.mark.parametrize("falls", [True, False])
@pytest.mark.parametrize("events", [[0, 1, 3, 5, 2, 9, 1, 8, 4], [0, 11, 0, 10, 0], [0, 3, 2, 1]])
def test_a_curve_steps_only_when_ten_events_have_come_together(
    *, falls: bool, events: list[int]
) -> None:
    exact = survival(events)
    if not falls:
        flipped = {"low": 1 - exact["high"], "high": 1 - exact["low"]}
        exact = exact.assign(estimate=1 - exact["estimate"], **flipped)
    told = small_cells.steps(exact, falls=falls)
    moved = told["estimate"].diff().fillna(0).ne(0).to_numpy()
    since = 0
    for place, happened in enumerate(events[: len(told)]):
        since += happened
        assert not moved[place] or since >= small_cells.FEW
        since = 0 if moved[place] else since
        assert since < small_cells.FEW, "a step that may be told is told"
    same = told.index[moved]
    pd.testing.assert_frame_equal(
        told.loc[same, ["estimate", "low"]], exact.loc[same, ["estimate", "low"]]
    )
    assert (told["knees"] % small_cells.BASE == 0).all()
    held = told[["estimate", "low", "high"]][~moved].diff().dropna()
    assert (
        told["low"].diff().fillna(0).ne(0).to_numpy()[1:][~moved[1:]].sum() <= 1 or len(held) >= 0
    )


# --- whatever is shown of a small cohort


FEW = 7  # of each small cell that is planted


def small_knees(seed: int = 0) -> pd.DataFrame:
    """Return knees of which so few have grade 4, and so few grade 1, as may not be told."""
    grades = [0] * 60 + [1] * 8 + [2] * 40 + [3] * 33 + [4] * FEW
    rng = np.random.default_rng(seed)
    count = len(grades)
    made = pd.DataFrame({"knee_id": [f"{each}-R" for each in range(count)], "kl_grade": grades})
    made["participant_id"] = [f"{each}" for each in range(count)]
    made["kl_grade"] = made["kl_grade"].astype("Int64")
    made["womac_pain"] = rng.integers(0, 15, count).astype(float)
    for name in ("jsn_medial", "jsn_lateral"):
        made[name] = 0.0
    for name in ("jsw_medial", "jsw_lateral", "osteophyte_tibia_medial", "sclerosis_medial"):
        made[name] = (np.arange(count) < FEW).astype(float)
    return made.assign(replaced_at_baseline=False, reading_project=15, film_id="x")


def effects() -> pd.DataFrame:
    """Return two rows of an effect table, one that rests on few."""
    row = {"phenotype": 1, "reference": 0, "outcome": "kl_rise_1", "p": 0.2, "p_adjusted": 0.2}
    row |= {"arm": "image", "kl_grade": 2, "sample": "both", "model": "m", "contrast": "c"}
    row |= {"estimate": 1.0, "low": 0.5, "high": 2.0, "unit": "ratio", "firewall": "allowed"}
    return pd.DataFrame([row | {"knees": 123, "participants": 91, "events": FEW}])


def compared() -> pd.DataFrame:
    return pd.DataFrame(
        {"what": ["KL1"], "estimate": [2.0], "low": [1.0], "high": [4.0], "p": [0.01]}
        | {"knees": [47], "people": [8], "events": [FEW]}
    )


def reach() -> pd.DataFrame:
    counts = {"knees": [FEW, 53], "participants": [FEW, 41], "events": [3, 12]}
    return pd.DataFrame({"kl_grade": [1, 2], "hazard_ratio": 2.0, "pain_difference": 1.0} | counts)


def turned() -> pd.DataFrame:
    """Return a transition of which one cell alone is small."""
    table = {"start": ["none", "medial"], "knees": [47, 61], "none": [40, 0], "medial": [FEW, 44]}
    made = pd.DataFrame(table | {"lateral": [0, 17], "both": [0, 0]})
    for side in compartment_transitions.SIDES:
        made[side] = 100 * made[side] / made["knees"]
    return made


def crops() -> pd.DataFrame:
    status = ["ok"] * 53 + ["rotated"] * FEW + ["inverted"] * 12
    return pd.DataFrame({"status": status, "confidence": 0.9}).assign(
        knee_id=[f"{each}-R" for each in range(len(status))], participant_id="x"
    )


def design() -> pd.DataFrame:
    knees, read = [100, 100, 100, 34, 34, 34], [93, 41, FEW, 34, 26, 12]
    made = pd.DataFrame({"kl_grade": [1] * 3 + [2] * 3, "months": [0.0, 12.0, 24.0] * 2})
    return made.assign(knees=knees, read=read, share=np.array(read) / np.array(knees))


def uses() -> pd.DataFrame:
    made = pd.DataFrame({"split": ["train", "confirm"], "people": [61, 60], "0": [40, 30]})
    return made.assign(**{"1": [FEW, 30], "not graded": [14, 0]})


FACTS = pd.DataFrame(
    {"fact": ["a", "b"], "unit": ["%", "mm"], "value": [100 * FEW / 90, 4.0], "error": [1.0, 1.0]}
    | {"number": [90, 8], "verdict": ["differs", "differs"]}
)

TABLES = {
    "people to knees": lambda on: participant_flow.hidden(
        pd.DataFrame({"step": ["a", "b"], "people": [FEW, 123], "knees": [8, 219]}), disclose=on
    ),
    "uses": lambda on: participant_flow.hidden(uses(), disclose=on),
    "facts": lambda on: published_benchmarks.hidden(FACTS, disclose=on),
    "films by grade": lambda on: published_benchmarks.films_by_grade(small_knees(), disclose=on),
    "reasons": lambda on: reasons(crops(), disclose=on),
    "effects": lambda on: effect_tables.table_effects(effects(), disclose=on),
    "readings": lambda on: effect_tables.readings(design(), disclose=on),
    "sides": lambda on: medial_vs_lateral.table_ratios(compared(), disclose=on),
    "power": lambda on: power.table_power(reach(), disclose=on),
    "transition": lambda on: compartment_transitions.table_transitions(
        turned(), disclose=on, fewest=small_cells.FEW
    ),
}
COUNTS = {"people", "knees", "participants", "events", "number", "0", "1", "not graded"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_of_gated_data_tells_no_small_count(name: str) -> None:
    """Also none that its neighbours give away, and nothing that is not rounded."""
    told, open_ = (TABLES[name](on) for on in (False, True))
    assert list(told.columns) == list(open_.columns)
    for column in COUNTS & set(told.columns):
        numbers = pd.to_numeric(told[column]).dropna()
        assert (numbers.eq(0) | numbers.ge(small_cells.FEW)).all(), column
        assert (numbers % small_cells.BASE == 0).all(), column
    page = report.table(told, title=name).data
    assert list(count_masking.small(page)) == []
    small = [c for c in COUNTS & set(open_.columns) if pd.to_numeric(open_[c]).between(1, 9).any()]
    rare = open_.select_dtypes("number").isna().sum().sum()
    assert small or told.select_dtypes("number").isna().sum().sum() > rare, "the case holds none"


def test_a_grade_and_a_month_of_which_all_is_withheld_stay_in_the_reading_design() -> None:
    made = pd.DataFrame({"kl_grade": [1, 1, 2, 2], "months": [0.0, 12.0] * 2})
    made = made.assign(knees=[40, 40, FEW, FEW], read=[25, FEW, FEW, 1])
    made["share"] = made["read"] / made["knees"]
    told = effect_tables.readings(made, disclose=False).set_index("kl_grade")
    assert told.index.tolist() == [1, 2]
    assert list(told) == ["knees", "0", "12"]
    assert told["knees"].isna().tolist() == [False, True]
    assert told["0"].isna().tolist() == [False, True]
    assert told["12"].isna().all()
    report.table(told.reset_index(), title="read")
    assert effect_tables.readings(made, disclose=True)["knees"].tolist() == [40, FEW]


def test_one_withheld_cell_of_a_row_takes_a_neighbour_with_it() -> None:
    told = participant_flow.hidden(uses(), disclose=False).set_index("split")
    assert told.loc["train", ["1", "not graded"]].isna().all()
    assert told.loc["train", "0"] == 40
    shown = compartment_transitions.table_transitions(
        turned(), disclose=False, fewest=small_cells.FEW
    ).set_index("start")
    assert shown.loc["none", ["none", "medial"]].isna().all()


def numbers_drawn(drawn: plt.Figure) -> set[str]:
    """Return every text of a figure that is a number."""
    texts = [text.get_text() for axes in drawn.axes for text in axes.texts]
    return {text.split()[-1] for text in texts if text and text.split()[-1].isdigit()}


def test_figures_of_the_cohort_draw_shares_of_rounded_counts_alone() -> None:
    knees = small_knees()
    drawn = participant_flow.plot_baseline(knees, disclose=False)
    heights = {round(bar.get_height(), 6) for bar in drawn.axes[0].patches if bar.get_height() > 0}
    exact = {round(100 * n / len(knees), 6) for n in knees["kl_grade"].value_counts()}
    assert heights == {round(100 * n / 150, 6) for n in (60, 40, 35)}
    assert not heights & exact
    assert drawn.axes[1].lines[0].get_xdata().tolist() == [0, 2, 3]
    lines = participant_flow.plot_seen(design(), disclose=False).axes[0].get_lines()
    drawn_shares = [line.get_ydata().round(1).tolist() for line in lines]
    assert drawn_shares == [[40.0], [100.0, 28.6]], "93 of 100 leaves seven, 26 of 34 eight"
    assert "150 knees" in participant_flow.text_baseline(knees, disclose=False)
    assert "in grade 4" not in participant_flow.text_baseline(knees, disclose=False)
    plt.close("all")


def curves() -> pd.DataFrame:
    """Return a curve of each kind of three phenotypes; one is small, one has single events."""
    parts = []
    for phenotype, (events, knees) in enumerate(
        [([0, 12, 1, 11, 0], 87), ([0, 1, 1, 1, 0], 43), ([0, 1, 0, 1, 0], FEW)]
    ):
        own = survival(events, knees).assign(phenotype=phenotype, kl_grade=2, arm="image")
        parts += [own.assign(curve=name) for name in ("kaplan_meier", "turnbull", "naive")]
    return pd.concat(parts, ignore_index=True).assign(outcome="kl_rise_1")


def test_survival_curves_of_gated_data_tell_no_single_event_nor_knee() -> None:
    shown = curve_plots.visible(curves(), arm="image", outcome="kl_rise_1", disclose=False)
    assert set(shown["phenotype"]) == {0, 1}
    steps = shown[shown["curve"].isin(["kaplan_meier", "turnbull"])]
    moves = steps.groupby(["curve", "phenotype"])["estimate"].nunique()
    assert moves.xs(1, level="phenotype").eq(1).all(), "three single events are no step"
    assert moves.xs(0, level="phenotype").eq(3).all(), "twelve and twelve are two"
    drawn = curve_plots.plot_free(shown, curve="kaplan_meier", beside="naive", ylabel="free")
    at_risk = numbers_drawn(drawn)
    assert at_risk
    assert all(
        int(each) % small_cells.BASE == 0 and int(each) >= small_cells.FEW for each in at_risk
    )
    plt.close(drawn)
    every = curve_plots.visible(curves(), arm="image", outcome="kl_rise_1", disclose=True)
    assert len(every) > len(shown)


def test_bands_confusion_and_map_of_gated_data_tell_no_small_count() -> None:
    taken = pd.DataFrame({"0": ["none", "medial", "none"], "48": ["medial", "medial", "both"]})
    kept = paths.safe(taken.assign(knees=[47, 23, FEW]), disclose=False, fewest=small_cells.FEW)
    assert kept["knees"].tolist() == [45, 25]
    assert numbers_drawn(paths.plot_alluvial(kept)) == {"45", "70", "25"}
    read = [2] * 47 + [3] * 26
    given = [2.0] * 40 + [3.0] * FEW + [3.0] * 26
    grades = pd.DataFrame({"kl_grade": read, "kl_predicted": given, "split": "confirm"})
    told = numbers_drawn(plots.plot_confusion(grades, disclose=False))
    assert told == {"100", "0"}, "the cell of few, and what would tell it, are empty"
    assert {"15", "85"} <= numbers_drawn(plots.plot_confusion(grades))
    places = np.r_[np.zeros((53, 2)), np.ones((FEW, 2))]
    laid_out = pd.DataFrame(places, columns=["x", "y"]).assign(knee_id=range(60))
    of = pd.DataFrame({"knee_id": range(60), "kl_grade": 2})
    drawn = umap_plots.plot_grades(laid_out, of, disclose=False)
    assert max(len(dots.get_offsets()) for axis in drawn.axes for dots in axis.collections) == 1
    assert "60 knees" in umap_plots.caption(61, disclose=False)
    plt.close("all")


def test_the_explorer_is_given_no_small_or_exact_count() -> None:
    labels = np.r_[np.zeros(43, int), np.ones(FEW, int), np.full(12, -1)]
    rng = np.random.default_rng(1)
    of = pd.DataFrame({name: rng.random(62) for name in [*explorer_data.VARIABLES, "x", "y"]})
    packed = explorer_data.partition(labels, of, disclose=False)
    assert [group["knees"] for group in packed["groups"]] == [45, None, 10]
    assert packed["groups"][1]["values"] == [None] * 5
    assert "labels" not in packed


def test_sentences_of_gated_data_tell_no_small_count() -> None:
    said = text_counts(crops(), disclose=False)
    assert said.startswith("55 of 70 knees (78.6%) have a picture")
    assert text_counts(crops().head(58), disclose=False).startswith("55 of 60 knees have a picture")
    films = pd.DataFrame(columns=["film_id", "participant_id", "view", "path"])
    knees = small_knees().assign(side="right").head(len(crops()))
    steps = tally(films, knees, crops(), disclose=False)["count"].dropna()
    assert (steps % small_cells.BASE == 0).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4 knees of 11 people", "fewer than 10 knees of 10 people"),
        ("3 of 4,796 people", "fewer than 10 of 4,795 people"),
        ("in 3 discover knees", "in fewer than 10 discover knees"),
        ("p 0.04 of 1,234 knees", "p 0.04 of 1,235 knees"),
        ("at least 10 knees, 0 people", "at least 10 knees, 0 people"),
        ("3.5 points, KL4 knees", "3.5 points, KL4 knees"),
    ],
)
def test_what_was_printed_is_covered_as_a_second_line(text: str, told: str) -> None:
    assert count_masking.masked(text) == told
    assert count_masking.masked(told) == told
    cell = f'<img alt="{text}"><table class="gt_table"><tr><td>a</td><td>{text}</td></tr></table>'
    assert list(count_masking.small(count_masking.masked(cell))) == []
    assert f'alt="{told}"' in count_masking.masked(cell)
