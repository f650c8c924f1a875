"""Items: what each guideline asks, in our words, and the fact of the run that answers it.

Read from `items.yml`. An empty fact is one that only the authors know.
"""

from __future__ import annotations

from pathlib import Path

import yaml

Item = tuple[str, str, str]  # number, what is asked, name of the fact

_READ = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
SOURCES: dict[str, str] = {each["guideline"]: each["source"] for each in _READ}
GUIDELINES: dict[str, list[Item]] = {
    each["guideline"]: [
        (item["number"], item["asks"], item.get("fact", "")) for item in each["items"]
    ]
    for each in _READ
}
SPIL, STROBE, TRIPOD, CLAIM = GUIDELINES
