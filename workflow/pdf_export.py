"""PDF export: the book on one page becomes a PDF, by the browser that is at hand.

What is left out on paper, and how pages are numbered, stands in `book/_static/print.css`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ALONE = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
ALONE += ["--disable-background-networking", "--disable-component-update"]
SECONDS = 600  # the longest a whole book may take


class PrintError(OSError):
    """The page could not be printed; the message says why."""


def browser() -> str | None:
    """Return the path of a Chromium or Chrome of this machine, or None."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or (str(ON_A_MAC) if ON_A_MAC.exists() else None)


def to_pdf(page: Path, pdf: Path) -> None:
    """Print a page of this machine to a PDF, which appears whole or not at all.

    Parameters
    ----------
    page
        An HTML file; it may ask for nothing beyond this machine.
    pdf
        The file to write; headings become its outline.

    Raises
    ------
    PrintError
        If there is no browser, or it wrote nothing.
    """
    path = browser()
    if path is None:
        raise PrintError(f"no browser to print with; expected one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "page.pdf"
        given = [f"--user-data-dir={folder}/browser", f"--print-to-pdf={drawn}"]
        given += ["--no-pdf-header-footer", "--generate-pdf-document-outline"]
        command = [path, *ALONE, *given, page.resolve().as_uri()]
        told = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        ).stderr
        if not drawn.exists() or not drawn.read_bytes().startswith(b"%PDF"):
            raise PrintError(f"{page}: the browser printed nothing\n{told}")
        shutil.move(drawn, pdf)
