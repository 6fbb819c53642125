"""A config's text is formatted once."""

import subprocess
import sys

from mmeiou.compat.config_text import KEPT, remembering

SCRIPT = """
import mmeiou
from yapf.yapflib import yapf_api
from mmengine.config import Config
plain, calls = yapf_api.FormatCode.__wrapped__, []
cfg = Config({"model": {"type": "A", "layers": [1, 2]}, "lr": 0.1})
first = cfg.pretty_text
assert all(cfg.pretty_text == first for _ in range(3))
cfg.lr = 0.2
assert "0.2" in cfg.pretty_text and "0.1" in first
style = dict(
    based_on_style="pep8",
    blank_line_before_nested_class_or_def=True,
    split_before_expression_after_opening_paren=True,
)
assert cfg.pretty_text == plain(cfg.pretty_text, style_config=style)[0]
"""


def test_mmengines_text_is_what_it_was() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)


def test_calls_are_remembered_by_text_and_options() -> None:
    calls = []

    def shout(text: str, style: dict[str, int] | None = None) -> str:
        calls.append(text)
        return f"{text.upper()} {style}"

    remembered = remembering(shout)
    assert remembered("a") == remembered("a") == "A None"
    assert remembered("a", style={"x": 1}) == "A {'x': 1}"
    assert calls == ["a", "a"]
    for number in range(KEPT):  # the oldest are forgotten
        remembered(str(number))
    assert remembered("a") == "A None"
    assert calls.count("a") == 3
