import pytest
import torch

import mmeiou  # noqa: F401  makes mmcv.ops importable, which the tests import before mmeiou's modules


@pytest.fixture(autouse=True, scope="package")
def _one_thread():
    """Keep torch from sharing tiny operations among threads: slow on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
