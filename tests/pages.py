"""Pages: the built book, served to a headless browser and watched."""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

HTML = Path(__file__).parents[1] / "book" / "_build" / "html"
MADE_BY_SPHINX = {"_static", "_sphinx_design_static", "_images", "_sources"}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]


def names(folder: Path = HTML) -> list[str]:
    """Return every page of the book, relative to its folder."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*.html")
        if not MADE_BY_SPHINX & set(path.relative_to(folder).parts)
    )


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the book without a line per request."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file; a page that was left before it came is no error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().copyfile(source, outputfile)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; yield its address."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a headless Chromium."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Opened:
    """A page that was opened and is still, and what it did until then."""

    page: Page
    name: str
    problems: tuple[str, ...]
    megabytes: float  # that were loaded


@contextmanager
def opened(browser: Browser, site: str, name: str, *, width: int, height: int) -> Iterator[Opened]:
    """Open a page of the book in a window of its own, width and height in CSS pixels."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(20_000)
    problems, loaded = watch(page, site), [0]
    page.on("requestfinished", lambda r: loaded.append(r.sizes()["responseBodySize"]))
    visit(page, site, name)
    yield Opened(page, name, tuple(problems), sum(loaded) / 1e6)
    page.close()


def watch(page: Page, site: str) -> list[str]:
    """Collect everything a page should not do: errors, and requests beyond the book."""
    problems: list[str] = []
    own = (site, "data:", "blob:", "file:")
    page.on(
        "request",
        lambda r: None if r.url.startswith(own) else problems.append(f"external request {r.url}"),
    )
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(f"page error {error}"))
    page.on("requestfailed", lambda r: problems.append(f"failed request {r.url}"))
    page.on(
        "response", lambda r: problems.append(f"{r.status} {r.url}") if r.status >= 400 else None
    )
    return problems


def visit(page: Page, site: str, name: str) -> None:
    """Open a page and wait until it is still; the first one sends on to the introduction."""
    page.goto(site + name)
    if name == "index.html":
        page.wait_for_url("**/intro.html")
    page.wait_for_load_state("networkidle")
