"""Drawn: figures of effects, curves and grades show the numbers they were given, and say them."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from kneephen_report.grading import plots
from kneephen_report.stats import curve_plots, effect_tables, forest_plot

MONTHS = [0.0, 24.0, 48.0]


@pytest.fixture(autouse=True)
def closed():  # type: ignore[no-untyped-def]
    yield
    plt.close("all")


def effect(**change: object) -> dict[str, object]:
    row = {
        "family": "progression", "model": "grouped", "role": "primary", "outcome": "kl_rise_1",
        "contrast": "hazard ratio", "arm": "context", "kl_grade": 2, "phenotype": 1,
        "reference": 0, "sample": "confirm", "estimate": 2.0, "low": 1.5, "high": 3.0,
        "unit": "ratio", "p": 0.01, "p_adjusted": 0.02, "knees": 120, "participants": 90,
        "events": 30, "firewall": "allowed", "sentence": "B rises twice as fast as A.",
    }  # fmt: skip
    return row | change


def effects() -> pd.DataFrame:
    rows = [effect(), effect(sample="both", p_adjusted=0.2), effect(kl_grade=1, p_adjusted=0.4)]
    rows.append(effect(kl_grade=3, estimate=float("nan"), p=float("nan"), p_adjusted=float("nan")))
    rows.append(effect(kl_grade=3, phenotype=2, role="naive"))
    return pd.DataFrame(rows)


def test_a_forest_holds_the_estimates_of_one_contrast_in_their_order() -> None:
    own = forest_plot.pick(effects(), arm="context", outcome="kl_rise_1", contrast="hazard ratio")
    assert own["kl_grade"].tolist() == [1, 2, 2]
    assert own["sample"].tolist() == ["confirm", "confirm", "both"]
    axes = forest_plot.plot_forest(own, title="ratios").axes[0]
    assert axes.get_xscale() == "log"
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "KL1  B against A  (n 120)"
    told = [text.get_text() for text in axes.texts]
    assert told[1] == "2.00 (1.50 to 3.00), p 0.020"
    faces = [line.get_markerfacecolor() for line in axes.lines if len(line.get_xdata()) == 1]
    assert faces[2] == "white"
    assert faces[1] != "white"
    assert "3 estimates" in forest_plot.text_forest(own)
    assert "of the 2 in confirm people 1 have an adjusted p below 0.05" in forest_plot.text_forest(
        own
    )


def test_a_forest_of_nothing_says_so() -> None:
    own = forest_plot.pick(effects(), arm="image", outcome="kl_rise_1", contrast="hazard ratio")
    axes = forest_plot.plot_forest(own, title="ratios").axes[0]
    assert [text.get_text() for text in axes.texts] == ["no contrast could be estimated"]
    assert forest_plot.text_forest(own) == "No contrast could be estimated."


def test_the_sentences_count_what_was_estimated_and_name_the_smallest_p() -> None:
    first, second = effect_tables.text_effects(effects(), arm="context")
    assert first.startswith("Of 3 primary contrasts of the arm context in confirm people, 2 could")
    assert second.endswith("is 0.020, in KL2: B rises twice as fast as A.")
    assert "nothing is compared" in effect_tables.text_effects(effects(), arm="fused")[0]
    assert effect_tables.unrun(effects())["contrasts"].tolist() == [1]


def lines(name: str, values: list[float], phenotype: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"outcome": "x", "curve": name, "arm": "context", "kl_grade": 2, "phenotype": phenotype,
         "months": MONTHS, "estimate": values, "low": [v - 0.1 for v in values],
         "high": [v + 0.1 for v in values], "knees": [300, 200, 100]}
    )  # fmt: skip


def test_means_are_points_with_intervals_and_the_fit_a_line() -> None:
    shown = pd.concat(
        [lines(name, [2.0 + k, 2.5, 3.0], k) for name in ("raw", "model") for k in (0, 1)]
    )
    axes = curve_plots.plot_means(shown, raw="raw", fitted="model", ylabel="points").axes[0]
    assert axes.get_title("left") == "KL2"
    assert axes.get_ylabel() == "points"
    whole = [line.get_ydata().tolist() for line in axes.lines if len(line.get_xdata()) == 3]
    assert whole.count([2.0, 2.5, 3.0]) == 2
    assert whole.count([3.0, 2.5, 3.0]) == 2
    assert {text.get_text() for text in axes.texts} == {"A", "B"}


def test_steps_stand_above_the_knees_at_risk() -> None:
    names = ("kaplan_meier", "turnbull")
    shown = pd.concat([lines(name, [1.0, 0.9, 0.7], k) for name in names for k in (0, 1)])
    drawn = curve_plots.plot_free(shown, curve="kaplan_meier", beside="turnbull", ylabel="free")
    above, below = drawn.axes
    assert above.lines[0].get_drawstyle() == "steps-post"
    assert above.lines[0].get_ydata().tolist() == [1.0, 0.9, 0.7]
    told = [text.get_text() for text in below.texts]
    assert told.count("300") == told.count("100") == 2
    assert "knees at risk" in told


def test_a_training_is_drawn_with_the_epoch_that_was_kept() -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "train_loss": [1.0, 0.7, 0.4], "validation_loss": [1.1, 0.8, 0.9],
         "validation_mae": [0.9, 0.5, 0.6], "chosen": [False, True, False]}
    )  # fmt: skip
    losses, errors = plots.plot_history(history).axes
    for axis, best in ((losses, 0.8), (errors, 0.5)):
        kept = axis.lines[-1]
        assert (kept.get_xdata().tolist(), kept.get_ydata().tolist()) == ([2], [best])
    said = plots.text_history(history)
    assert "Epoch 2 of 3 was kept: mean error 0.50" in said
    assert "0.80" in said
    assert "0.70" in said


def test_grades_are_drawn_of_people_never_trained_on() -> None:
    grades = pd.DataFrame(
        {"split": ["confirm", "discover", "confirm", "train"], "kl_grade": [0, 0, 2, 4],
         "kl_predicted": [0.1, 1.2, 2.3, 0.0]}
    )  # fmt: skip
    told = [text.get_text() for text in plots.plot_confusion(grades).axes[0].texts]
    assert told[:5] == ["50", "50", "0", "0", "0"]
    assert told[10:15] == ["0", "0", "100", "0", "0"]
    said = plots.text_confusion(grades)
    assert "3 knees of people never trained on, in per cent" in said
    assert "67 % equal; never given: KL3, KL4" in said
