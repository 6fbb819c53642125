"""Compare the IoUs that a detector predicts with the true ones, over its validation set.

python tools/analysis/iou_correlation.py CONFIG CHECKPOINT [--out iou.png]

Every head that gives its detections ``iou_scores`` can be examined. The true IoU of a detection is
the one with the best ground truth of its picture, whatever the class: the branch rates positions.
Detections below ``--min-iou`` are left out: they mark no object's position, and positives, on which
alone the branch is trained, never look like them.
"""

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmeiou.cli import add_run_arguments, load_config, one_line_errors

if TYPE_CHECKING:
    from mmeiou.evaluation.iou_calibration import Correlation

Values = NDArray[np.floating[Any]]
SIDE = 5.5  # inches of the picture


def correlations(predicted: Values, scores: Values, true: Values) -> "list[Correlation]":
    """Of the predicted IoUs and of the scores, ``(n,)`` each, with the true IoUs.

    Raises:
        ValueError: There are fewer than 3 values, or one array is constant.
    """
    from mmeiou.evaluation.iou_calibration import correlate  # noqa: PLC0415 - after the device

    found = []
    for estimate in (predicted, scores):
        found.append(correlate(estimate, true))
        if np.isnan(found[-1]).any():
            raise ValueError(
                f"{len(true)} detections with {np.unique(estimate).size} different estimates and "
                f"{np.unique(true).size} true IoUs tell nothing of a correlation; train "
                "longer, or lower --min-iou or the score_thr of the config"
            )
    return found


def best_ious(bboxes: torch.Tensor, gt_bboxes: torch.Tensor) -> torch.Tensor:
    """``(n,)`` IoUs of ``(n, 4)`` boxes with the best of ``(m, 4)``; 0 if there is none."""
    from mmeiou.functional.boxes import box_iou  # noqa: PLC0415 - after the device is chosen

    if not len(gt_bboxes):
        return bboxes.new_zeros(len(bboxes))
    return box_iou(bboxes[:, None], gt_bboxes).amax(dim=1)


def ground_truths(dataset: Any) -> dict[str, torch.Tensor]:
    """``(m, 4)`` boxes of each picture by its path; difficult objects have positions too."""
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return {
        info["img_path"]: torch.tensor([item["bbox"] for item in info["instances"]]).reshape(-1, 4)
        for info in infos
    }


@torch.no_grad()
def examine(model: Any, dataloader: Any) -> tuple[Values, Values, Values]:
    """Predicted IoUs, scores and true IoUs of all detections.

    Raises:
        ValueError: No detection has a predicted IoU.
    """
    from tqdm import tqdm  # noqa: PLC0415

    boxes_of = ground_truths(dataloader.dataset)
    rows = []
    for data in tqdm(dataloader, leave=False):
        for sample in model.val_step(data):
            found = sample.pred_instances.cpu()
            if "iou_scores" in found:
                true = best_ious(found.bboxes, boxes_of[sample.img_path])
                rows.append(torch.stack([found.iou_scores, found.scores, true]))
    if not rows:
        raise ValueError(
            "the detections carry no iou_scores; the head needs an IoU branch "
            "(mmeiou.Shared2FCIoUBBoxHead or one of the IoU dense heads), and something to detect"
        )
    predicted, scores, true = torch.cat(rows, dim=1).double().numpy()
    return predicted, scores, true


def plot(figure: Any, predicted: Values, true: Values, title: str) -> None:
    """Draw every detection, and the mean true IoU of those with about the same prediction."""
    from mmeiou.evaluation.iou_calibration import reliability  # noqa: PLC0415 - after the device

    axes = figure.add_subplot(
        title=title, xlabel="predicted IoU", ylabel="true IoU", xlim=(0, 1), ylim=(0, 1)
    )
    axes.scatter(predicted, true, s=4, alpha=0.3, lw=0, color="tab:blue", label="detections")
    _, *means = reliability(predicted, true)
    axes.plot(*means, "o-", color="tab:orange", label="means of a tenth")
    axes.plot([0, 1], [0, 1], ":", color="tab:gray", label="perfect")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file or address")
    parser.add_argument("--min-iou", type=float, default=0.1, help="true IoU to take part")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="also draw a picture")
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the detector over the validation set, print and draw."""
    args = parse_args()
    with one_line_errors("iou_correlation"):
        cfg = load_config(args)
        from mmeiou.visualization.figures import figure  # noqa: PLC0415 - after the device

        # Around all of the work: a file that cannot be drawn is refused before it.
        with figure(args.out, SIDE, SIDE) if args.out else nullcontext() as drawn:
            _compare(args, cfg, drawn)


def _compare(args: argparse.Namespace, cfg: Any, figure: Any) -> None:
    from mmengine.runner import Runner  # noqa: PLC0415 - after the device is chosen

    runner = Runner.from_cfg(cfg)
    runner.load_checkpoint(args.checkpoint)
    runner.model.eval()
    try:
        predicted, scores, true = examine(runner.model, runner.val_dataloader)
        near = true >= args.min_iou
        predicted, scores, true = predicted[near], scores[near], true[near]
        of_iou, of_score = correlations(predicted, scores, true)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print(
        f"{len(true)} of {len(near)} detections have a true IoU of {args.min_iou} or more\n\n"
        "| correlation with the true IoU | Pearson | Spearman |\n|---|---:|---:|\n"
        f"| predicted IoU | {of_iou.pearson:.3f} | {of_iou.spearman:.3f} |\n"
        f"| score, fused | {of_score.pearson:.3f} | {of_score.spearman:.3f} |"
    )
    if figure:
        plot(figure, predicted, true, f"{Path(args.config).stem}: r = {of_iou.pearson:.2f}")


if __name__ == "__main__":
    main()
