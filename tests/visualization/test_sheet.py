"""Contact sheets and what is drawn into their pictures."""

import numpy as np

from mmeiou.visualization.sheet import contact_sheet, hatch, outline, shrink

RED, BLUE = (0, 0, 255), (255, 0, 0)


def plain(height: int, width: int, colour=(50, 90, 130)):
    return np.full((height, width, 3), colour, np.uint8)


def where(image, colour) -> tuple[int, int, int, int]:
    """Smallest box that holds all pixels of a colour: x1 y1 x2 y2."""
    y, x = np.nonzero((image == colour).all(2))
    return x.min(), y.min(), x.max(), y.max()


def test_pictures_stand_on_a_grid_below_their_captions() -> None:
    pictures = [(plain(40, 60), "a"), (plain(20, 30, RED), ""), (plain(200, 100, BLUE), "c")]
    sheet = contact_sheet(pictures, columns=2, side=50)
    # columns of 50 + 6 pixels, rows of 22 + the highest + 6: 60 x 40 shrinks to 50 x 33
    assert sheet.shape == (22 + 33 + 6 + 22 + 50 + 6, 112, 3)
    assert where(sheet, (50, 90, 130)) == (0, 22, 49, 54)
    assert where(sheet, RED) == (56, 22, 85, 41)
    assert where(sheet, BLUE) == (0, 83, 24, 132)
    assert sheet[:22, :50].min() < 100  # the caption
    assert (sheet[:22, 56:] == 255).all()  # none


def test_long_captions_keep_both_ends_and_stay_above_their_picture() -> None:
    def caption(text: str):
        return contact_sheet([(plain(9, 100), text), (plain(9, 100), "")], 2, 100)[:22]

    long = caption(f"12 missed{'x' * 200}end")
    assert (long[:, 102:] == 255).all()
    assert long[:, 85:100].min() < 100
    np.testing.assert_array_equal(long, caption(f"12 missed{'x' * 300}end"))
    assert (long != caption(f"13 missed{'x' * 200}end")).any()
    assert (long != caption(f"12 missed{'x' * 200}eng")).any()


def test_the_legend_is_as_wide_as_it_needs() -> None:
    sheet = contact_sheet([(plain(9, 9), "")], 1, 9, {"missed faces": RED, "false": BLUE})
    assert sheet.shape[1] > 120
    left, _, right, bottom = where(sheet, RED)
    assert right - left == 14
    assert bottom < 22
    assert where(sheet, BLUE)[0] > right + 60  # the first one's name is between them


def test_nothing_is_enlarged_or_vanishes() -> None:
    small = plain(5, 8)
    assert shrink(small, 50) == (small, 1)
    thin, scale = shrink(plain(1, 1000), 50)
    assert thin.shape == (1, 50, 3)
    assert scale == 0.05


def test_outline_and_hatching() -> None:
    image = plain(60, 60, 0)
    outline(image, np.array([[9.6, 10.4, 30, 40]]), RED)
    assert where(image, RED) == (10, 10, 30, 40)
    assert not image[11:40, 11:30].any()
    image = plain(60, 60, 0)
    hatch(image, np.array([[-20, 30, 20, 90], [70, 70, 90, 90]]), BLUE)
    assert where(image, BLUE) == (0, 30, 20, 59)
    assert 0.2 < (image[30:, :20] == BLUE).all(2).mean() < 0.4
    assert not image[:30].any()
