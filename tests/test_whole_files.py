"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from mmeiou.whole_files import replacing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as unfinished:
        unfinished.write_text("one")
        assert unfinished.suffix == ".txt"
        assert not path.exists()
    with pytest.raises(TypeError), replacing(path) as unfinished:
        unfinished.write_bytes("no bytes" if unfinished.write_text("half") else b"")
    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]
