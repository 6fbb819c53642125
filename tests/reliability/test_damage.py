"""No damaged checkpoint is loaded. More of them: `try_damaged_checkpoint`."""

import io
import zipfile
from pathlib import Path

from mmengine.runner import CheckpointLoader
from reliability.damage import KINDS, _trained, same, try_damaged_checkpoint

from mmeiou.compat.archive import CheckpointError
from mmeiou.compat.checkpoint import load_safely


def test_no_damaged_checkpoint_is_loaded(tmp_path: Path) -> None:
    outcomes = [try_damaged_checkpoint(seed, tmp_path) for seed in range(100)]
    assert [one.what for one in outcomes if not one.survived] == []
    assert sum("refused" in one.what for one in outcomes) > 70
    assert {one.what.split(":")[0] for one in outcomes} == set(KINDS)


def test_other_content_is_seen(tmp_path: Path) -> None:
    """What says that a content is untouched tells two checkpoints of one run apart."""
    loaded = []
    for content in (*_trained(), _trained()[1]):
        (tmp_path / "x.pth").write_bytes(content)
        loaded.append(CheckpointLoader.load_checkpoint(str(tmp_path / "x.pth"), "cpu"))
    first, second, again = loaded
    assert same(second, again)
    for key in ("state_dict", "optimizer", "message_hub", "meta"):
        assert not same(first[key], second[key])


def test_every_bit_of_an_entry_in_the_table_of_contents() -> None:
    """One of them makes torch take a part for a folder, and load what lies in memory."""
    whole = _trained()[1]
    expected = load_safely(io.BytesIO(whole))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        size = 46 + len(archive.namelist()[0])
        bits = range(8 * archive.start_dir, 8 * (archive.start_dir + size))
    refused = 0
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            loaded = load_safely(io.BytesIO(damaged))
        except CheckpointError:
            refused += 1
        else:
            assert same(loaded, expected), bit
    assert refused > len(bits) / 2
