"""Params: layers win in the declared order, and a misspelt name never runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneephen_utils.cohort import data_checks, reading_selection
from kneephen_utils.encoder import head as heads
from kneephen_utils.phenotype import reduction
from kneephen_utils.radiograph import laterality
from kneephen_utils.tables import clinical
from kneephen_utils.tables.schema import ARMS
from oai_twin import __main__ as twin
from oai_twin import release
from workflow import notation, param_constraints, params, reference

PLACES = {"profile": "demo", "release": "somewhere", "weights": "embedded"}
FILLED = dict.fromkeys(params.PLACES, "")


@pytest.fixture
def small() -> dict[str, Any]:
    return {
        "shared": {"seed": 1, "artefacts": "out/{profile}"},
        "stages": {"phenotype": {"size": 0, "rate": 0.5, "names": []}, "pain": {"draws": 99}},
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
        ("phenotype.size=many", "phenotype.size is 'many'; expected int, such as 0"),
        ("phenotype.size", "is not understood; expected stage.name=value"),
        ("phenotype.size=3@9", "names grade '9'; expected 0, 1, 2, 3 or 4"),
        ("pain.draws=59@2", "runs once for all grades"),
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


def declared_in(root: Path) -> dict[str, dict[str, Any]]:
    found = params.load(root / "notebooks" / "params.yml")
    return {"shared": found["shared"], **found["stages"]}


def outside(limit: param_constraints.Limit) -> list[Any]:
    """Return values of the right kind that lie just outside of what is allowed."""
    if isinstance(limit, param_constraints.Range):
        step = 1 if float(limit.low).is_integer() and limit.high > 2 else 1e-9
        near = [limit.low - step, limit.high + max(step, abs(limit.high) * 1e-12)]
        return [*(value for value in near if value != limit.also), float("nan"), float("inf")]
    if isinstance(limit, param_constraints.Names):
        return ["", *(f"{name}e" for name in limit)]
    if isinstance(limit, param_constraints.Each):
        some = sorted(limit.of)[:1]
        return [[*some, "no such name"], some * 2, [1], *([[]] if limit.least else [])]
    values: dict[type, list[Any]] = {
        param_constraints.Window: [
            [99.0, 5.0],
            [5.0, 5.0],
            [-0.1, 99.0],
            [5.0, 100.1],
            [5.0],
            [1.0, 2.0, 3.0],
        ],
        param_constraints.Families: [
            {},
            {"a": []},
            {"a": ["x"]},
            {"a": ["o: c", "o: c"]},
            {"a": "o: c"},
        ],
        param_constraints.Flag: [0, 1, "yes", None],
        param_constraints.Text: ["two\nlines", 3, None],
    }
    return values[type(limit)]


def test_every_parameter_has_a_limit_that_holds_for_it_and_refuses_what_lies_just_outside(
    root: Path,
) -> None:
    for stage, own in declared_in(root).items():
        assert set(param_constraints.ALLOWED[stage]) == {
            n for n, v in own.items() if not reference.owner(v)
        }
        for name, limit in param_constraints.ALLOWED[stage].items():
            assert param_constraints.fault(stage, name, own[name], like=own[name]) is None
            for value in outside(limit):
                fitted = param_constraints.fitted(own[name], value)
                said = param_constraints.fault(stage, name, fitted, like=own[name]) or ""
                assert said.startswith(f"{stage}.{name} is "), (stage, name, value)
                assert said.endswith(f"; expected {limit}")


def test_what_is_allowed_is_what_the_stages_know() -> None:
    limits = param_constraints.ALLOWED
    assert limits["cohort"]["projects"] == set(reading_selection.POLICIES)
    assert {*param_constraints.OUTCOMES, "death"} == set(clinical.OUTCOMES)
    assert limits["twin"]["flavour"] == set(release.FLAVOURS)
    assert limits["twin"]["difficulty"] == set(twin.READER_SPREAD)
    assert limits["phenotype"]["reducer"] == set(reduction.REDUCERS)
    assert limits["grading"]["head"] == set(heads.KINDS)
    assert limits["pain"]["arms"].of < set(ARMS)  # type: ignore[union-attr]
    assert set(limits["cohort"]["accept"].of) == {c.name for c in data_checks.CHECKS}  # type: ignore[union-attr]
    assert limits["radiograph"]["accept"].of == {laterality.NAME}  # type: ignore[union-attr]


@pytest.mark.parametrize("written", ["1e-4", "5E-5", "1.e-3", "0.0001", ".001", "1e-05"])
def test_a_number_may_be_written_with_an_exponent(root: Path, written: str) -> None:
    declared = params.load(root / "notebooks" / "params.yml")
    setting = params.parse(f"grading.learning_rate={written}")
    found = params.resolve(declared, "grading", profile="demo", places=FILLED, overrides=setting)
    assert found["learning_rate"] == float(written)
    assert notation.read(f"a: {written}") == {"a": float(written)}


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("on", "on"), ("1:30", "1:30"), ("010", 10), ("2009-01-31", "2009-01-31")],
)
def test_a_word_is_what_it_looks_like(written: str, value: object) -> None:
    assert notation.read(written) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert notation.read(notation.written(value)) == value


def test_a_name_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "params.yml"
    path.write_text("shared: {seed: 1}\nstages: {pain: {draws: 9, draws: 10}}\n")
    with pytest.raises(params.ParamsError, match="'draws' stands twice, in line 2"):
        params.load(path)


def test_a_value_may_hold_blanks_and_signs() -> None:
    found = params.parse(
        "verdict.published_tables=/my tables/it's 50 % @home  multiverse.arms=[image, context] "
        "phenotype.draws=1e3@2"
    )
    assert [(one.value, one.grade) for one in found] == [
        ("/my tables/it's 50 % @home", None), (["image", "context"], None), (1000.0, 2),
    ]  # fmt: skip


SAME_WORD = {  # names in several stages that are values of their own, and what each means there
    "accept": "names of that stage's own checks",
    "arms": "what each stage compares",
    "batch_size": "a pace; training has one that matters",
    "draws": "a precision, paid for by each stage",
    "families": "the tests of that stage",
    "horizon": "pain is asked for longer than films were read",
    "workers": "a pace",
}


def test_a_value_that_two_stages_use_stands_once(root: Path) -> None:
    """Text that comes from the command line stands there."""
    stages = declared_in(root)
    own = [
        (n, s) for s, block in stages.items() for n, v in block.items() if not reference.source(v)
    ]
    twice = {name for name, _ in own if sum(name == other for other, _ in own) > 1}
    assert twice == set(SAME_WORD)


def test_to_set_the_one_changes_all_and_no_other_is_set(root: Path) -> None:
    declared = params.load(root / "notebooks" / "params.yml")
    other: dict[str, Any] = {"arm": "image", "reducer": "none", "embedding": "zeroshot"}
    users = [(s, n, of) for s, b in declared["stages"].items() for n, v in b.items()
             if (of := reference.owner(v))]  # fmt: skip
    assert len(users) > 20
    for stage, name, of in users:
        before = declared["stages"][of.stage][of.name]
        if isinstance(before, str) and reference.source(before):
            continue
        value = other.get(of.name, not before if isinstance(before, bool) else None)
        value = value if value is not None else before + (10 if before > 1 else 0.01)
        words = params.parse(f"{of}={notation.written(value)}")
        params.check(declared, words, profile="demo")
        got = params.resolve(declared, stage, profile="demo", places=FILLED, overrides=words)
        assert got[name] == value, (stage, name)
        with pytest.raises(params.ParamsError, match=rf"{stage}.{name} is taken from {of}; set"):
            params.check(declared, params.parse(f"{stage}.{name}={notation.written(value)}"))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("cohort.release=/x", "SET: cohort.release is taken from OAI=; set that"),
        ("grading.weights=/x", "SET: grading.weights is taken from embedding.weights; set that"),
        ("embedding.weights=/x", "SET: embedding.weights is taken from WEIGHTS=; set that"),
        ("pain.seed=7", "SET: pain.seed is shared.seed; set that"),
        ("shared.seed=-1", "SET: shared.seed is -1; expected 0 to 4294967295"),
        ("phenotype.arm=image@2", "phenotype.arm is 'context', 'context', 'image', 'context',"),
        ("phenotype.draws=2.5", "phenotype.draws is 2.5; expected 2 to 1000000"),
        ("phenotype.draws=true", "phenotype.draws is True; expected 2 to 1000000"),
        ("pain.draws=19", "pain.draws is 19; expected 39 to 1000000"),
        ("pain.arms=[image]", "pain.arms is ['image'] and lacks 'context', which is phenotype.arm"),
        ("cohort.train_share=0.65", "leave nobody to confirm; expected a sum below 1"),
    ],
)
def test_what_cannot_be_set_so_says_what_to_set(root: Path, setting: str, says: str) -> None:
    declared = params.load(root / "notebooks" / "params.yml")
    with pytest.raises(params.ParamsError, match=re.escape(says)):
        params.check(declared, params.parse(setting))


def test_a_reference_to_nothing_or_to_another_reference_is_an_error(root: Path) -> None:
    for text, says in (
        ("{pain.none}", "taken from pain.none, which is not declared"),
        ("{attention.region}", "taken from attention.region, which is taken from another"),
    ):
        declared = params.load(root / "notebooks" / "params.yml")
        declared["stages"]["pain"]["horizon"] = text
        with pytest.raises(params.ParamsError, match=re.escape(says)):
            params.check(declared)


def test_a_folder_whose_name_looks_like_a_place_stays_as_it_is() -> None:
    places = {"release": "/data/{weights}", "weights": "w", "profile": "demo", "dask": ""}
    assert reference.fill("{release}/{profile}", places) == "/data/{weights}/demo"
