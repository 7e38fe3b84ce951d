"""Videos and pose strips: right number and size of pictures, moving, following, and refused by name when wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.recordings import recording, walking

from strut_model.exports.preview import (
    contact_sheet,
    follow_cameras,
    line_up,
    picture_frames,
    render_frames,
    strip,
    write_picture,
    write_video,
)
from strut_model.exports.recording import PALETTE, Recording, style_colours

WIDTH, HEIGHT = 128, 72


def test_the_camera_keeps_the_walker_in_the_picture_while_it_crosses_the_floor() -> None:
    walk = Recording(walking(120, speed=2.0, turn=3.0))
    for frame, camera in enumerate(follow_cameras([walk])):
        pixels, _ = camera.project(walk.motion.positions()[frame], 640, 360)
        assert pixels.min() > 0
        assert (pixels.max(axis=0) < (640, 360)).all()


def test_a_film_of_half_the_rate_shows_every_other_frame() -> None:
    np.testing.assert_array_equal(picture_frames(6, 15.0), [0, 2, 4])
    np.testing.assert_array_equal(picture_frames(4, 30.0), [0, 1, 2, 3])
    np.testing.assert_array_equal(picture_frames(2, 60.0), [0, 0, 1, 1])


def test_pictures_move_and_take_the_colour_of_the_style() -> None:
    first, *_, last = render_frames([recording(60)], WIDTH, HEIGHT, fps=3)
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert (np.abs(first.astype(int) - last).max(axis=-1) > 25).mean() > 0.03
    blue, orange = (_body_colour(picture) for picture in (first, last))
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


def _body_colour(picture: np.ndarray) -> np.ndarray:
    """Mean of the most colourful pixels in the middle, where the body is."""
    middle = picture[HEIGHT // 4 : 3 * HEIGHT // 4, WIDTH // 3 : 2 * WIDTH // 3].reshape(-1, 3).astype(float)
    return middle[np.ptp(middle, axis=-1) > 60].mean(axis=0)


def test_an_mp4_holds_thirty_pictures_a_second_of_the_asked_size(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "walk.mp4"
    seen: list[int] = []
    write_video([recording(12)], path, WIDTH, HEIGHT, progress=seen.append)
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    pictures = [np.frombuffer(p, np.uint8).astype(int) for p in reader]
    assert about["size"] == (WIDTH, HEIGHT)
    assert about["fps"] == pytest.approx(30)
    assert len(pictures) == sum(seen) == 12
    assert np.abs(pictures[0] - pictures[-1]).max() > 25


def test_a_gif_loops_at_fifteen_pictures_a_second(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "walk.gif"
    write_video([recording(12)], path, WIDTH, HEIGHT)
    with Image.open(path) as film:
        assert film.size == (WIDTH, HEIGHT)
        assert film.n_frames == 6
        assert film.info["loop"] == 0
        assert film.info["duration"] == pytest.approx(1000 / 15, abs=10)


def test_a_strip_shows_as_many_bodies_as_poses(tmp_path: Path) -> None:
    for poses in (3, 5):
        picture = strip(Recording(walking(40), ((0, "normal"),)), poses, 400, 100).astype(int)
        body = (np.ptp(picture, axis=-1) > 60).any(axis=0)
        # Each body is one run of coloured columns.
        assert np.count_nonzero(np.diff(np.concatenate(([False], body))) & body) == poses
    write_picture(recording(), tmp_path / "walk.png")
    with Image.open(tmp_path / "walk.png") as image:
        assert image.size == (1280, 300)


def test_a_contact_sheet_has_a_row_for_every_motion_in_its_own_colour() -> None:
    rows = [(name, Recording(walking(20), ((0, name),))) for name in ("normal", "elderly", "active")]
    sheet = contact_sheet(rows, poses=4, width=400, row_height=100)
    assert sheet.shape == (300, 400, 3)
    for row, colour in enumerate(PALETTE[:3]):
        part = sheet[100 * row : 100 * row + 99].reshape(-1, 3).astype(float)
        vivid = part[np.ptp(part, axis=-1) > 60].mean(axis=0)
        assert vivid.argmax() == np.argmax(colour)


def test_a_line_up_shows_everyone_abreast_wherever_they_are() -> None:
    names = ("normal", "elderly", "active", "youthful")
    everyone = [
        Recording(walking(20).transformed(np.array([9.0 * k, -30.0]), 1.3 * k), ((0, name),))
        for k, name in enumerate(names)
    ]
    picture = line_up(everyone, 10, 400, 150).astype(float)
    for k, colour in enumerate(PALETTE[:4]):
        lane = picture[45:, 100 * k : 100 * (k + 1)].reshape(-1, 3)
        vivid = lane[np.ptp(lane, axis=-1) > 60].mean(axis=0)
        assert vivid.argmax() == np.argmax(colour)
        assert vivid.argmin() == np.argmin(colour)
    with pytest.raises(ValueError, match="frame: 20 is out of range; allowed: 0 to 19"):
        line_up(everyone, 20)


def test_several_characters_carry_their_styles_over_their_heads() -> None:
    pair = [
        Recording(walking(8).transformed(np.array([x, 0.0]), 0.0), ((0, name),)) for x, name in ((0, "a"), (1, "b"))
    ]
    (with_names,) = render_frames(pair, 320, 180, fps=3.75)
    (without,) = render_frames([Recording(r.motion, ((0, ""),)) for r in pair], 320, 180, fps=3.75)
    changed = (np.abs(with_names.astype(int) - without).max(axis=-1) > 40)[: 180 // 3]
    columns = np.flatnonzero(changed.any(axis=0))
    assert np.count_nonzero(np.diff(columns) > 5) == 1  # two badges, apart


def test_the_same_style_has_one_colour_in_all_recordings() -> None:
    both = [Recording(walking(5), ((0, "a"), (2, "b"))), Recording(walking(5), ((0, "b"), (3, "c")))]
    assert style_colours(both) == {"a": PALETTE[0], "b": PALETTE[1], "c": PALETTE[2]}


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("walk.avi", (WIDTH, HEIGHT), r"walk\.avi.*\.mp4 and \.gif"),
        ("walk.mp4", (127, 72), "even numbers, got 127 x 72"),
    ],
)
def test_a_wrong_suffix_or_an_odd_size_is_refused(
    tmp_path: Path, name: str, size: tuple[int, int], message: str
) -> None:
    pytest.importorskip("imageio_ffmpeg")
    with pytest.raises(ValueError, match=message):
        write_video([recording(4)], tmp_path / name, *size)
    assert not list(tmp_path.iterdir())


def test_recordings_of_different_lengths_or_styles_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"equal length expected, got lengths \[4, 5\]"):
        next(render_frames([Recording(walking(5)), Recording(walking(4))], WIDTH, HEIGHT))
    with pytest.raises(ValueError, match=r"start at 0 and ascend, got \[0, 9, 4\]"):
        Recording(walking(20), ((0, "a"), (9, "b"), (4, "c")))
    with pytest.raises(ValueError, match=r"shape \(N, 2\) expected, got \(3,\)"):
        Recording(walking(20), path=np.zeros(3))
