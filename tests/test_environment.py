"""Environment: long paths, any locale, other kernels, no place to write, killed makes."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
import pytest

from kneephen_utils import PACKAGES, scratch
from workflow import equipped, guard, kernel, lock, notebook_runner

ODD = 'my  folder\'s $HOME, "quoted" `pwd` & #1; über'
WORK = [sys.executable, "-c", "import time; time.sleep(60)"]
MODES = {"r", "w", "a", "x", "a+", "r+", "w+", "rb", "wb", "ab", "xb", "r+b"}


# --- places


def long_place(folder: Path) -> Path:
    place = folder / "/".join(["scratch-of-a-job"] * 8)
    place.mkdir(parents=True)
    return place


def test_a_long_tmpdir_gives_way_to_a_short_private_place_and_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(long_place(tmp_path)))
    manager = notebook_runner.LocalKernelManager(kernel_name="python3")
    place = Path(manager._place)
    assert len(str(place)) <= kernel.LONGEST_PLACE
    assert place.stat().st_mode & 0o077 == 0
    manager.cleanup_connection_file()
    left = scratch.private(lock.KERNEL_FOLDER.format(pid=2**22 + 1), longest=95)
    lock._end_leftovers(2**22 + 1, "07_pain")
    assert not place.exists()
    assert not left.exists()


def test_where_no_place_will_do_the_error_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "SHORT", ())
    monkeypatch.setattr(tempfile, "tempdir", str(long_place(tmp_path)))
    with pytest.raises(scratch.ScratchError, match="at most 95 letters; set TMPDIR"):
        scratch.private("kernel-", longest=95)


def test_numba_keeps_its_place_where_it_may_be_written_and_gets_one_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    good = {scratch.COMPILED: str(tmp_path / "new" / "cache")}
    scratch.settle_compiled(good)
    assert good == {scratch.COMPILED: str(tmp_path / "new" / "cache")}
    (tmp_path / "file").write_text("", encoding="utf-8")
    for bad in ({scratch.COMPILED: str(tmp_path / "file" / "cache")},
                {"XDG_CACHE_HOME": str(tmp_path / "file")}):  # fmt: skip
        given = dict(bad)
        scratch.settle_compiled(given)
        place = Path(given[scratch.COMPILED])
        assert place.parent.parent == tmp_path
        assert place.parent.stat().st_mode & 0o077 == 0


def test_a_folder_of_that_name_which_others_may_enter_is_not_taken(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    assert not scratch._own(open_to_all)
    assert not scratch._own(tmp_path / "link")
    assert scratch._own(tmp_path / "own")


# --- kernels


def test_the_kernel_is_this_python_whatever_kernels_and_settings_the_user_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(
        '{"argv": ["/usr/bin/false"], "display_name": "Python 3", "language": "python"}',
        encoding="utf-8",
    )
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text("user = 'was here'", encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr(tempfile, "tempdir", str(long_place(tmp_path)))
    code = "import sys, kneephen_utils as k\nprint(sys.executable, k.__file__, 'user' in dir())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    nbformat.write(notebook, tmp_path / "a.ipynb")
    made = papermill.execute_notebook(
        str(tmp_path / "a.ipynb"), str(tmp_path / "b.ipynb"), cwd=str(tmp_path),
        kernel_name="python3", kernel_manager_class=notebook_runner.LocalKernelManager,
        progress_bar=False,
    )  # fmt: skip
    package = notebook_runner.workflow.ROOT / "kneephen_utils" / "__init__.py"
    said = made.cells[-1].outputs[0].text
    assert said == f"{sys.executable} {package} False\n"
    assert asyncio.get_event_loop_policy() is not None


# --- text


def unnamed(path: Path) -> Iterator[str]:
    """Yield the calls of a module that read or write text and leave the encoding to the locale."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or any(word.arg == "encoding" for word in node.keywords):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        whose = ast.unparse(called).rpartition(".")[0]
        words = [*node.args, *(word.value for word in node.keywords)]
        modes = {word.value for word in words if isinstance(word, ast.Constant)} & MODES
        text = (
            (name in {"read_text", "write_text"} and whose != "report" and len(node.args) < 2)
            or (name == "open" and (not whose or modes) and not any("b" in m for m in modes))
            or (name in {"run", "Popen", "check_output"} and _keyword(node, "text"))
        )
        if text and whose not in {"gzip", "tarfile", "Image"}:
            yield f"{path.name}:{node.lineno} {ast.unparse(node)[:60]}"


def _keyword(node: ast.Call, name: str) -> bool:
    return any(word.arg == name for word in node.keywords)


def test_every_text_file_is_read_and_written_as_utf_8(root: Path) -> None:
    paths = [p for base in PACKAGES for p in (root / base).rglob("*.py")]
    assert not [each for path in paths for each in unnamed(path)]


def test_a_call_that_leaves_the_encoding_to_the_locale_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    lines = ["p.read_text()", "p.write_text(x)", "open(p)", "open(p, 'w')", "p.open('a')"]
    lines += ["subprocess.run(words, text=True)"]
    fine = ["open(p, 'rb')", "p.open('rb')", "self.open()", "p.read_text(encoding='utf-8')"]
    path.write_text("\n".join(lines + fine), encoding="utf-8")
    assert len(list(unnamed(path))) == len(lines)


