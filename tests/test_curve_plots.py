"""Curve: one panel per grade, in few columns and on one scale, with the knees at risk below."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from kneephen_report.stats import curve_plots


def rows(grades: int, name: str) -> pd.DataFrame:
    """Return two phenotypes in each of so many grades; the last grade starts far higher."""
    asked = [(g, p, m) for g in range(grades) for p in (0, 1) for m in (0, 12, 24)]
    table = pd.DataFrame(asked, columns=["kl_grade", "phenotype", "months"])
    table["estimate"] = 1.0 - 0.01 * table["months"] - 0.2 * table["phenotype"]
    table["estimate"] += 3.0 * (table["kl_grade"] == grades - 1)
    low, high = table["estimate"] - 0.1, table["estimate"] + 0.1
    return table.assign(curve=name, low=low, high=high, knees=20 + table["kl_grade"])


@pytest.mark.parametrize(("grades", "across"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3)])
def test_every_grade_has_its_panel_on_one_scale(grades: int, across: int) -> None:
    drawn = curve_plots.plot_means(rows(grades, "raw"), raw="raw", fitted="raw", ylabel="points")
    assert [panel.get_title("left") for panel in drawn.axes] == [f"KL{g}" for g in range(grades)]
    assert len({panel.get_ylim() for panel in drawn.axes}) == 1
    assert drawn.axes[0].get_ylim()[1] >= 4.0
    assert drawn.get_figwidth() <= max(curve_plots.PANEL[0] * across, 4.0)
    left = [panel for panel in drawn.axes if panel.get_ylabel() == "points"]
    assert len(left) == -(-grades // across)
    plt.close(drawn)


def test_the_knees_at_risk_stand_below_their_own_grade() -> None:
    drawn = curve_plots.plot_free(
        rows(4, "kaplan_meier"), curve="kaplan_meier", beside="", ylabel="free"
    )
    drawn.canvas.draw()
    panels = {axes.get_title("left"): axes for axes in drawn.axes if axes.get_title("left")}
    tables = [axes for axes in drawn.axes if not axes.get_title("left")]
    assert len(panels) == len(tables) == 4
    for grade in range(4):
        panel = panels[f"KL{grade}"].get_position()
        own = [t for t in tables if f"{20 + grade}" in {text.get_text() for text in t.texts}]
        assert len(own) == 1
        place = own[0].get_position()
        assert place.x0 == pytest.approx(panel.x0, abs=0.01)
        assert 0 < panel.y0 - place.y1 < 0.15
    plt.close(drawn)
