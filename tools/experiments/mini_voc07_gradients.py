"""What weight makes each box loss pull as hard as smooth-L1? Of a one-stage detector, once trained.

    python tools/experiments/mini_voc07.py --detector retinanet --rungs smooth-l1 --keep-weights
    python tools/experiments/mini_voc07_gradients.py work_dirs/mini_voc07/retinanet_*/weights.pth

Gradients at the deltas, summed absolutely, of the loss at the boxes that the trained detector
predicts on images of trainval. Appends a line for each rung to OUT/gradients.csv. For two-stage
detectors mini_voc07_heads.py does the same.
"""

import argparse
from pathlib import Path

from mini_voc07 import CANVAS, ROOT, Cell, check_files, datasets, rungs_of
from run_cells import append_row

IMAGES, BATCHES = 64, 8
BASELINE = "smooth-l1"


def main() -> None:
    """Measure, print, append."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path, help="weights.pth of the smooth-L1 rung")
    parser.add_argument("--detector", choices=["retinanet"], default="retinanet")
    parser.add_argument("--holdout", type=int, default=0, help="as of mini_voc07.py")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=ROOT / "work_dirs" / "mini_voc07")
    args = parser.parse_args()
    if not args.weights.exists():
        raise SystemExit(f"{args.weights} not found: mini_voc07.py --keep-weights writes it")
    check_files()
    import torch  # noqa: PLC0415
    from batched_one_stage import BatchedOneStage  # noqa: PLC0415
    from mmengine.logging import MMLogger  # noqa: PLC0415
    from resident_data import batch, normalized  # noqa: PLC0415

    from mmeiou.registry import MODELS  # noqa: PLC0415

    MMLogger.get_current_instance().setLevel("WARNING")
    cells = {
        rung: Cell(rung, 0, None, args.holdout, None, (), args.detector)
        for rung in rungs_of(args.detector)
    }
    detectors = {
        rung: BatchedOneStage(MODELS.build(cell.config().model), CANVAS).to(args.device)
        for rung, cell in cells.items()
    }
    trained = detectors[BASELINE].eval()
    state = torch.load(args.weights, map_location="cpu", weights_only=True)
    trained.model.load_state_dict(state)
    learned, _ = datasets(cells[BASELINE], cells[BASELINE].config(), args.out)
    learned = learned.part(0, min(len(learned), IMAGES * BATCHES)).to(args.device)
    pulls = dict.fromkeys(cells, 0.0)
    for start in range(0, len(learned), IMAGES):
        index = torch.arange(start, min(start + IMAGES, len(learned)), device=args.device)
        images, shapes, objects = batch(learned, index)
        inputs = normalized(images, shapes, trained.model.data_preprocessor)
        with torch.no_grad():
            logits, deltas = trained.maps(inputs)
        for rung, detector in detectors.items():
            at = deltas.clone().requires_grad_()
            ious = [at[..., :1].detach()] * hasattr(detector.model.bbox_head, "conv_iou")
            loss = detector.loss_of(logits, at, *ious, objects=objects)["loss_bbox"]
            pulls[rung] += float(torch.autograd.grad(loss, at)[0].abs().sum())
    for rung, cell in cells.items():
        now = cell.box_loss(cell.config()).get("loss_weight", 1.0)
        weight = round(now * pulls[BASELINE] / pulls[rung], 2)
        name = args.weights.parent.name
        append_row(
            {"trunk": name, "seed": 0, "rung": rung, "weight": weight}, args.out / "gradients.csv"
        )
        print(f"{rung}: {weight}", flush=True)


if __name__ == "__main__":
    main()
