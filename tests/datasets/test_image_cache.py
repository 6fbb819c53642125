import os
import shutil
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from mmcv import imwrite

from mmeiou.datasets.image_cache import ImageCache
from mmeiou.datasets.transforms import LoadImageFromFile
from mmeiou.labels import ImageError

HEADER = 36
NUM_BYTES = 6 * 5 * 3
ENTRY = HEADER + NUM_BYTES
PIXELS = np.arange(NUM_BYTES, dtype=np.uint8).reshape(6, 5, 3)


class Decoder:
    """Counts how often it is asked."""

    def __init__(self, pixels=PIXELS):
        self.pixels, self.calls = pixels, 0

    def __call__(self):
        self.calls += 1
        return self.pixels.copy()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"first")
    return path


def entries(cache):
    return sorted(cache.folder.glob("*.pixels"))


def test_decoded_once(tmp_path, source):
    cache, decode = ImageCache(tmp_path / "cache", 10**6), Decoder()
    for _ in range(3):
        image = cache.fetch(source, decode)
        np.testing.assert_array_equal(image, PIXELS)
        image[:] = 7  # stays with this array
    assert decode.calls == 1
    assert [entry.stat().st_size for entry in entries(cache)] == [ENTRY]
    # another process, another spelling of the path
    (tmp_path / "x").mkdir()
    spelled = source.parent / "x" / ".." / source.name
    ImageCache(tmp_path / "cache", 10**6).fetch(spelled, decode)
    assert decode.calls == 1
    ImageCache(tmp_path / "cache", 10**6, variant="grey").fetch(source, decode)
    assert decode.calls == 2


def test_grey_images_and_other_types(tmp_path, source):
    cache, grey = ImageCache(tmp_path / "cache", 10**6), Decoder(PIXELS[..., 0])
    for _ in range(2):
        np.testing.assert_array_equal(cache.fetch(source, grey), PIXELS[..., 0])
    assert grey.calls == 1
    deep = Decoder(PIXELS.astype(np.uint16))
    cache = ImageCache(tmp_path / "deep", 10**6)
    for _ in range(2):
        assert cache.fetch(source, deep).dtype == np.uint16
    assert deep.calls == 2


def test_a_changed_source_is_decoded_again(tmp_path, source):
    cache = ImageCache(tmp_path / "cache", ENTRY)
    cache.fetch(source, Decoder())
    other = Decoder(PIXELS[::-1])
    source.write_bytes(b"other length")
    np.testing.assert_array_equal(cache.fetch(source, other), PIXELS[::-1])
    # replaced in a cache that has room for one
    assert len(entries(cache)) == 1
    cache.fetch(source, other)
    assert other.calls == 1
    os.utime(source, ns=(1, 1))
    cache.fetch(source, other)
    assert other.calls == 2


def test_a_source_that_changes_while_it_is_decoded(tmp_path, source):
    cache = ImageCache(tmp_path / "cache", 10**6)

    def decode():
        source.write_bytes(b"changed in between")
        return PIXELS.copy()

    cache.fetch(source, decode)
    again = Decoder()
    cache.fetch(source, again)
    assert again.calls == 1


@pytest.mark.parametrize("damage", ["empty", "short header", "short", "long", "other file"])
def test_damaged_entries_are_replaced(tmp_path, source, damage):
    cache = ImageCache(tmp_path / "cache", 10**6)
    cache.fetch(source, Decoder())
    (entry,) = entries(cache)
    whole = entry.read_bytes()
    entry.write_bytes(
        {
            "empty": b"",
            "short header": whole[: HEADER - 1],
            "short": whole[:-1],
            "long": whole + b"x",
            "other file": b"x" * len(whole),
        }[damage]
    )
    decode = Decoder()
    for _ in range(2):
        np.testing.assert_array_equal(cache.fetch(source, decode), PIXELS)
    assert decode.calls == 1
    assert entry.read_bytes() == whole


def test_full_caches_keep_what_they_have(tmp_path):
    sources = [tmp_path / f"{i}.jpg" for i in range(4)]
    for path in sources:
        path.write_bytes(b"")
    cache = ImageCache(tmp_path / "cache", 2 * ENTRY + 1)
    decoders = [Decoder() for _ in sources]
    for _ in range(3):
        for path, decode in zip(sources, decoders, strict=True):
            np.testing.assert_array_equal(cache.fetch(path, decode), PIXELS)
    assert [decode.calls for decode in decoders] == [1, 1, 3, 3]
    # the count that got lost is found again
    (cache.folder / "total").unlink()
    cache.fetch(sources[3], decoders[3])
    assert len(entries(cache)) == 2
    # the folder too
    shutil.rmtree(cache.folder)
    cache.fetch(sources[3], decoders[3])
    assert len(entries(cache)) == 1


