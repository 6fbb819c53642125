"""What a single value means, and which are refused."""

import math

import pytest

from mmeiou.labels import LabelError
from mmeiou.labels.values import (
    LARGEST,
    entries,
    flag,
    identifier,
    is_labelled,
    mapping,
    name,
    names,
    number,
    numbers,
    pixels,
    stated_size,
    visibility,
    written_number,
)

HUGE = 10**4000  # at most 4300 digits can be printed, which pytest does
DEEP = []
for _ in range(10_000):
    DEEP = [DEEP]
# What no reader of a scalar takes.
JUNK = [None, [], {}, [1], {"a": 1}, b"1", object(), DEEP]


def refused(function, value, *arguments):
    with pytest.raises(LabelError, match=r"^key") as caught:
        function(value, "key", *arguments)
    str(caught.value).encode()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "1.0", "true", "True", "YES", " 1 "])
def test_flag_yes(value):
    assert flag(value, "key") is True


@pytest.mark.parametrize(
    "value",
    [0, 0.0, False, None, "0", "0.0", "false", "False", "no", "", " ", "Unspecified", "None"],
)
def test_flag_no(value):
    assert flag(value, "key") is False


@pytest.mark.parametrize("value", [2, -1, 0.5, math.nan, math.inf, "2", "y", "\ud800", *JUNK[1:]])
def test_no_flag(value):
    refused(flag, value)


@pytest.mark.parametrize("value", [0, 3, -2.5, 1e-300, LARGEST, -LARGEST])
def test_number(value):
    assert number(value, "key") == value
    assert isinstance(number(value, "key"), float)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, LARGEST + 1, 1e300, HUGE, -HUGE, True, False, "1", *JUNK],
)
def test_no_number(value):
    refused(number, value)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("-2.5", -2.5), ("1e3", 1000), (" 4 ", 4)])
def test_written_number(text, value):
    assert written_number(text, "key") == value


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1,5", "0x10", "nan", "inf", "1e999", "9" * 5000, "1e9", "\ud800"]
)
def test_no_written_number(text):
    refused(written_number, text)


def test_numbers():
    assert numbers([1, 2.5], "key", 2, "x and y") == [1, 2.5]


@pytest.mark.parametrize(
    "values", [[1], [1, 2, 3], (1, 2), "12", {0: 1, 1: 2}, [1, "2"], [1, None], [1, HUGE], None]
)
def test_no_numbers(values):
    refused(numbers, values, 2, "x and y")


@pytest.mark.parametrize("value", [320, 320.0, "320", "320.0", " 320 "])
def test_pixels(value):
    assert pixels(value, "key") == 320
    assert isinstance(pixels(value, "key"), int)


@pytest.mark.parametrize(
    "value",
    [0, -1, 0.5, 320.5, "320.5", "0", "", "wide", math.nan, math.inf, "1e999", HUGE, True, *JUNK],
)
def test_no_pixels(value):
    refused(pixels, value)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (3, 2, (3, 2)),
        ("3.0", 2.0, (3, 2)),
        (None, None, None),
        ("", "", None),
        (0, 0, None),
        ("0", "0", None),
        (3, 0, None),
        (None, 2, None),
        (0.0, 2, None),
    ],
)
def test_stated_size(width, height, size):
    assert stated_size(width, height) == size


@pytest.mark.parametrize("value", [-1, 0.5, "x", math.inf, math.nan, [3], {}, True])
def test_no_stated_size(value):
    with pytest.raises(LabelError, match=r"^width: "):
        stated_size(value, 2)
    with pytest.raises(LabelError, match=r"^height: "):
        stated_size(2, value)


@pytest.mark.parametrize("value", ["face", "left eye", "ä文", "1", "a/b"])
def test_name(value):
    assert name(value, "key") == value


@pytest.mark.parametrize(
    "value", ["", "  ", "a\nb", "a\tb", "\x1b[2J", "\ud800", 1, 1.5, True, *JUNK]
)
def test_no_name(value):
    refused(name, value)


@pytest.mark.parametrize("values", [[], ["a"], ["a", "b"], ("a", "b")])
def test_names(values):
    assert names(values, "key") == tuple(values)


@pytest.mark.parametrize(
    "values", [["a", "a"], ["a", 1], ["a", ""], ["a", ["b"]], "ab", {"a": 1}, None, 3]
)
def test_no_names(values):
    refused(names, values)


@pytest.mark.parametrize(
    ("value", "key"), [(1, 1), (0, 0), (-1, -1), (2.0, 2), ("a", "a"), ("", ""), (HUGE, HUGE)]
)
def test_identifier(value, key):
    assert identifier(value, "key") == key
    assert type(identifier(value, "key")) is type(key)


@pytest.mark.parametrize("value", [True, False, 0.5, math.nan, math.inf, *JUNK])
def test_no_identifier(value):
    refused(identifier, value)


@pytest.mark.parametrize(
    ("value", "seen"), [(0, 0), (1, 1), (2, 2), (2.0, 2), ("0", 0), ("1", 1), ("2.0", 2)]
)
def test_visibility(value, seen):
    assert visibility(value, "key") == seen
    assert isinstance(visibility(value, "key"), int)


@pytest.mark.parametrize("value", [-1, 3, 0.5, "3", "", "x", math.nan, HUGE, True, *JUNK])
def test_no_visibility(value):
    refused(visibility, value)


@pytest.mark.parametrize(
    ("x", "y", "labelled"),
    [
        (1, 1, True),
        (0, 1, True),
        (1, 0, True),
        (0.01, 0, True),
        (0, 0, False),
        (-1, -1, False),
        (-1, 5, True),
        (5, -1, True),
        (0, -1, True),
    ],
)
def test_is_labelled(x, y, labelled):
    assert is_labelled(x, y) is labelled


def test_containers():
    assert mapping({"a": 1}, "key") == {"a": 1}
    assert entries([1], "key") == [1]


@pytest.mark.parametrize("value", [None, [], "a", 1, DEEP])
def test_no_mapping(value):
    refused(mapping, value)


@pytest.mark.parametrize("value", [None, {}, "a", 1, ()])
def test_no_entries(value):
    refused(entries, value)
