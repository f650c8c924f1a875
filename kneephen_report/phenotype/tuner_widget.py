"""Tuner widget: the bench with its controls, as one widget of a notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from kneephen_report import figure, report
from kneephen_report.phenotype import plots
from kneephen_report.phenotype.tuner import Tuner, text_candidate
from kneephen_utils.phenotype.stratum import FEWEST
from kneephen_utils.tables.schema import ARMS

SAMPLES = 20  # largest min_samples on the slider
TOO_FEW = "Too few discover knees: there is nothing to tune in this grade."


class TunerWidget:
    """Controls on top, views of the chosen setting below, the whole sweep at the end.

    Parameters
    ----------
    bench
        The knees of a run.
    grade, arm
        What is shown first.
    save
        Keeps a setting: called with the grade and its parameters, returns a sentence.
    """

    def __init__(
        self, bench: Tuner, *, grade: int, arm: str, save: Callable[[int, dict[str, Any]], str]
    ) -> None:
        self.bench, self._save = bench, save
        grades = [(f"KL{k}", k) for k in range(5)]
        self.grade = w.Dropdown(options=grades, value=grade, description="grade")
        self.arm = w.Dropdown(options=ARMS, value=arm, description="arm")
        wide = {"description_width": "initial"}
        self.size = w.IntSlider(
            FEWEST, FEWEST, FEWEST + 1, description="min_cluster_size", style=wide
        )
        self.samples = w.IntSlider(1, 1, SAMPLES, description="min_samples", style=wide)
        self.peek = w.ToggleButton(description="Peek at baseline pain")
        self.keep = w.Button(description="Save as override")
        self.said, self.views, self.sweep, self.kept = (w.HTML() for _ in range(4))
        self.peeked: set[int] = set()
        for chosen in (self.grade, self.arm):
            chosen.observe(lambda _: self.open(), "value")
        for control in (self.size, self.samples):
            control.observe(lambda _: self.show(), "value")
        self.peek.observe(lambda _: self.uncover(), "value")
        self.keep.on_click(lambda _: self.save())
        self.open()

    @property
    def widget(self) -> w.VBox:
        """Everything, from top to bottom."""
        choice, sliders = w.HBox([self.grade, self.arm]), w.HBox([self.size, self.samples])
        end = w.HBox([self.peek, self.keep])
        return w.VBox([choice, sliders, self.said, self.views, end, self.kept, self.sweep])

    def open(self) -> None:
        """Turn to a grade and arm, at the setting the rule takes."""
        grade, arm = self.grade.value, self.arm.value
        most, swept = self.bench.most(grade, arm), self.bench.swept(grade, arm)
        for control in (self.size, self.samples, self.keep, self.peek):
            control.disabled = not most
        self.peek.value = grade in self.peeked
        if most:
            taken = swept[swept["chosen"]].iloc[0]
            self.size.max = most
            self.size.value = int(taken["min_cluster_size"])
            self.samples.value = int(taken["min_samples"])
        drawn = figure.show(
            plots.plot_sweep(swept, arm=arm),
            caption=plots.caption_sweep(swept, arm=arm),
            alt=plots.text_sweep(swept, arm=arm),
        )
        self.sweep.value = str(drawn.data)
        self.show()

    def show(self) -> None:
        """Search anew with the setting of the sliders, and show what it gives."""
        grade, arm = self.grade.value, self.arm.value
        self.kept.value = ""
        if not self.bench.most(grade, arm):
            self.said.value, self.views.value = TOO_FEW, ""
            return
        found = self.bench.search(grade, arm, self.size.value, self.samples.value)
        who = self.bench.profile(grade, arm, found, peeked=grade in self.peeked)
        table = report.table(who, title="Who they are", decimals=1)
        self.said.value = text_candidate(found)
        self.views.value = str(self.bench.draw(grade, arm, found).data) + str(table.data)

    def uncover(self) -> None:
        """Show baseline pain; what was seen once cannot be covered again."""
        if self.peek.value:
            self.peeked.add(self.grade.value)
        self.show()

    def save(self) -> None:
        """Keep the setting of the sliders for this grade, and whether pain was looked at."""
        values = {"min_cluster_size": self.size.value, "min_samples": self.samples.value}
        if self.grade.value in self.peeked:
            values["peeked"] = True
        self.kept.value = self._save(self.grade.value, values)
