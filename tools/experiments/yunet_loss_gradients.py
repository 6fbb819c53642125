"""The weight at which each box loss of yunet_losses.py pulls at YuNet's boxes as EIoU does.

    python tools/experiments/yunet_loss_gradients.py data/widerface_640 yunet_n.pth

How much a loss pulls: norm of the gradient of an image's box loss, a mean over SimOTA's positives,
with respect to their predicted boxes in pixels. The boxes are those that trained weights predict on
a crop of each training image; the median over the crops is taken.
"""

import argparse
from pathlib import Path
from statistics import median

from short_yunet import ShortRun, require_wider
from yunet_losses import BASE, RUNGS, config

from mmeiou.config import build_dataset, load_detector


def gradient_norms(data: Path, weights: Path, side: int, images: int) -> dict[str, list[float]]:
    """Of the loss of each rung, with the weight that it has there, on each crop with positives.

    Args:
        data: As shrink_widerface.py makes it.
        weights: Of YuNet_n.
        side: Of a crop, pixels.
        images: The first so many training images.
    """
    import torch  # noqa: PLC0415 - not for --help
    from mmdet.models.utils import unpack_gt_instances  # noqa: PLC0415
    from mmengine.dataset import pseudo_collate  # noqa: PLC0415
    from mmengine.registry import MODELS  # noqa: PLC0415

    from mmeiou.functional.seeds import seed_everything  # noqa: PLC0415
    from mmeiou.models.dense_heads.yunet_outputs import flatten_outputs  # noqa: PLC0415
    from mmeiou.models.dense_heads.yunet_targets import batch_targets  # noqa: PLC0415

    cfgs = {
        rung: config(ShortRun(rung, 0, side, 1, 0.0, "", ()), data, Path(), 0) for rung in RUNGS
    }
    dataset = build_dataset(cfgs[BASE], "train")
    model = load_detector(cfgs[BASE], weights)
    head = model.bbox_head
    losses = {rung: MODELS.build(cfg.model.bbox_head.loss_bbox) for rung, cfg in cfgs.items()}
    norms: dict[str, list[float]] = {rung: [] for rung in RUNGS}
    for index in range(min(images, len(dataset))):
        seed_everything(0, 0, index)
        batch = model.data_preprocessor(pseudo_collate([dataset[index]]), training=True)
        with torch.no_grad():
            flat = flatten_outputs(head.strides, *head(model.extract_feat(batch["inputs"])))
        gts, ignored, _ = unpack_gt_instances(batch["data_samples"])
        targets = batch_targets(
            head.assigner,
            flat,
            gts,
            ignored,
            num_classes=head.num_classes,
            num_keypoints=head.num_keypoints,
            ignore_iof_thr=head.ignore_iof_thr,
        )
        pred = flat.bboxes.flatten(0, 1)[targets.positive].requires_grad_()
        if not len(pred):
            continue
        for rung, loss in losses.items():
            value = loss(pred, targets.bboxes, avg_factor=len(pred))
            norms[rung].append(float(torch.autograd.grad(value, pred)[0].norm()))
    return norms


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="WIDERFACE", help="by shrink_widerface.py")
    parser.add_argument("weights", type=Path, help="of YuNet_n")
    parser.add_argument("--side", type=int, default=192, help="of a crop (192)")
    parser.add_argument("--images", type=int, default=484, help="of the training part (484)")
    args = parser.parse_args()
    require_wider(args.data, parser)
    if not args.weights.is_file():
        parser.error(f"{args.weights} not found")
    norms = gradient_norms(args.data, args.weights, args.side, args.images)
    base = median(norms[BASE])
    print(f"{len(norms[BASE])} crops of {args.side} pixels")
    print(f"{'rung':<14}{'norm':>10}{'of EIoU':>10}{'equal at':>10}")
    for rung, found in norms.items():
        share = median(found) / base
        weight = _weight(rung) / share
        print(f"{rung:<14}{median(found):>10.5f}{share:>10.3f}{weight:>10.2f}")


def _weight(rung: str) -> float:
    cfg = config(ShortRun(rung, 0, 32, 1, 0.0, "", ()), Path(), Path(), 0)
    return float(cfg.model.bbox_head.loss_bbox.loss_weight)


if __name__ == "__main__":
    main()
