"""Params: layers win in the declared order, and a misspelt name never runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kneephen_utils.pipeline import allowed, params

PLACES = {"profile": "demo", "release": "somewhere", "weights": "embedded"}


@pytest.fixture
def small() -> dict[str, Any]:
    return {
        "shared": {"seed": 1, "artefacts": "out/{profile}"},
        "stages": {"phenotype": {"size": 0, "rate": 0.5, "names": []}, "pain": {"draws": 9}},
        "grades": {2: {"phenotype": {"size": 20}}, 3: {}},
        "profiles": {"demo": {}, "smoke": {"shared": {"seed": 7}, "phenotype": {"size": 5}}},
    }


def run(small: dict[str, Any], settings: str = "", **given: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"stage": "phenotype", "profile": "demo", "grade": 2, **given}
    return params.resolve(small, places=PLACES, overrides=params.parse(settings), **asked)


def test_later_layers_win(small: dict[str, Any]) -> None:
    assert run(small, grade=None)["size"] == 0
    assert run(small)["size"] == 20
    assert run(small, profile="smoke")["size"] == 5
    assert run(small, "phenotype.size=40", profile="smoke")["size"] == 40
    assert run(small, "phenotype.size=50@2 phenotype.size=40", profile="smoke")["size"] == 50
    assert run(small, "phenotype.size=50@3", profile="smoke")["size"] == 5


def test_places_are_filled_in_and_the_grade_is_named(small: dict[str, Any]) -> None:
    resolved = run(small)
    assert resolved["artefacts"] == "out/demo"
    assert resolved["kl_grade"] == 2


def test_a_whole_number_may_stand_for_a_decimal(small: dict[str, Any]) -> None:
    assert run(small, "phenotype.rate=1")["rate"] == 1.0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("phenotype.sise=3", "parameter 'sise' is unknown; known: artefacts, names, rate, seed"),
        ("phenotyp.size=3", "stage 'phenotyp' is unknown; known stages: phenotype, pain"),
        ("shared.sed=3", "parameter 'sed' is unknown"),
        ("phenotype.size=many", "'many' .str.; expected int, such as 0"),
        ("phenotype.size", "is not understood; expected stage.name=value"),
        ("phenotype.size=3@9", "names grade '9'; expected 0, 1, 2, 3 or 4"),
        ("pain.draws=3@2", "runs once for all grades"),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(
    small: dict[str, Any], settings: str, says: str
) -> None:
    with pytest.raises(params.ParamsError, match=says):
        params.check(small, params.parse(settings))


def test_an_unknown_name_in_any_layer_of_the_file_is_an_error(small: dict[str, Any]) -> None:
    small["grades"][3] = {"phenotype": {"sise": 1}}
    with pytest.raises(params.ParamsError, match="grades: 3: phenotype: parameter 'sise'"):
        params.check(small)
    small["grades"][3] = {"phenotypes": {"size": 1}}
    with pytest.raises(params.ParamsError, match="stage 'phenotypes' is unknown"):
        params.check(small)


def test_an_unknown_profile_is_an_error(small: dict[str, Any]) -> None:
    with pytest.raises(params.ParamsError, match="profile 'night' is unknown"):
        run(small, profile="night")


def test_a_file_that_is_not_yaml_or_lacks_a_block_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yml"
    path.write_text("shared: {seed: 1\n")
    with pytest.raises(params.ParamsError, match=r"params.yml: not readable as YAML"):
        params.load(path)
    path.write_text("shared: {seed: 1}\n")
    with pytest.raises(params.ParamsError, match=r"params.yml: block 'stages' is missing"):
        params.load(path)


def test_the_file_of_the_project_is_sound(root: Path) -> None:
    params.check(params.load(root / "notebooks" / "params.yml"))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("grading.head=softmax", "grading.head is 'softmax'; expected coral, corn, sigmoid"),
        ("grading.patch_dropout=1", "grading.patch_dropout is 1.0; expected 0 to 0.9"),
        ("grading.balance=smote", "grading.balance is 'smote'; expected none, sampler, weights"),
    ],
)
def test_a_value_that_is_not_allowed_never_runs(root: Path, setting: str, says: str) -> None:
    declared = params.load(root / "notebooks" / "params.yml")
    with pytest.raises(params.ParamsError, match=re.escape(says)):
        params.check(declared, params.parse(setting))


def test_every_limit_is_of_a_parameter_and_holds_for_its_default(root: Path) -> None:
    stages = params.load(root / "notebooks" / "params.yml")["stages"]
    for stage, limits in allowed.ALLOWED.items():
        for name in limits:
            assert allowed.fault(stage, name, stages[stage][name]) is None
