"""Every knee gets one row: a picture in the right place, or the right reason for none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import phantom
import pytest
from pandas.testing import assert_frame_equal

from kneephen_report.radiograph import contact_sheets
from kneephen_utils import dicom, images, radiograph, tables
from kneephen_utils.radiograph import crop, intensity, laterality, quality

SETTINGS = radiograph.Settings(
    region=140.0, pixels=224, window=[5.0, 99.0], clahe=False, min_confidence=0.5
)
VIEW = "Bilateral PA Fixed Flexion Knee"


def film_of(picture: np.ndarray, spacing: float = 0.4, **changes: str) -> dicom.Film:
    named = {"photometric": "MONOCHROME2", "view": VIEW, "body_part": "knee", "barcode": "0"}
    return dicom.Film(picture, spacing, "PixelSpacing", **(named | changes))


def both(film: dicom.Film) -> dict[str, crop.Cut]:
    return crop.cut_film(film, ["right", "left"], SETTINGS)


def statuses(film: dicom.Film) -> list[str]:
    return [cut.status for cut in both(film).values()]


# --- one film


def test_both_knees_become_pictures_of_right_knees() -> None:
    cuts = both(film_of(phantom.film(phantom.both())))
    assert [cut.status for cut in cuts.values()] == ["ok", "ok"]
    pair = [np.asarray(cut.image, dtype=float) for cut in cuts.values()]
    assert np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1] > 0.98
    for image in pair:  # the fibula is on the left: brighter there than on the right
        assert image[190:, 40:65].mean() > image[190:, 160:185].mean() + 10


def test_the_joint_is_in_the_middle_of_the_crop() -> None:
    knee = phantom.Knee(110.0, 125.0)
    film = film_of(phantom.film([knee, phantom.both()[1]]))
    measured = both(film)["right"].measured
    assert abs(measured["center_x"] - knee.x) < 3
    assert abs(measured["center_y"] - knee.y) < 3


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (1 - phantom.film(phantom.both()), ["inverted", "inverted"]),
        (np.rot90(phantom.film(phantom.both())), ["rotated", "rotated"]),
        (phantom.film(phantom.both())[::-1, ::-1], ["rotated", "rotated"]),
        (phantom.film(phantom.both()[:1]), ["ok", "not_found"]),
        (phantom.film(phantom.both()[1:]), ["not_found", "ok"]),
        (phantom.film(phantom.both(metal=True)), ["prosthesis", "prosthesis"]),
        (np.ones((600, 1050), dtype=np.float32), ["burned_out", "burned_out"]),
        (phantom.film(phantom.both(), rows_mm=170, columns_mm=420)[40:], ["cut_off", "cut_off"]),
        (phantom.film(phantom.both())[:250], ["too_small", "too_small"]),
        (phantom.hand(), ["not_found", "not_found"]),
        (phantom.film([phantom.Knee(110, 125, "left"), phantom.Knee(310, 125, "right")]),
         ["side_disagrees", "side_disagrees"]),
    ],
    ids=["inverted", "on its side", "upside down", "one knee", "other knee", "prosthesis",
         "burned out", "cut off", "too small", "hand", "exchanged"],
)  # fmt: skip
def test_each_defect_has_its_reason(picture: np.ndarray, expected: list[str]) -> None:
    cuts = both(film_of(np.ascontiguousarray(picture)))
    assert [cut.status for cut in cuts.values()] == expected
    for cut in cuts.values():
        assert cut.status in quality.REASONS
        assert (cut.image is None) == (cut.status != "ok") == bool(cut.detail)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("Bilateral PA Fixed Flexion Knee ", "ok"),
        ("BILATERAL  PA FIXED FLEXION KNEE", "ok"),
        ("", "ok"),
        ("PA Bilateral Hand", "wrong_view"),
        ("AP Pelvis", "wrong_view"),
        ("Lateral Left Knee", "wrong_view"),
    ],
)
def test_only_fixed_flexion_films_are_used(view: str, expected: str) -> None:
    assert statuses(film_of(phantom.film(phantom.both()), view=view)) == [expected, expected]


def test_a_film_of_one_knee_gives_that_knee() -> None:
    picture = phantom.film([phantom.Knee(100.0, 120.0, "left")], columns_mm=200)
    cuts = both(film_of(picture, view="PA Fixed Flexion Left Knee"))
    assert cuts["left"].status == "ok"
    assert cuts["right"].status == "not_found"


def test_local_equalisation_is_applied_to_the_crop_only_if_asked() -> None:
    film = film_of(phantom.film(phantom.both()))
    asked = crop.cut_film(film, ["right"], SETTINGS._replace(clahe=True))["right"].image
    plain = crop.cut_film(film, ["right"], SETTINGS)["right"].image
    assert plain is not None
    np.testing.assert_array_equal(asked, intensity.equalise(plain))
    assert (asked != plain).mean() > 0.5


def test_a_crop_is_the_film_at_the_wanted_places() -> None:
    rng = np.random.default_rng(0)
    film = film_of(rng.random((300, 400), dtype=np.float32), spacing=0.7)
    square = crop.resample(film, 120.0, 100.0, region=49.0, pixels=70)  # the spacing of the film
    expected = np.empty_like(square)
    for row in range(70):
        for column in range(70):  # bilinear value at the place of this pixel
            y = (100.0 + (row + 0.5 - 35) * 0.7) / 0.7 - 0.5
            x = (120.0 + (column + 0.5 - 35) * 0.7) / 0.7 - 0.5
            top, side = int(y), int(x)
            down, across = y - top, x - side
            block = film.pixels[top : top + 2, side : side + 2]
            weights = np.outer([1 - down, down], [1 - across, across])
            expected[row, column] = (weights * block).sum()
    np.testing.assert_allclose(square, expected, atol=1e-4)


@pytest.mark.parametrize("spacing", [0.15, 0.31, 0.5])
def test_a_crop_has_the_same_size_in_millimetres_at_every_spacing(spacing: float) -> None:
    knee = phantom.Knee(110.0, 125.0)
    picture = film_of(phantom.film([knee], columns_mm=220, spacing=spacing, noise=0), spacing)
    reference = film_of(phantom.film([knee], columns_mm=220, spacing=0.4, noise=0), 0.4)
    pair = [crop.resample(f, 110, 125, region=140, pixels=224) for f in (picture, reference)]
    assert np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1] > 0.99


def test_what_lies_outside_the_film_is_missing() -> None:
    film = film_of(np.ones((200, 200), dtype=np.float32), spacing=1.0)
    square = crop.resample(film, 0.0, 100.0, region=100.0, pixels=100)
    assert np.isnan(square[:, :50]).all()
    assert np.isfinite(square[:, 50:]).all()
    assert np.isnan(crop.resample(film, -500.0, 0.0, region=100.0, pixels=100)).all()


# --- grey values


def test_the_window_maps_percentiles_to_black_and_white() -> None:
    picture = np.random.default_rng(0).normal(size=(50, 50))
    windowed = intensity.window(picture, (5, 99))
    assert (windowed == 0).mean() == pytest.approx(0.05, abs=0.01)
    assert (windowed == 255).mean() == pytest.approx(0.01, abs=0.005)
    changed = intensity.window(3 * picture + 7, (5, 99))
    assert np.abs(windowed.astype(int) - changed).max() <= 1


def test_one_grey_value_has_no_window() -> None:
    with pytest.raises(ValueError, match="one grey value only"):
        intensity.window(np.ones((4, 4)), (5, 99))


def test_local_equalisation_brings_out_faint_detail_and_limits_noise() -> None:
    rng = np.random.default_rng(0)
    picture = np.full((64, 64), 60, dtype=np.uint8)
    picture[:, 32:] = 70
    picture = picture + rng.integers(0, 4, picture.shape, dtype=np.uint8)
    equalised = intensity.equalise(picture).astype(float)
    step = equalised[:, 33:40].mean() - equalised[:, 24:31].mean()
    assert step > 10
    assert equalised[:, :20].std() < 6 * picture[:, :20].std()


# --- a release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    for person, knees in enumerate([phantom.both(), phantom.both(width=72), phantom.both()[:1]]):
        phantom.write(folder / f"{person}" / "001", phantom.film(knees, seed=person))
    (folder / "3").mkdir()
    (folder / "3" / "001").write_bytes((folder / "0" / "001").read_bytes()[:5000])
    return folder


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    people = range(6)
    return pd.DataFrame(
        {
            "film_id": [f"01660000000{person}" for person in people],
            "participant_id": [f"900000{person}" for person in people],
            "visit": "V00",
            "view": VIEW,
            "path": [*(f"{person}/001" for person in people[:-1]), "../0/001"],
        }
    )


@pytest.fixture(scope="module")
def knees(films: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "knee_id": f"{person}-{side[0].upper()}",
            "participant_id": person,
            "side": side,
            "kl_grade": position % 5,
            "film_id": f"0166{int(person[-1]):08d}",
            "replaced_at_baseline": person == "9000001" and side == "left",
        }
        for position, person in enumerate([*films["participant_id"], "9000006"])
        for side in ("right", "left")
    ]
    return pd.DataFrame(rows).astype({"kl_grade": "Int64"})


def cut(
    films: pd.DataFrame, knees: pd.DataFrame, release: Path, artefacts: Path, workers: int = 1
) -> pd.DataFrame:
    return radiograph.cut(
        films, knees, settings=SETTINGS, release=release, artefacts=artefacts, workers=workers
    )


def test_every_knee_has_one_row_with_its_reason(
    films: pd.DataFrame, knees: pd.DataFrame, release: Path, tmp_path: Path
) -> None:
    crops = cut(films, knees, release, tmp_path)
    assert crops["knee_id"].tolist() == knees["knee_id"].tolist()
    expected = ["ok", "ok", "ok", "prosthesis", "ok", "not_found"] + ["unreadable"] * 6
    assert crops["status"].tolist() == [*expected, "no_film", "no_film"]
    assert images.read(tmp_path).shape == (4, 224, 224)
    tables.write(crops, "crops", tmp_path)


@pytest.fixture(scope="module")
def exchanged() -> list[crop.Cut]:
    """Return the knees of films on which right and left were exchanged."""
    films = [
        phantom.film([phantom.Knee(110, 125, "left"), phantom.Knee(310, 125, "right")], seed=seed)
        for seed in range(2)
    ]
    return [cut for film in films for cut in both(film_of(film)).values()]


def test_exchanged_films_stop_the_run_with_the_sentence_a_user_needs(
    exchanged: list[crop.Cut],
) -> None:
    status = [cut.status for cut in exchanged]
    crops = pd.DataFrame({"status": status * 5 + ["ok"] * 20 + ["not_found"] * 7})
    with pytest.raises(laterality.SideError) as stop:
        laterality.check(crops, accept=[])
    assert "[film_side] Of 40 knees found on films, 50.0% have their fibula" in str(stop.value)
    assert 'SET="radiograph.accept=[film_side]"' in str(stop.value)
    assert laterality.check(crops, accept=["film_side"]).endswith("This was accepted.")


def test_a_few_odd_knees_and_a_few_films_stop_nothing() -> None:
    odd = pd.DataFrame({"status": ["ok"] * 98 + ["side_disagrees"] * 2})
    assert laterality.check(odd, accept=[]).startswith("Of 100 knees found on films, 2.0%")
    assert "not asked" in laterality.check(odd.tail(2), accept=[])
    with pytest.raises(ValueError, match="'clock', which is no check; known check: film_side"):
        laterality.check(odd, accept=["clock"])


def test_counts_add_up_from_films_to_knees(
    films: pd.DataFrame, knees: pd.DataFrame, release: Path, tmp_path: Path
) -> None:
    crops = cut(films, knees, release, tmp_path)
    counts = radiograph.tally(films, knees, crops).set_index("step")["count"]
    assert counts.iloc[-4:].sum() == counts["knees of the cohort"] == len(knees)
    assert radiograph.reasons(crops, disclose=True)["knees"].sum() == len(knees)


def test_the_result_does_not_depend_on_the_number_of_workers(
    films: pd.DataFrame, knees: pd.DataFrame, release: Path, tmp_path: Path
) -> None:
    alone = cut(films, knees, release, tmp_path / "one", workers=1)
    together = cut(films, knees, release, tmp_path / "two", workers=2)
    assert_frame_equal(alone, together)
    pairs = [images.read(tmp_path / name)[:] for name in ("one", "two")]
    np.testing.assert_array_equal(*pairs)


def test_after_an_interrupted_run_the_next_gives_the_whole(
    films: pd.DataFrame,
    knees: pd.DataFrame,
    release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = cut(films, knees, release, tmp_path / "whole")
    monkeypatch.setattr(images, "CHUNK", 2)
    answered: list[str] = []
    answer = crop.answer

    def stop_at_third(folder: Path, request: crop.Request, settings: crop.Settings) -> object:
        if len(answered) == 2:
            raise KeyboardInterrupt
        answered.append(request.path)
        return answer(folder, request, settings)

    monkeypatch.setattr(crop, "answer", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        cut(films, knees, release, tmp_path / "parts")
    assert len(answered) == 2
    monkeypatch.setattr(crop, "answer", answer)
    assert_frame_equal(cut(films, knees, release, tmp_path / "parts"), whole)
    pairs = [images.read(tmp_path / name)[:] for name in ("whole", "parts")]
    np.testing.assert_array_equal(*pairs)


def test_a_film_is_found_through_the_person_when_its_barcode_is_not_listed(
    films: pd.DataFrame, knees: pd.DataFrame
) -> None:
    hand = films.iloc[[0]].assign(film_id="016699999999", view="PA Bilateral Hand", path="a/001")
    chosen = radiograph.choose_films(
        pd.concat([hand, films]), knees.assign(film_id=["016600000009", *knees["film_id"][1:]])
    )
    assert chosen.loc[0, "film_id"] == films.loc[0, "film_id"]
    assert chosen.loc[0, "path"] == "0/001"


def test_rare_reasons_are_put_together_where_knees_are_closed() -> None:
    status = ["ok"] * 50 + ["not_found"] * 12 + ["rotated"] * 7 + ["inverted"] * 6
    shown = radiograph.reasons(pd.DataFrame({"status": status}), disclose=False)
    assert dict(zip(shown["status"], shown["knees"], strict=True)) == {
        "ok": 50,
        "not_found": 10,
        "rarer": 15,
    }
    few = radiograph.reasons(pd.DataFrame({"status": status[:-10]}), disclose=False)
    assert few.loc[few["status"] == "rarer", "knees"].isna().all()


def test_no_single_film_is_drawn_where_knees_are_closed(
    films: pd.DataFrame, knees: pd.DataFrame, release: Path, tmp_path: Path
) -> None:
    crops = cut(films, knees, release, tmp_path)
    open_sheet = contact_sheets.plot_doubtful(crops, films, release, most=4, disclose=True)
    closed = contact_sheets.plot_doubtful(crops, films, release, most=4, disclose=False)
    assert sum(len(axis.images) for axis in open_sheet.axes) == 1
    assert sum(len(axis.images) for axis in closed.axes) == 0
    pictures = images.read(tmp_path)
    grades = contact_sheets.plot_grades(
        pictures, crops, knees, each=2, disclose=False, mean_pictures=True
    )
    assert sum(len(axis.images) for axis in grades.axes) == 0  # of fewer than ten people


def test_a_closed_grade_shows_its_mean_only_if_asked_for_and_of_enough_people() -> None:
    pictures, crops, knees = graded({0: 10, 1: 9, 2: 9}, twice={1})
    asked = contact_sheets.plot_grades(
        pictures, crops, knees, each=2, disclose=False, mean_pictures=True
    )
    assert [len(axis.images) for axis in asked.axes] == [1, 0, 0, 0, 0]
    assert np.allclose(asked.axes[0].images[0].get_array(), np.mean(range(10)))
    assert "under 10 people" in asked.axes[1].texts[0].get_text()
    never = contact_sheets.plot_grades(
        pictures, crops, knees, each=2, disclose=False, mean_pictures=False
    )
    assert never.axes == []
    assert "not asked for" in never.texts[0].get_text()


class Pictures:
    """Pixels that are read as the `images` array is."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.oindex = pixels, pixels.shape, pixels


def graded(
    people: dict[int, int], *, twice: set[int]
) -> tuple[Pictures, pd.DataFrame, pd.DataFrame]:
    """Return plain pictures, as bright as their row; grades `twice` hold both knees of a person."""
    names = [
        (f"{grade}{person}-{side}", f"{grade}{person}", grade)
        for grade, count in people.items()
        for person in range(count)
        for side in ("RL" if grade in twice else "R")
    ]
    knees = pd.DataFrame(names, columns=["knee_id", "participant_id", "kl_grade"])
    crops = knees.drop(columns="kl_grade").assign(image=range(len(knees)))
    rows = np.arange(len(knees), dtype=np.uint8)
    return Pictures(np.broadcast_to(rows[:, None, None], (len(knees), 4, 4))), crops, knees


def test_a_release_without_films_is_told_where_they_are_looked_for() -> None:
    said = radiograph.text_none(pd.DataFrame({"status": ["no_film", "no_film", "unreadable"]}))
    assert said.startswith("no knee has a picture, most often because of: no film.")
