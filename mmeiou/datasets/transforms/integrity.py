"""Whether the bytes of a JPEG file are all there.

OpenCV before 4.11 decodes the beginning of a truncated JPEG and fills the rest with grey, without
an error. (It refuses other truncated formats.)
"""

import re

_START = b"\xff\xd8"
_END = 0xD9
# In entropy-coded data 0xFF is followed by 0 (a literal 0xFF), a restart marker or padding;
# anything else is the next marker.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def is_truncated_jpeg(data: bytes) -> bool:
    """Whether a file is a JPEG whose segments do not reach an end-of-image marker.

    The segments are walked by their lengths: the thumbnail that a header may hold has an
    end-of-image marker of its own.
    """
    if not data.startswith(_START):
        return False
    position = len(_START)
    while marker := _MARKER.search(data, position):
        if data[marker.start() + 1] == _END:
            return False
        length = data[marker.end() : marker.end() + 2]
        position = marker.end() + int.from_bytes(length, "big")
    return True
