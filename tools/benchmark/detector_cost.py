"""Time a detector against a baseline: training iterations and inference, paired in one process.

python tools/benchmark/detector_cost.py [BASELINE CONFIG] [--size 320 256] [--rounds 20]

Without configs: Faster R-CNN with the whole method against smooth-L1. Both see the same random
pictures. What makes the pair fair, for untrained weights too:

- The layers that both have share their weights, and the learning rate is 0: the optimizer's step is
  done and paid for, yet in every round both get the same proposals, from the same random numbers.
- Untrained class probabilities are all alike, and a configured threshold on them lets all boxes
  reach NMS or none. It is replaced by the one that lets ``--nms-boxes`` per image pass in the
  baseline; how many boxes and RoIs there really were is printed for both.

The two take turns, in an order that swaps every round. One thread on the CPU is timed in CPU time,
everything else in wall time. The ratio is the median over rounds, with a bootstrap interval.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from tqdm import tqdm

import mmeiou  # noqa: F401 - before MMDetection: brings its missing ops  # isort: skip
from mmcv.ops import batched_nms
from mmdet.structures import DetDataSample
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

from mmeiou.config import read_config

FASTER_RCNN = Path(__file__).resolve().parents[2] / "configs/faster_rcnn"
BASELINE = FASTER_RCNN / "faster-rcnn_r50_fpn_smooth-l1_8xb2-1x_voc07.py"
FULL_METHOD = FASTER_RCNN / "faster-rcnn_r50_fpn_eiou-sot-iou_8xb2-1x_voc07.py"
OBJECTS = 8  # per picture
Step = Callable[[], Any]


class Ratio(NamedTuple):
    """A median of ratios and the bounds of its 95 % interval."""

    median: float
    low: float
    high: float


def ratio_of(baseline: list[float], other: list[float], resamples: int = 2000) -> Ratio:
    """Median of the ratios of paired times, with its percentile bootstrap interval."""
    ratios = np.array(other) / np.array(baseline)
    draws = np.random.default_rng(0).choice(ratios, (resamples, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def without_pretrained(cfg: Any) -> Any:
    """A model config without the weights that it would download."""
    if isinstance(cfg, dict):
        kept = {key: without_pretrained(value) for key, value in cfg.items()}
        if isinstance(kept.get("init_cfg"), dict) and kept["init_cfg"]["type"] == "Pretrained":
            kept["init_cfg"] = None
        return type(cfg)(kept)
    return [without_pretrained(item) for item in cfg] if isinstance(cfg, list) else cfg


def build(config: Path, device: str) -> Any:
    """The untrained detector of a config."""
    try:
        cfg = read_config(config)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    init_default_scope(cfg.get("default_scope", "mmdet"))
    torch.manual_seed(0)
    model = MODELS.build(without_pretrained(cfg.model))
    model.init_weights()
    return model.to(device)


def random_batch(size: tuple[int, int], batch: int) -> dict[str, list[Any]]:
    """Seeded pictures of ``size`` (width, height) with objects of class 0."""
    width, height = size
    generator = torch.Generator().manual_seed(0)
    data: dict[str, list[Any]] = {"inputs": [], "data_samples": []}
    for _ in range(batch):
        picture = torch.randint(256, (3, height, width), dtype=torch.uint8, generator=generator)
        corners = torch.rand(OBJECTS, 2, 2, generator=generator).sort(dim=1).values
        bboxes = corners.flatten(1) * torch.tensor([width, height, width, height])
        sample = DetDataSample(
            gt_instances=InstanceData(bboxes=bboxes, labels=torch.zeros(OBJECTS, dtype=torch.long))
        )
        shape = (height, width)
        sample.set_metainfo({"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)})
        data["inputs"].append(picture)
        data["data_samples"].append(sample)
    return data


def training(model: Any, data: dict[str, list[Any]]) -> Step:
    """An iteration: forward, backward and a step of SGD that changes nothing."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = OptimWrapper(torch.optim.SGD(weights, lr=0.0, momentum=0.9, weight_decay=1e-4))

    def step() -> None:
        torch.manual_seed(0)  # the samplers
        model.train().train_step(data, optimizer)

    return step


def inference(model: Any, data: dict[str, list[Any]]) -> Step:
    """Detections of the batch."""

    @torch.no_grad()
    def step() -> None:
        model.eval().test_step(data)

    return step


