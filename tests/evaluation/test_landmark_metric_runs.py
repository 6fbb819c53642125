"""The landmark metric in MMEngine's runner, beside another one, on both datasets."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_faces import write_tiny_faces

from mmeiou.labels import Source, read_labels
from mmeiou.labels.formats import coco

CONFIG = "configs/yunet/yunet-n_1xb16-quickstart_sample-faces.py"


def to_coco(root, part, folder):
    """The labels of a part, as CocoKeypointDataset reads them."""
    labels = read_labels(Source(root / f"labelv2/{part}/labelv2.txt", folder))
    coco.write(labels, root / f"{part}.json")


def loader(root, kind, part, folder):
    """Changes to a dataloader: the dataset of this kind."""
    dataset = {"data_root": f"{root}/", "data_prefix": {"img": f"{folder}/"}}
    if kind == "wider":
        dataset["ann_file"] = f"labelv2/{part}/labelv2.txt"
    else:
        to_coco(root, part, folder)
        dataset |= {"type": "mmeiou.CocoKeypointDataset", "ann_file": f"{part}.json"}
    return {"num_workers": 0, "persistent_workers": False, "dataset": dataset}


@pytest.fixture
def config(repo, tmp_path):
    cfg = Config.fromfile(repo / CONFIG)
    cfg.work_dir = str(tmp_path / "run")
    cfg.val_evaluator = [cfg.val_evaluator, {"type": "mmeiou.LandmarkMetric"}]
    cfg.test_evaluator = cfg.val_evaluator
    return cfg


@pytest.mark.parametrize("kind", ["wider", "coco"])
def test_validation_in_training(config, tmp_path, kind):
    root = write_tiny_faces(tmp_path / "faces")
    parts = {part: root / f"WIDER_{part}/images" for part in ("train", "val")}
    changes = {f"{part}_dataloader": loader(root, kind, part, parts[part]) for part in parts}
    config.merge_from_dict(changes)
    config.merge_from_dict({"train_cfg.max_epochs": 1, "train_cfg.val_interval": 1})
    config.merge_from_dict({"train_dataloader.batch_size": 4, "model.test_cfg.score_thr": 0.0})
    config.val_evaluator[1].score_thr = 0.0  # what an untrained head is sure of
    runner = Runner.from_cfg(config)
    runner.train()
    found = runner.message_hub.log_scalars
    assert "val/WIDERFace/AP" in found
    assert 0 <= found["val/landmarks/found"].current() <= 1
    assert "val/landmarks/NME_left_mouth_corner" in found
    assert "val/landmarks/OKS_AP" in found


@pytest.mark.parametrize("kind", ["wider", "coco"])
def test_the_landmarks_that_the_released_weights_labelled(config, shared_data, tmp_path, kind):
    """The set's pseudo-labels: as that model sees them, at the size at which it did, or nearly."""
    images = shared_data / "widerface/WIDER_train/images"
    (tmp_path / "labelv2").mkdir()
    (tmp_path / "labelv2/train").symlink_to(shared_data / "widerface/labelv2/train")
    config.merge_from_dict({"test_dataloader": loader(tmp_path, kind, "train", images)})
    config.test_dataloader.dataset.indices = 12
    config.load_from = str(shared_data / "weights/yunet_n.pth")
    found = Runner.from_cfg(config).test()
    assert found["landmarks/found"] > 0.9
    assert found["landmarks/NME_box"] < 0.002
    assert found["landmarks/NME_eyes"] < 0.005
    assert found["landmarks/OKS_AP"] > 0.9
    assert np.isfinite(list(found.values())).all()
