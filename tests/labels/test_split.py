"""Splitting a set."""

from pathlib import Path

import pytest
from record_maker import image

from mmeiou.labels import LabelError, LabelSet
from mmeiou.labels.split import split


def made(number, boxes=((0, 0, 9, 9),), **fields):
    return LabelSet(Path("x"), [image(f"{i}.jpg", boxes, **fields) for i in range(number)])


def files(labels):
    return [one.file for one in labels.images]


def test_split_is_the_same_every_time():
    labels = made(10)
    training, validation = split(labels, 0.25, seed=0)
    assert len(validation) == 2
    assert sorted(files(training) + files(validation)) == files(labels)
    # The order stays, but it is not simply the end that validates.
    assert files(training) == sorted(files(training))
    assert files(training) + files(validation) != files(labels)
    again = split(labels, 0.25, seed=0)
    assert [files(part) for part in again] == [files(training), files(validation)]
    assert files(split(labels, 0.25, seed=1)[1]) != files(validation)


@pytest.mark.parametrize(
    ("count", "fraction", "number"), [(10, 0.01, 1), (10, 0.26, 3), (10, 0.9, 9), (2, 0.5, 1)]
)
def test_size_of_the_parts(count, fraction, number):
    training, validation = split(made(count), fraction, seed=3)
    assert (len(training), len(validation)) == (count - number, number)


@pytest.mark.parametrize(("count", "fraction"), [(1, 0.5), (10, 0.99)])
def test_too_few_to_split(count, fraction):
    with pytest.raises(LabelError, match=f"{count} images are too few to validate on {fraction}"):
        split(made(count), fraction, seed=0)


@pytest.mark.parametrize("fields", [{"boxes": ()}, {"ignore": [True]}])
def test_parts_without_a_box_to_find(fields):
    empty = made(9, **fields).images
    with_a_box = LabelSet(Path("x"), [image("z.jpg", [[0, 0, 9, 9]]), *empty])
    parts = set()
    for seed in range(30):
        with pytest.raises(LabelError, match=rf"images drawn by seed {seed} for the ") as caught:
            split(with_a_box, 0.2, seed)
        parts.add(str(caught.value).split(" part ")[0].split()[-1])
    assert parts == {"training", "validation"}
