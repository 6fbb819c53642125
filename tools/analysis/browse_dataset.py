"""Make a contact sheet of a config's samples as the detector gets them: augmented, with labels.

python tools/analysis/browse_dataset.py CONFIG --out FILE.jpg [--split train] [--number 16]

Boxes and landmarks are drawn by the project's visualizer for faces, boxes, masks and classes of
other data by MMDetection's; regions to ignore are hatched.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mmeiou  # noqa: F401  isort: skip - before MMDetection, which may need its op stand-ins
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import get_box_tensor
from mmengine.registry import VISUALIZERS
from mmengine.runner import set_random_seed
from mmengine.structures import InstanceData
from tqdm import tqdm

from mmeiou.apis.images import Image
from mmeiou.apis.media import write_image
from mmeiou.config import build_dataset, read_config
from mmeiou.visualization.sheet import contact_sheet, hatch, require_format

IGNORED = (255, 255, 255)


def original_labels(instances: Any, scale_factor: Any) -> tuple[InstanceData, InstanceData]:
    """Labels to count and to ignore, from those of a dataset, as the resized image shows them."""
    scale = torch.tensor(scale_factor, dtype=torch.float32)
    ignore = torch.tensor([bool(one.get("ignore_flag", 0)) for one in instances], dtype=torch.bool)
    boxes = torch.tensor([one["bbox"] for one in instances], dtype=torch.float32).reshape(-1, 4)
    labels = InstanceData(
        bboxes=boxes * scale.repeat(2),
        labels=torch.tensor([one["bbox_label"] for one in instances], dtype=torch.long),
    )
    if all("keypoints" in one for one in instances) and len(instances):
        points = torch.tensor([one["keypoints"] for one in instances], dtype=torch.float32)
        points[..., :2] *= scale
        labels.keypoints = points
    return labels[~ignore], labels[ignore]


class Browser:
    """Draws samples of a dataset.

    Args:
        dataset: Of MMDetection's kind, its pipeline ending in a packer.
        resized_only: The pipeline is one for testing: it does nothing but resize, and what labels
            it packs, if any, may fit the image before that.
    """

    def __init__(self, dataset: Any, *, resized_only: bool) -> None:
        self.dataset = dataset
        self.resized_only = resized_only
        self.visualizers = {
            faces: VISUALIZERS.build({"type": kind, "name": f"browse {kind}"})
            for faces, kind in ((True, "mmeiou.FaceVisualizer"), (False, "DetLocalVisualizer"))
        }
        for visualizer in self.visualizers.values():
            visualizer.dataset_meta = dataset.metainfo

    def draw(self, index: int) -> tuple[Image, str]:
        """A sample with its labels, and a caption."""
        packed = self.dataset[index]
        sample: DetDataSample = packed["data_samples"]
        truth, ignored = sample.gt_instances, sample.get("ignored_instances", InstanceData())
        if self.resized_only:
            instances = self.dataset.get_data_info(index)["instances"]
            truth, ignored = original_labels(instances, sample.get("scale_factor", (1.0, 1.0)))
        pixels = packed["inputs"].permute(1, 2, 0).numpy()
        image = np.ascontiguousarray(pixels.clip(0, 255).astype(np.uint8))
        hatch(image, _boxes(ignored), IGNORED)
        if len(boxes := _boxes(truth)):
            faces = tuple(self.dataset.metainfo.get("classes", ())) == ("face",)
            visualizer = self.visualizers[faces or "keypoints" in truth]
            truth.bboxes = torch.from_numpy(boxes)  # MMDetection's cannot draw its own box types
            labelled = DetDataSample(gt_instances=truth)
            visualizer.add_datasample("sample", image[..., ::-1], labelled, draw_pred=False)
            image = visualizer.get_image()[..., ::-1]
        caption = f"{len(boxes)} box{'es' * (len(boxes) != 1)}"
        if len(ignored):
            caption += f", {len(ignored)} ignored"
        return image, f"{caption}: {Path(sample.get('img_path', '')).name}"


def _boxes(instances: InstanceData) -> Any:
    if "bboxes" not in instances:
        return np.zeros((0, 4), np.float32)
    return get_box_tensor(instances.bboxes).numpy()


def main() -> None:
    """Build the dataset, draw, write."""
    args = _parse_args()
    try:
        require_format(args.out)
        dataset = build_dataset(read_config(args.config, args.cfg_options), args.split)
        set_random_seed(args.seed)
        some = np.random.default_rng(args.seed).permutation(len(dataset))[: args.number]
        browser = Browser(dataset, resized_only=args.split != "train")
        drawn = (browser.draw(int(index)) for index in tqdm(np.sort(some), unit="image"))
        write_image(args.out, contact_sheet(drawn, args.columns, args.side))
    except (OSError, ValueError) as error:
        raise SystemExit(f"browse_dataset: {error}") from error
    print(f"{len(some)} of {len(dataset)} images of the {args.split} dataset: {args.out}")


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, metavar="CONFIG")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--number", type=int, default=16, help="of images, drawn at random (16)")
    parser.add_argument("--columns", type=int, default=4, help="images in a row (4)")
    parser.add_argument("--side", type=int, default=400, help="of an image on the sheet (400 px)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice and the augmentation")
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    if min(args.number, args.columns, args.side) < 1:
        parser.error("--number, --columns and --side must be at least 1")
    return args


if __name__ == "__main__":
    main()
