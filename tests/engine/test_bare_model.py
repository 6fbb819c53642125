"""The model in a wrapper."""

from torch import nn

from mmeiou.engine.bare_model import bare_model


def test_a_wrapper_is_taken_off_and_a_model_stays() -> None:
    model = nn.Linear(1, 1)
    assert bare_model(nn.DataParallel(model)) is model
    assert bare_model(model) is model
    nested = nn.Sequential()
    nested.module = model  # a part of that name makes no wrapper, as in a TTA model
    assert bare_model(nested) is nested
