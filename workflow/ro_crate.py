"""RO-Crate: the built book with its provenance as an RO-Crate, and no participant in it.

What goes in: the pages, the parameters, the lock of the packages, and for each run a record of
what made it. No artefact goes in, so no row of a person does; that is checked before the crate
appears.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

TEXT = {".html", ".js", ".json", ".md", ".txt", ".yml", ".svg", ".css", ".csv", ".lock", ".inv"}
PLACES = ("release", "artefacts", "weights", "truth_folder", "published_tables")
WORD = re.compile(r"[A-Za-z0-9_]+")


class ParticipantError(ValueError):
    """Something that was to go into the crate names a participant; the message says where."""


def write(
    out: Path,
    *,
    html: Path,
    files: Collection[Path],
    records: Collection[Mapping[str, Any]],
    participants: Collection[str],
) -> Path:
    """Write the crate to the folder `out`; it appears whole or not at all.

    Parameters
    ----------
    html
        Folder of the built book.
    files
        Further files, such as the parameters and the lock.
    records
        One record per run, as `provenance.record` makes them.
    participants
        Identifiers that may stand nowhere in the crate.

    Raises
    ------
    FileNotFoundError
        If there is no built book.
    ParticipantError
        If an identifier stands in a page or a record.

    References
    ----------
    Soiland-Reyes et al. (2022), RO-Crate, doi:10.3233/DS-210053.
    """
    if not (html / "index.html").exists():
        raise FileNotFoundError(f"{html}: there is no built book; `make all` builds it")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    crate = ROCrate()
    crate.name = "Kneephen: an executed book and what made it"
    crate.description = "Pages, parameters, packages and the record of every run; no participant."
    crate.add_directory(str(html), "book", properties={"name": "The built book"})
    for path in files:
        crate.add_file(str(path), path.name)
    for record in records:
        crate.add(ContextEntity(crate, f"#{record['run']}", properties=_action(record)))
    crate.write(partial)
    try:
        _refuse(partial, set(participants))
    except ParticipantError:
        shutil.rmtree(partial)
        raise
    shutil.rmtree(out, ignore_errors=True)
    partial.replace(out)
    return out


def _action(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as an action of schema.org; where data lay on the machine is left out."""
    settings = {k: v for k, v in record["parameters"].items() if k not in PLACES}
    depends = [line for line in record["depends_on"] if not _private(line)]
    return {
        "@type": "CreateAction",
        "name": f"{record['run']}, profile {record['profile']}",
        "endTime": record["finished"],
        "description": f"Kneephen {record['kneephen']}, Python {record['python']}, "
        f"{record['machine']}, {record['seconds']} s.",
        "object": json.dumps({"parameters": settings, "depends_on": depends}, sort_keys=True),
        "softwareRequirements": json.dumps(record["packages"], sort_keys=True),
    }


def _private(line: str) -> bool:
    """Say whether a line of a record names a file of the release or a place on the machine."""
    opened = any(f"  {kind} " in line for kind in ("release", "film", "published"))
    return opened or any(f"parameter {name}" in line for name in PLACES)


def _refuse(folder: Path, participants: set[str]) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        named = set(WORD.findall(str(path.relative_to(folder))))
        if path.suffix.lower() in TEXT:
            named |= set(WORD.findall(path.read_text(encoding="utf-8", errors="replace")))
        if named & participants:
            raise ParticipantError(
                f"{path.relative_to(folder)} names {len(named & participants)} participant(s); the "
                "crate was not written"
            )