@contextmanager
def watch_nms() -> Iterator[list[torch.Tensor]]:
    """Gives a list that fills with the scores of the boxes that each call of NMS gets."""
    calls: list[torch.Tensor] = []

    def watched(boxes: torch.Tensor, scores: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        calls.append(scores)
        return batched_nms(boxes, scores, *args, **kwargs)

    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith(("mmdet.", "mmeiou.")) and "batched_nms" in vars(module):
                stack.enter_context(mock.patch.object(module, "batched_nms", watched))
        yield calls


def last_head(model: Any) -> Any:
    """The head whose ``test_cfg`` decides what reaches the last NMS."""
    return model.roi_head if hasattr(model, "roi_head") else model.bbox_head


def equalize_nms(models: list[Any], data: dict[str, list[Any]], boxes: int) -> None:
    """Give all models the threshold that lets ``boxes`` per image reach the first one's NMS."""
    last_head(models[0]).test_cfg.score_thr = 0.0
    with watch_nms() as calls:
        inference(models[0], data)()
    batch = len(data["inputs"])
    scores = torch.cat(calls[-batch:]).sort(descending=True).values
    for model in models:
        last_head(model).test_cfg.score_thr = scores[min(boxes * batch, len(scores) - 1)].item()


def load_of(model: Any, step: Step) -> str:
    """How much there was to do in a step: boxes of each call of NMS, RoIs of each box head."""
    rois: list[int] = []
    heads = [m for name, m in model.named_modules() if "bbox_head" in name and hasattr(m, "fc_reg")]
    hooks = [h.register_forward_hook(lambda _, x, __: rois.append(len(x[0]))) for h in heads]
    with watch_nms() as calls:
        step()
    for hook in hooks:
        hook.remove()
    text = "NMS of " + " + ".join(str(len(scores)) for scores in calls) if calls else "no NMS"
    return text + (f", {' + '.join(map(str, rois))} RoIs" if rois else "")


def paired_times(steps: list[Step], rounds: int, clock: Callable[[], float]) -> list[list[float]]:
    """Seconds of each step in each round; a round before is not counted."""
    times: list[list[float]] = [[] for _ in steps]
    for round_ in tqdm(range(-1, rounds), leave=False):
        for index in range(len(steps))[:: 1 if round_ % 2 else -1]:
            start = clock()
            steps[index]()
            if round_ >= 0:
                times[index].append(clock() - start)
    return times


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("baseline", type=Path, nargs="?", default=BASELINE)
    parser.add_argument("config", type=Path, nargs="?", default=FULL_METHOD)
    parser.add_argument("--size", type=int, nargs=2, default=[320, 256], metavar=("W", "H"))
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--nms-boxes", type=int, default=300, help="per image, at inference")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def main() -> None:
    """Build both, check their loads, time and print."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    MMLogger.get_current_instance().setLevel("ERROR")

    def wall() -> float:
        if args.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    cpu_time = args.device == "cpu" and args.threads == 1
    models = [build(config, args.device) for config in (args.baseline, args.config)]
    models[1].load_state_dict(models[0].state_dict(), strict=False)
    data = random_batch(args.size, args.batch)
    equalize_nms(models, data, args.nms_boxes)

    print(
        f"{args.config.stem} against {args.baseline.stem}\n\n{args.batch} pictures of "
        f"{args.size[0]} x {args.size[1]}, {args.device}, {args.threads} thread(s), "
        f"torch {torch.__version__}, {args.rounds} rounds, {'CPU' if cpu_time else 'wall'} time\n\n"
        "| | baseline, s | config, s | ratio | 95 % interval | baseline's load | config's load |\n"
        "|---|---:|---:|---:|---:|---|---|"
    )
    for name, make in (("training iteration", training), ("inference", inference)):
        steps = [make(model, data) for model in models]
        loads = [load_of(model, step) for model, step in zip(models, steps, strict=True)]
        times = paired_times(steps, args.rounds, time.process_time if cpu_time else wall)
        ratio = ratio_of(times[0], times[1])
        seconds = " | ".join(f"{statistics.median(values):.3f}" for values in times)
        print(
            f"| {name} | {seconds} | {ratio.median:.4f} | {ratio.low:.4f} to {ratio.high:.4f} | "
            + " | ".join(loads)
            + " |"
        )


if __name__ == "__main__":
    main()
