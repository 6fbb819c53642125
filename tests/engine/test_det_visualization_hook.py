"""Drawn images keep their folders."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.visualization import Visualizer

from mmeiou.engine import DetVisualizationHook

PATHS = ("x/images/s1/0.jpg", "x/images/s2/0.jpg", "x/images/1.jpg")


@pytest.fixture
def samples(tmp_path):
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / path), np.zeros((8, 8, 3), np.uint8))
    return [SimpleNamespace(img_path=str(tmp_path / path)) for path in PATHS]


class Dataset(list):
    def get_data_info(self, index):
        return vars(self[index])


def run(samples, work_dir, **options):
    Visualizer.get_instance("det_visualization_hook")  # which the hook asks for
    hook = DetVisualizationHook(**options)
    drawn = []
    hook._visualizer = SimpleNamespace(
        add_datasample=lambda *_, out_file, **__: drawn.append(out_file)
    )
    runner = SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=Dataset(samples)),
        work_dir=str(work_dir),
        timestamp="now",
    )
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, {}, samples[:2])
    hook.after_test_iter(runner, 1, {}, samples[2:])
    return drawn


def test_images_of_one_name(samples, tmp_path):
    drawn = run(samples, tmp_path, draw=True, test_out_dir=str(tmp_path / "drawn"))
    assert [path.removeprefix(f"{tmp_path}/drawn/") for path in drawn] == [
        "s1/0.jpg",
        "s2/0.jpg",
        "1.jpg",
    ]


def test_one_folder_stays_flat(samples, tmp_path):
    drawn = run(samples[:1] * 3, tmp_path, draw=True, test_out_dir=str(tmp_path / "drawn"))
    assert set(drawn) == {f"{tmp_path}/drawn/0.jpg"}


def test_nothing_is_asked_of_a_dataset_where_nothing_is_drawn(tmp_path):
    assert run([SimpleNamespace()] * 3, tmp_path, draw=False) == []