def fill(folder, sources, limit):
    cache = ImageCache(folder, limit)
    for path in sources:
        number = int(path.stem)
        image = cache.fetch(path, lambda n=number: np.full((6, 5, 3), n, np.uint8))
        assert (image == number).all()


def test_processes_share_the_limit(tmp_path):
    sources = [tmp_path / f"{i}.jpg" for i in range(60)]
    for path in sources:
        path.write_bytes(b"")
    folder, limit = tmp_path / "cache", 40 * ENTRY
    with ProcessPoolExecutor(3) as pool:
        orders = [sources, sources[::-1], sources[30:] + sources[:30]]
        for job in [pool.submit(fill, folder, order, limit) for order in orders]:
            job.result()
    kept = list(folder.glob("*.pixels"))
    assert len(kept) == 40
    assert all(entry.stat().st_size == ENTRY for entry in kept)
    assert {path.name for path in folder.iterdir()} == {"total", *(path.name for path in kept)}
    assert int((folder / "total").read_text()) == limit


def test_a_disk_without_room_is_no_end_of_training(tmp_path, source, monkeypatch):
    cache, decode = ImageCache(tmp_path / "cache", 10**6), Decoder()

    def no_room(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmeiou.datasets.image_cache.replacing", no_room)
    with pytest.warns(UserWarning, match="keeps no more images.*No space left"):
        cache.fetch(source, decode)
    cache.fetch(source, decode)  # a second warning would be an error here
    assert decode.calls == 2


@pytest.mark.parametrize("plant", ["symlink", "hard link", "link to nothing", "pipe"])
def test_what_is_planted_in_the_folder_is_left_alone(tmp_path, source, plant):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious" * 8)
    cache, decode = ImageCache(tmp_path / "cache", 10**6), Decoder()
    total = cache.folder / "total"
    if plant == "symlink":
        total.symlink_to(victim)
    elif plant == "hard link":
        total.hardlink_to(victim)
    elif plant == "link to nothing":
        total.symlink_to(tmp_path / "made")
    else:
        os.mkfifo(total)
    with pytest.warns(UserWarning, match="keeps no more images"):
        np.testing.assert_array_equal(cache.fetch(source, decode), PIXELS)
    assert victim.read_bytes() == b"precious" * 8
    assert not (tmp_path / "made").exists()


def test_an_entry_that_is_a_link_is_replaced_and_not_followed(tmp_path, source):
    cache = ImageCache(tmp_path / "cache", 10**6)
    cache.fetch(source, Decoder())
    (entry,) = entries(cache)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    entry.unlink()
    entry.symlink_to(victim)
    np.testing.assert_array_equal(cache.fetch(source, Decoder()), PIXELS)
    assert victim.read_bytes() == b"precious"
    assert not entry.is_symlink()


def test_bad_options(tmp_path):
    with pytest.raises(ValueError, match="max_bytes=0: expected a positive"):
        ImageCache(tmp_path, 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        ImageCache(tmp_path / "file", 1)
    with pytest.raises(ValueError, match=r"cache=.*needs local files.*petrel"):
        LoadImageFromFile(backend_args={"backend": "petrel"}, cache={"folder": tmp_path})


def test_loading_through_the_cache(tmp_path):
    path = str(tmp_path / "image.png")
    imwrite(PIXELS, path)
    plain = LoadImageFromFile()({"img_path": path})
    load = LoadImageFromFile(cache={"folder": tmp_path / "cache", "max_bytes": 10**6})
    for _ in range(2):
        cached = load({"img_path": path})
        np.testing.assert_array_equal(cached.pop("img"), plain["img"])
        assert cached == {key: value for key, value in plain.items() if key != "img"}
    assert len(list((tmp_path / "cache").glob("*.pixels"))) == 1
    with pytest.raises(ImageError, match="the image is 5 x 6 pixels, its label says 9 x 6"):
        load({"img_path": path, "width": 9})
    os.truncate(path, 20)
    with pytest.raises(ImageError, match=r"image.png: "):
        load({"img_path": path})
    (tmp_path / "image.png").unlink()
    with pytest.raises(ImageError, match=r"image.png: cannot be read"):
        load({"img_path": path})
