"""Command line of the pipeline, as the Makefile calls it.

python -m workflow stamps   --profile demo   check parameters, note what has changed
python -m workflow run NAME --profile demo   execute one notebook
python -m workflow twin     --profile demo   write the synthetic release
python -m workflow pages    --profile demo   hand the executed notebooks to the book
python -m workflow timings  --profile demo   print time and memory of each run
python -m workflow assign DIR --profile demo  give the phenotypes of a run to another release
python -m workflow crate    --profile demo   export the built book with its provenance
python -m workflow gate     --profile oai    stop if the built book tells of single people
python -m workflow pdf      --profile demo   print the book on one page to a PDF
python -m workflow status   --profile demo   say what is stale, and why
python -m workflow doctor   --profile demo   say what this machine has and lacks
python -m workflow grade DIR --table FILE    train and score a grader on any knee pictures
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import workflow
from kneephen_utils import redaction
from workflow import dependencies, edition, inputs, lock, params, stamps, status, typed

BOOK_PAGES = workflow.ROOT / "book" / "executed"


def main(argv: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one clear sentence on standard error."""
    commands = {
        "stamps": _stamps,
        "run": _run,
        "twin": _twin,
        "pages": _pages,
        "timings": _timings,
        "assign": _assign,
        "crate": _crate,
        "gate": _gate,
        "pdf": _pdf,
        "status": _status,
        "doctor": _doctor,
        "grade": _grade,
    }
    typed.speak_anywhere()
    given = typed.trimmed(_parser(list(commands)).parse_args(argv))
    try:
        return commands[given.command](given)
    except OSError as error:
        why = redaction.hidden(f"{error.filename or 'file'}: {error.strerror or error}")
    except UnicodeError as error:  # its first word is the name of a codec, which says nothing
        why = redaction.hidden(f"text that cannot be read or written: {error}")
    except ModuleNotFoundError as error:
        why = f"the environment {sys.prefix} lacks the package {error.name}; see `make doctor`"
    except (ValueError, KeyError) as error:
        why = redaction.message(error)
    print(f"kneephen: {why}", file=sys.stderr)
    return 1


