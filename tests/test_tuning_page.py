"""Bench as a page: Voila shows the controls, on this machine alone, to whoever has the token."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import watch
from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
ALONE = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS"]
LONGEST = 180.0  # seconds to wait on a busy machine

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = tmp_path_factory.mktemp("voila") / "told.txt"
    command = [*ALONE, "make", "bench-page", f"PORT={port}", "OPEN=no"]
    with told.open("w") as stream:
        server = subprocess.Popen(
            command, cwd=ROOT, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        yield wait_for_address(told, server)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def wait_for_address(told: Path, server: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and server.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\w+", told.read_text())
        if found:
            return found.group()
        time.sleep(0.5)
    raise AssertionError(told.read_text()[-2000:])


def test_the_page_is_for_whoever_has_the_token(address: str) -> None:
    with urllib.request.urlopen(address.partition("?")[0]) as answer:
        assert "/login" in answer.url
        assert b"explore" not in answer.read()


def test_a_slider_on_the_page_searches_anew_and_nothing_comes_from_elsewhere(
    page: Page, address: str
) -> None:
    page.set_default_timeout(LONGEST * 1000)
    problems = watch(page, address.partition("?")[0])
    page.goto(address)
    says = page.locator(".widget-html", has_text="of the knees found again").first
    before = says.inner_text()
    assert page.locator("pre", has_text="import").count() == 0
    slider = page.locator(".widget-slider [role=slider], .widget-slider .noUi-handle").first
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_function(
        "t => ![...document.querySelectorAll('.widget-html')].some(e => e.innerText === t)",
        arg=before,
    )
    assert re.search(r"min_cluster_size \d+, min_samples \d+: \d+ group", says.inner_text())
    assert [one for one in problems if "/api/kernels/" not in one] == []