@pytest.mark.parametrize("words", [{"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "de_DE"}])
def test_in_any_locale_parameters_are_read_and_an_error_is_told(
    root: Path, words: dict[str, str]
) -> None:
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(root), **words}
    told = subprocess.run(
        [sys.executable, "-m", "workflow", "status", "--set", "pain.nöne=1"],
        env={**os.environ, **plain}, cwd=root, capture_output=True, check=False,  # noqa: TID251
    )  # fmt: skip
    assert told.returncode == 1
    assert told.stderr.startswith(b"kneephen: ")
    assert b"is unknown" in told.stderr


# --- what is typed to make


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    """Return a folder with the Makefile of the project and an environment that says its words."""
    (tmp_path / "Makefile").write_text((root / "Makefile").read_text("utf-8"), encoding="utf-8")
    python = tmp_path / ODD / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/bash\n[[ $2 == *.rules ]] || printf "%s\\n" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return tmp_path


def made(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    alone = ["env", "-uMAKEFLAGS", "-uMAKELEVEL", "-uMFLAGS", "-uCONDA_DEFAULT_ENV"]
    given = [f"{name}={value}" for name, value in environ.items()]
    return subprocess.run(
        [*alone, *given, "make", *words],
        cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("way", ["typed", "environment"])
def test_what_is_typed_reaches_the_program_as_it_was_typed(copied: Path, way: str) -> None:
    names = ("OAI", "WEIGHTS", "SET", "DASK", "RELEASE", "IMAGES", "TABLE")
    values = {name: f"/{name}/{ODD}" for name in names}
    typed = [f"{name}={value}" for name, value in values.items()] if way == "typed" else []
    set_before = values if way == "environment" else {}
    env = f"ENV={copied / ODD}"
    said = made(copied, "assign", "grade", "PROFILE=oai", "-j1", env, *typed, **set_before)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    for name in ("OAI", "WEIGHTS", "SET", "DASK", "TABLE"):
        assert f"--{name.lower()}={values[name]}" in lines
    assert {values["RELEASE"], values["IMAGES"]} <= set(lines)


def test_an_environment_that_is_there_is_used_as_it_is_also_by_a_link(copied: Path) -> None:
    (copied / ".venv").symlink_to(copied / ODD)
    assert "workflow\nstatus" in made(copied, "status").stdout
    (copied / ".venv").unlink()
    (copied / ".venv").symlink_to(copied / "nowhere")
    said = made(copied, "status")
    assert said.returncode == 2
    assert "kneephen: there is no Python in .venv/bin; expected a virtual or conda" in said.stderr
    assert "there is no Python in none/bin" in made(copied, "status", "ENV=none").stderr


def test_what_an_environment_lacks_is_named(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\ndependencies = ["numpy>=2,<3", "no-such-package==1"]\n', encoding="utf-8"
    )
    assert equipped.missing(project) == ["no-such-package"]


# --- makes that are killed


def working(mark: str) -> subprocess.Popen[bytes]:
    marked = {**os.environ, guard.NAME: mark}  # noqa: TID251
    return subprocess.Popen(WORK, env=marked, start_new_session=True)


def guarding(number: int, mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", guard.__name__, str(number), mark])


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_killed_make_leaves_nothing_at_work(tmp_path: Path, sign: signal.Signals) -> None:
    """Told only to make, and not to what it started, as `kill` does."""
    mark = f"test-{os.getpid()}-{sign}"
    command = f"all:\n\t@true; {' '.join(map(str, WORK[:1]))} -c 'import time; time.sleep(60)'\n"
    (tmp_path / "Makefile").write_text(command, encoding="utf-8")
    marked = {**os.environ, guard.NAME: mark}  # noqa: TID251
    alone = ["env", "-uMAKEFLAGS", "-uMAKELEVEL", "-uMFLAGS", "make"]
    make = subprocess.Popen(alone, cwd=tmp_path, env=marked, stderr=subprocess.DEVNULL)
    worker, other = working(mark), working("another")
    watch = guarding(make.pid, mark)
    try:
        until = time.monotonic() + 20
        while len(guard.marked(mark)) < 4 and time.monotonic() < until:  # make, bash, two Pythons
            time.sleep(0.05)
        time.sleep(1)
        make.send_signal(sign)
        assert watch.wait(30) == 0
        assert worker.wait(5) != 0
        make.wait(5)
        assert not guard.marked(mark)
        assert other.poll() is None
    finally:
        for process in (make, worker, other, watch):
            process.kill()
            process.wait()


def test_a_browser_that_was_opened_goes_on() -> None:
    mark = f"browser-{os.getpid()}"
    marked = {**os.environ, guard.NAME: mark}  # noqa: TID251
    browser = subprocess.Popen(["sleep", "60"], env=marked)
    try:
        assert guard.end(mark) == 0
        assert browser.poll() is None
    finally:
        browser.kill()
        browser.wait()


def test_make_starts_a_guard_and_marks_what_it_starts(copied: Path) -> None:
    python = copied / ODD / "bin" / "python"
    python.write_text(f'#!/bin/bash\necho "$* ${guard.NAME}" >> {copied}/told\n', encoding="utf-8")
    made(copied, "status", f"ENV={copied / ODD}")
    told = (copied / "told").read_text(encoding="utf-8").splitlines()
    watch = next(line for line in told if f"-m {guard.__name__} " in line)
    mark = watch.split()[3]
    assert next(line for line in told if " status " in line).endswith(mark)
