"""Drawn detections of images that have the same name in different folders."""

import os
from pathlib import Path
from typing import Any

from mmdet.engine.hooks import DetVisualizationHook as MMDetDetVisualizationHook
from mmengine.runner import Runner

from mmeiou.registry import HOOKS


@HOOKS.register_module()
class DetVisualizationHook(MMDetDetVisualizationHook):
    """MMDetection's ``DetVisualizationHook`` that keeps the folders of the images.

    MMDetection names a drawn image by its file name alone, so that of two images of one name the
    second replaces the first. Here it goes where it lies below the folder that all images of the
    test set have in common.

    Args:
        **kwargs: Those of MMDetection's: ``draw``, ``test_out_dir`` and so on.
    """

    test_out_dir: str | None

    def before_test(self, runner: Runner) -> None:
        """Find the folder that all images have in common."""
        self._root = None if self.test_out_dir is None else Path(self.test_out_dir)
        if self.draw and self._root is not None:
            dataset = runner.test_dataloader.dataset
            paths = (dataset.get_data_info(index)["img_path"] for index in range(len(dataset)))
            self._common = os.path.commonpath({_folder(path) for path in paths})

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any, outputs: Any
    ) -> None:
        """Draw the detections of a batch."""
        for sample in outputs:
            if self.draw and self._root is not None:
                folder = os.path.relpath(_folder(sample.img_path), self._common)
                self.test_out_dir = str(self._root / folder)
            super().after_test_iter(runner, batch_idx, data_batch, [sample])


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - links stay
