"""The errors, and how problems are collected."""

import pickle
from pathlib import Path

import pytest

from mmeiou.labels import LabelError
from mmeiou.labels.errors import Problems, at, placing, shown

FILE = Path("a/labels.txt")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LabelError("odd", at(FILE, 3)), f"{FILE}:3: odd"),
        (LabelError("odd", at(FILE, "images[0]")), f"{FILE}: images[0]: odd"),
        (LabelError("odd", at(FILE)), f"{FILE}: odd"),
        (LabelError("odd"), "odd"),
    ],
)
def test_errors_survive_a_worker_process(error, message):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is LabelError
    assert str(again) == str(error) == message
    assert (again.problem, again.where) == (error.problem, error.where)


def test_label_errors_are_value_errors():
    with pytest.raises(ValueError, match="odd"):
        raise LabelError("odd")


def nested(depth, leaf=None):
    for _ in range(depth):
        leaf = [leaf]
    return leaf


@pytest.mark.parametrize(
    "value",
    [
        "a" * 10**6,
        b"a" * 10**6,
        10**4000,
        pytest.param(-(10**5000), id="beyond the digits that Python prints"),
        list(range(10**6)),
        tuple(range(10**6)),
        dict.fromkeys(range(10**5)),
        nested(100_000),
        nested(100_000, {"a": 1}),
        {"a" * 10**5: ["b" * 10**5] * 10**5},
        [[["a" * 1000] * 1000] * 1000] * 1000,
        {"a": nested(1000)},
        set(range(10**5)),
        1e300,
        object(),
    ],
)
def test_what_is_shown_is_bounded(value):
    assert len(shown(value)) < 4000


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"\ud800": "\ud800"}, "\x1b[2J\n"])
def test_what_is_shown_can_be_printed(value):
    shown(value).encode()
    assert shown(value).isprintable()


@pytest.mark.parametrize("value", ["a", 1, 1.5, None, True, [1, 2], {"a": [1]}, "äß"])
def test_what_is_short_is_shown_as_it_is(value):
    assert shown(value) == repr(value)


def test_place_is_added_once():
    with pytest.raises(LabelError, match=r"^inner: odd$"), placing("outer"), placing("inner"):
        raise LabelError("odd")
    with pytest.raises(LabelError, match=r"^place: odd$"), placing("outer"):
        raise LabelError("odd", "place")


def test_causes_are_kept():
    cause = OSError("cause")
    with pytest.raises(LabelError) as caught, placing("outer"):
        raise LabelError("odd") from cause
    assert caught.value.__cause__ is cause


def test_no_problems():
    Problems().check()


def test_a_single_problem_is_said_as_it_is():
    problems = Problems()
    problems.add(at(FILE, 3), "odd")
    with pytest.raises(LabelError, match=rf"^{FILE}:3: odd$"):
        problems.check()


@pytest.mark.parametrize(("count", "listed"), [(2, 2), (20, 20), (21, 20), (1000, 20)])
def test_problems_are_listed_up_to_twenty(count, listed):
    problems = Problems()
    for line in range(count):
        problems.add(at(FILE, line), "odd")
    with pytest.raises(LabelError) as caught:
        problems.check()
    first, *lines = str(caught.value).splitlines()
    assert first == f"{count} problems in the labels:"
    assert lines[:listed] == [f"{FILE}:{line}: odd" for line in range(listed)]
    assert lines[listed:] == ([f"... and {count - 20} more"] if count > 20 else [])


def test_errors_become_problems():
    problems = Problems()
    for where in ("", "place"):
        with problems.noting("line"):
            raise LabelError("odd", where)
    with pytest.raises(LabelError, match=r"line: odd\nplace: odd"):
        problems.check()


def test_other_errors_are_none():
    with pytest.raises(OSError, match="disk"), Problems().noting("line"):
        raise OSError("disk")


@pytest.mark.parametrize("drop", [None, False])
def test_bad_boxes_are_problems(drop):
    problems = Problems(drop_bad_boxes=drop)
    problems.add_box("line", "too odd", "a box too odd")
    assert not problems.counted
    with pytest.raises(LabelError, match="line: a box too odd"):
        problems.check()


def test_bad_boxes_are_counted():
    problems = Problems(drop_bad_boxes=True)
    for line in (3, 5):
        problems.add_box(at(FILE, line), "too odd", "a box too odd")
    problems.count("lines of no use", at(FILE, 4), 7)
    problems.check()
    assert problems.counted == {"boxes too odd, left out": 2, "lines of no use": 7}
    assert problems.left_out() == [
        f"2 boxes too odd, left out, first {FILE}:3",
        f"7 lines of no use, first {FILE}:4",
    ]