def _parser(commands: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workflow", description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("name", nargs="?", help="a run, such as 05_phenotype_grade_2; a release")
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--oai", default="", help="folder of a real OAI release")
    parser.add_argument("--weights", default="embedded", help="encoder: embedded, folder or hub")
    parser.add_argument("--dask", default="", help="address of a Dask scheduler")
    parser.add_argument("--set", default="", help="stage.name=value words, @grade for one grade")
    parser.add_argument("--table", default="", help="CSV: path, participant_id, side, kl_grade")
    parser.add_argument("--out", default="artefacts/grade", help="folder of what grade writes")
    parser.add_argument("--devices", type=int, default=1, help="processes on each machine")
    parser.add_argument("--nodes", type=int, default=1, help="machines that train together")
    parser.add_argument("--owner", type=int, default=os.getpid(), help="process that asks: make")
    return parser


def _hold(given: argparse.Namespace) -> None:
    lock.hold(_artefacts(given), given.owner, what=f"PROFILE={given.profile}")


@functools.cache
def _asked(words: str, profile: str) -> tuple[dict[str, Any], list[params.Override]]:
    """Return the parameter file and what the command line set, checked before anything runs."""
    loaded = params.load(workflow.ROOT / "notebooks" / "params.yml")
    overrides = params.parse(words)
    params.check(loaded, overrides, profile=profile)
    return loaded, overrides


def _settings(given: argparse.Namespace, stage: str, grade: int | None = None) -> dict[str, Any]:
    loaded, overrides = _asked(given.set, given.profile)
    return params.resolve(
        loaded,
        stage,
        profile=given.profile,
        places=typed.places(given),
        grade=grade,
        overrides=overrides,
    )


def _twin_settings(given: argparse.Namespace) -> dict[str, Any] | None:
    """Return the parameters of the synthetic release; None where a release is given."""
    return None if given.profile == "oai" else _settings(given, "twin")


def _runs(given: argparse.Namespace) -> dict[workflow.Run, dict[str, Any]]:
    return {run: _settings(given, run.stage, run.grade) for run in workflow.RUNS}


def _artefacts(given: argparse.Namespace) -> Path:
    return workflow.ROOT / "artefacts" / given.profile


def _stamps(given: argparse.Namespace) -> int:
    runs, twin = _runs(given), _twin_settings(given)
    _hold(given)
    book = edition.Edition(given.profile, _artefacts(given))
    stamps.set_back([*stamps.dated(_artefacts(given)), book.stamp, book.html])
    for sentence in stamps.refresh(_artefacts(given), runs=runs, twin=twin):
        print(sentence, file=sys.stderr)
    book.refresh()
    return 0


def _run(given: argparse.Namespace) -> int:
    from workflow import notebook_runner  # papermill takes a second to import

    run = workflow.run_called(given.name)
    settings = _settings(given, run.stage, run.grade)
    _hold(given)
    folders = notebook_runner.Folders(_artefacts(given))
    return (
        0 if notebook_runner.execute(run, settings, folders=folders, profile=given.profile) else 1
    )


def _twin(given: argparse.Namespace) -> int:
    settings, artefacts = _settings(given, "twin"), _artefacts(given)
    _hold(given)
    stamp, ran = dependencies.twin_stamp(settings), artefacts / "ran" / "twin"
    if not status.of_twin(artefacts, stamp):
        ran.touch()  # times had changed, and no content
        return 0
    words = ["--out", str(artefacts), "--seed", str(settings["seed"])]
    words += ["--participants", str(settings["participants"])]
    words += ["--defects", str(settings["defect_share"]), "--flavour", settings["flavour"]]
    words += ["--difficulty", settings["difficulty"]]
    words += [] if settings["planted"] else ["--no-phenotypes"]
    command = [sys.executable, "-m", "oai_twin", *words]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        stamps.note(artefacts, dict(inputs.of_twin(artefacts)))
        stamps.replace(ran, stamp)
    return code


def _pages(given: argparse.Namespace) -> int:
    from workflow import book_pages

    lock.hold(workflow.ROOT / "build", given.owner, what="the book")
    edition.Edition(given.profile, _artefacts(given)).begin()
    book_pages.hand_over(_artefacts(given), BOOK_PAGES)
    return 0


def _timings(given: argparse.Namespace) -> int:
    from workflow import provenance

    print("\n".join(provenance.text_timings(_artefacts(given))))
    return 0


def _assign(given: argparse.Namespace) -> int:
    from workflow import assign

    release, run = Path(given.name or "").expanduser().resolve(), _artefacts(given)
    if not given.name or not release.is_dir():
        raise typed.UsageError(
            f"RELEASE={given.name}: there is no such folder; expected an OAI release"
        )
    if not (run / "ran" / "09_verdict").exists():
        raise typed.UsageError(f"PROFILE={given.profile} has no finished run; `make all` makes it")
    stages = ("cohort", "radiograph", "embedding", "grading", "fusion")
    settings = {stage: _settings(given, stage) for stage in stages}
    for grade in params.GRADES:
        settings[f"phenotype {grade}"] = _settings(given, "phenotype", grade)
    out = run / "assigned"
    assigned = assign.assign(release, run, out, settings=settings)
    assigned.to_parquet(out / "assigned.parquet", index=False)
    print(assign.text_assigned(assigned))
    print(f"The table: {out / 'assigned.parquet'}")
    return 0


def _grade(given: argparse.Namespace) -> int:
    from workflow import train_grader

    settings = _settings(given, "grading") | {"radiograph": _settings(given, "radiograph")}
    place = train_grader.Place(
        Path(given.name or ""), Path(given.table), Path(given.out).expanduser()
    )
    for line in train_grader.grade(
        place, settings=settings, devices=given.devices, nodes=given.nodes
    ):
        print(line)
    return 0


def _crate(given: argparse.Namespace) -> int:
    import pandas as pd

    from workflow import ro_crate

    run = _artefacts(given)
    people = pd.read_parquet(run / "participants.parquet", columns=["participant_id"])
    out = ro_crate.write(
        run / "crate",
        html=BOOK_PAGES.parent / "_build" / "html",
        files=[workflow.ROOT / "notebooks" / "params.yml", workflow.ROOT / "requirements.lock"],
        records=[
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((run / "records").glob("*.json"))
        ],
        participants=people["participant_id"].astype(str).tolist(),
    )
    print(f"The crate: {out}")
    return 0


def _gate(given: argparse.Namespace) -> int:
    from workflow import disclosure

    built, printed = (BOOK_PAGES.parent / "_build" / name for name in ("html", "singlehtml"))
    if not (built / "index.html").exists():
        raise typed.UsageError(f"{built}: there is no built book, so nothing to be sure of")
    places = [given.oai, typed.places(given)["release"], given.weights]
    whole = [place for place in places if Path(place).is_absolute()]
    folders = [built, BOOK_PAGES, *([printed] if printed.exists() else [])]
    found = disclosure.scan(folders, places=whole)
    stamps.replace(workflow.ROOT / "build" / "disclosure.txt", "".join(f"{one}\n" for one in found))
    for one in found:
        print(one.told(), file=sys.stderr)
    if found:
        print(
            f"kneephen: {len(found)} finding(s) would tell of single people; the book is not done. "
            "What was found stands in build/disclosure.txt, on this machine",
            file=sys.stderr,
        )
    return 1 if found else 0


def _pdf(_given: argparse.Namespace) -> int:
    from workflow import pdf_export

    built = BOOK_PAGES.parent / "_build"
    pdf_export.to_pdf(built / "singlehtml" / "intro.html", built / "kneephen.pdf")
    return 0


def _status(given: argparse.Namespace) -> int:
    artefacts, twin = _artefacts(given), _twin_settings(given)
    fresh = {run: inputs.fresh(run, own, artefacts) for run, own in _runs(given).items()}
    again = "" if twin is None else status.of_twin(artefacts, dependencies.twin_stamp(twin))
    book = edition.Edition(given.profile, artefacts).why()
    print("\n".join(status.lines(artefacts, fresh, twin=again, book=book)))
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from workflow import environment_check

    print("\n".join(environment_check.lines(_artefacts(given), oai=given.oai)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
