"""Edition: what the built book was made from, and whether it still is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workflow import ROOT, RUNS, declared, dependencies, inputs, stamps, status


@dataclass(frozen=True)
class Edition:
    """The book of one profile.

    Attributes
    ----------
    profile, artefacts
        The profile and its folder.
    root
        Folder of the project.
    """

    profile: str
    artefacts: Path
    root: Path = ROOT

    @property
    def html(self) -> Path:
        """The first page of the built book."""
        return self.root / "book" / "_build" / "html" / "index.html"

    @property
    def stamp(self) -> Path:
        """File whose time tells make when the book became stale; it says why."""
        return self.root / "build" / "book.stamp"

    @property
    def making(self) -> Path:
        """File of what the book is being made from; it becomes `made` when the book is built."""
        return self.root / "build" / "book.making"

    @property
    def made(self) -> Path:
        """File of what the built book was made from."""
        return self.root / "build" / "book.made"

    def refresh(self) -> None:
        """Write the stamp anew if the book is stale."""
        reason = self.why()
        if reason or not self.stamp.exists():
            stamps.replace(self.stamp, f"{reason}\n")

    def begin(self) -> None:
        """Note what the book is going to be made from."""
        stamps.replace(self.making, self._fresh())

    def why(self) -> str:
        """Return why the book is stale, or nothing."""
        if not (self.html.exists() and self.made.exists()):
            return "has not been built"
        names = status.changed(self.made.read_text(encoding="utf-8"), self._fresh())
        return f"{status.CHANGED}{status.some(names)}" if names else ""

    def _fresh(self) -> str:
        """Return what the book depends on now, the artefacts and pages it shows among it."""
        shown = [*declared.BOOK, *(run.page for run in RUNS)]
        states = [f"{inputs.noted(self.artefacts, path)}  artefact {path}\n" for path in shown]
        return dependencies.book_stamp(self.profile, root=self.root) + "".join(states)
