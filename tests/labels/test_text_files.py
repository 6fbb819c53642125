"""Texts and JSON."""

import pytest

from mmeiou.labels import LabelError
from mmeiou.labels.text_files import read_json, read_lines, read_text


@pytest.fixture
def file(tmp_path):
    def file(content):
        path = tmp_path / "labels"
        path.write_bytes(content)
        return path

    return file


@pytest.mark.parametrize("content", [b"a\nb\n", b"a\r\nb\r\n", b"a\rb\r", b"\xef\xbb\xbfa\nb\n"])
def test_text(file, content):
    assert read_text(file(content)) == "a\nb\n"


def test_lines(file):
    # A line feed alone ends a line: \x0b, \x0c, \x1c, \x85 and \u2028 may be in a name.
    text = "a\x0bb\u2028c\n\n  \t\n d \r\n"
    assert read_lines(file(text.encode())) == [(1, "a\x0bb\u2028c"), (4, "d")]
    assert read_lines(file(b"")) == []


@pytest.mark.parametrize("content", [b"\xff\xfea\0", b"\xe4", b"\xed\xa0\x80", b"a\nb\x80"])
def test_no_text(file, content):
    path = file(content)
    for read in (read_text, read_lines, read_json):
        with pytest.raises(LabelError, match=rf"^{path}: not a UTF-8 text .*; save it as UTF-8"):
            read(path)


@pytest.mark.parametrize(
    ("content", "value"), [(b"[1, 2.5]", [1, 2.5]), (b"\xef\xbb\xbf{}", {}), (b"null", None)]
)
def test_json(file, content, value):
    assert read_json(file(content)) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "labels:1: not JSON"),
        (b"{\n]", "labels:2: not JSON"),
        (b"[" * 400_000, "labels: not JSON of sensible size"),
        (b'{"a":' * 400_000, "labels: not JSON of sensible size"),
        (b"9" * 5000, "labels: not JSON of sensible size"),
    ],
)
def test_no_json(file, content, message):
    with pytest.raises(LabelError, match=message) as caught:
        read_json(file(content))
    assert len(str(caught.value)) < 1000


def test_a_key_twice_is_refused_where_json_would_keep_the_second(file):
    path = file(b'{"annotations": [1],\n "annotations": []}')
    with pytest.raises(LabelError, match=rf"^{path}: the key 'annotations' twice in one object"):
        read_json(path)
