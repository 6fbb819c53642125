"""Time the whole evaluation on real faces: the shipped form and a straightforward one.

python tools/benchmark/evaluation.py DATA_ROOT CHECKPOINT [--rounds 3]

Each form is what tools/test.py does with YuNet_n, in processes of its own that take turns,
because what a process does to its memory cannot be undone. "straightforward" is what one writes
with MMDetection's parts: its detector, data preprocessor, loading and packing, the prediction of
its YOLOX head (whose formulas are YuNet's; landmarks are left out), one image at a time, two
workers. "in PyTorch" is the shipped form without ONNX Runtime. All read the same label file, use
the same NMS kernel and the same metric. Shares are of the evaluation loop, which ends with the
metric; "start" is everything before and after it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from mmeiou.cli import add_cfg_options
from mmeiou.config import read_config

REPO = Path(__file__).resolve().parents[2]
CONFIG = "configs/yunet/yunet-n_2xb16-640e_widerface.py"
PARTS = ("loading", "to floats", "network", "detections", "metric", "rest")


class Result(NamedTuple):
    """One process."""

    seconds: dict[str, float]
    """Of each of ``PARTS``, and ``start``."""
    ap: dict[str, float]
    faces: dict[str, list[list[float]]]
    """Of each image rows x1 y1 x2 y2 score, best first."""


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE, or a part of it")
    parser.add_argument("checkpoint", type=Path, help="of YuNet_n")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of the network; PyTorch's choice if absent")
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    add_cfg_options(parser, "model.test_cfg.score_thr=0.3")
    parser.add_argument("--child", choices=list(FORMS), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the table here, as Markdown")
    return parser.parse_args()


def shipped(cfg: Any) -> None:
    """The config as it is."""


def in_pytorch(cfg: Any) -> None:
    """The config where ONNX Runtime is not installed."""
    cfg.default_hooks.fold_batch_norm.onnx_runtime = False


def straightforward(cfg: Any) -> None:
    """MMDetection's parts."""
    from mmeiou.registry import MODELS  # noqa: PLC0415

    for hook in ("reuse_memory", "fold_batch_norm"):
        cfg.default_hooks.pop(hook, None)
    cfg.model.type = "SingleStageDetector"
    cfg.model.data_preprocessor.type = "DetDataPreprocessor"
    MODELS.register_module(name="PlainYuNetHead", module=plain_head, force=True)
    cfg.model.bbox_head.type = "mmeiou.PlainYuNetHead"
    loader = cfg.test_dataloader
    loader.pop("batch_sampler", None)
    loader.update(batch_size=1, num_workers=2)
    for step in loader.dataset.pipeline:
        step.type = step.type.removeprefix("mmeiou.")


def plain_head(**options: Any) -> Any:
    """A YuNet head that predicts as MMDetection's YOLOX does."""
    from mmdet.models import YOLOXHead  # noqa: PLC0415
    from mmdet.models.task_modules import MlvlPointGenerator  # noqa: PLC0415

    from mmeiou.models import YuNetHead  # noqa: PLC0415

    class PlainYuNetHead(YuNetHead):
        """Without landmarks."""

        _bbox_decode = YOLOXHead._bbox_decode  # noqa: SLF001
        _bbox_post_process = YOLOXHead._bbox_post_process  # noqa: SLF001

        def predict_by_feat(self, *maps: Any, **options: Any) -> Any:
            """See MMDetection."""
            cls, bbox, obj, *_ = maps
            self.cls_out_channels = self.num_classes
            self.prior_generator = MlvlPointGenerator(self.strides, offset=0)
            options["rescale"] = False  # images are not resized
            return YOLOXHead.predict_by_feat(self, cls, bbox, obj, **options)

    return PlainYuNetHead(**options)


FORMS = {"straightforward": straightforward, "in PyTorch": in_pytorch, "shipped": shipped}


class Spent(defaultdict[str, float]):
    """Seconds by part; calls inside a timed call are not counted twice."""

    def __init__(self) -> None:
        super().__init__(float)
        self.inner = [0.0]

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Time a method of an object."""
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.inner.append(0.0)
            start = time.perf_counter()
            result = method(*args, **kwargs)
            seconds = time.perf_counter() - start
            self[part] += seconds - self.inner.pop()
            self.inner[-1] += seconds
            return result

        setattr(owner, name, timed)


def run(args: argparse.Namespace) -> Result:
    """Evaluate in this process."""
    import mmeiou.models  # noqa: F401, PLC0415 # isort: skip - before MMDetection
    import torch  # noqa: PLC0415
    from mmengine.hooks import Hook  # noqa: PLC0415
    from mmengine.registry import init_default_scope  # noqa: PLC0415
    from mmengine.runner import Runner  # noqa: PLC0415

    if args.threads:
        torch.set_num_threads(args.threads)
    cfg = read_config(REPO / CONFIG, args.cfg_options)
    init_default_scope("mmdet")
    cfg.test_dataloader.dataset.data_root = str(args.data_root)
    cfg.test_evaluator.gt_dir = str(args.data_root / "labelv2/val/gt")
    cfg.load_from = str(args.checkpoint)
    cfg.log_level = "ERROR"
    FORMS[args.child](cfg)
    spent, faces = Spent(), {}

    class Watch(Hook):
        """Times the parts of the model in place, and keeps what it finds."""

        priority = "LOWEST"

        def before_test_epoch(self, runner: Runner) -> None:
            model = runner.model
            spent.watch(model.data_preprocessor, "forward", "to floats")
            spent.watch(model, "extract_feat", "network")
            spent.watch(model.bbox_head, "forward", "network")
            spent.watch(model.bbox_head, "predict_by_feat", "detections")
            spent.watch(runner.test_loop.evaluator, "process", "metric")
            spent.watch(runner.test_loop.evaluator, "evaluate", "metric")
            self.end = time.perf_counter()

        def before_test_iter(self, *_: Any, **__: Any) -> None:
            spent["loading"] += time.perf_counter() - self.end

        def after_test_iter(self, *_: Any, outputs: Any, **__: Any) -> None:
            for sample in outputs:
                found = sample.pred_instances
                rows = torch.cat([found.bboxes, found.scores[:, None]], dim=1)
                faces[Path(sample.img_path).name] = rows.tolist()
            self.end = time.perf_counter()

    with TemporaryDirectory() as folder:
        cfg.work_dir = folder
        runner = Runner.from_cfg(cfg)
        runner.register_hook(Watch())
        loop = runner.build_test_loop(runner._test_loop)  # noqa: SLF001
        runner._test_loop = loop  # noqa: SLF001
        spent.watch(loop, "run", "rest")
        ap = runner.test()
    spent["rest"] -= spent["loading"]
    return Result(dict(spent), ap, faces)


def in_process(form: str) -> Result:
    """Evaluate in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--child", form]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{form} failed:\n{done.stderr[-3000:]}")
    result = Result(*json.loads(done.stdout.splitlines()[-1]))
    result.seconds["start"] = seconds - sum(result.seconds.values())
    return result


def differences(one: Result, other: Result) -> tuple[float, float]:
    """Largest difference of a coordinate in pixels and of a score.

    Faces are paired by place: two of nearly the same score may come in either order.

    Raises:
        SystemExit: If images, or numbers of faces in one, differ.
    """
    if one.faces.keys() != other.faces.keys():
        raise SystemExit("the forms saw different images")
    pixels = scores = 0.0
    for name, rows in one.faces.items():
        mine, theirs = (np.reshape(faces, (-1, 5)) for faces in (rows, other.faces[name]))
        if len(mine) != len(theirs):
            raise SystemExit(f"{name}: {len(mine)} faces and {len(theirs)}")
        if not len(mine):
            continue
        gaps = np.abs(mine[:, None, :4] - theirs[:, :4]).max(axis=2)
        nearest = gaps.argmin(axis=1)
        if len(set(nearest.tolist())) < len(mine):
            raise SystemExit(f"{name}: the faces are not the same")
        pixels = max(pixels, gaps.min(axis=1).max())
        scores = max(scores, np.abs(mine[:, 4] - theirs[nearest, 4]).max())
    return float(pixels), float(scores)


def table(results: dict[str, list[Result]]) -> list[str]:
    """Medians of all rounds, ratios over the first form."""

    def median(form: str, *parts: str) -> float:
        return statistics.median(sum(r.seconds[part] for part in parts) for r in results[form])

    first = next(iter(results))
    lines = ["| seconds | " + " | ".join(results) + " |", "|---|" + "---:|" * len(results)]
    for part in ("start", *PARTS):
        cells = (f"{median(form, part):.2f}" for form in results)
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    for title, parts in (("evaluation", PARTS), ("whole process", ("start", *PARTS))):
        cells = (
            f"{median(form, *parts):.2f} ({median(first, *parts) / median(form, *parts):.2f} x)"
            for form in results
        )
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    cells = (f"{median(f, 'detections') / median(f, *PARTS):.1%}" for f in results)
    lines.append("| share of detections | " + " | ".join(cells) + " |")
    for name in results[first][0].ap:
        cells = (f"{runs[0].ap[name]:.4f}" for runs in results.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for form, runs in results.items():
        if form != first:
            pixels, scores = differences(results[first][0], runs[0])
            number = sum(map(len, runs[0].faces.values()))
            found = f"the same {number} faces in {len(runs[0].faces)} images"
            lines += ["", f"{form}: {found}, boxes to {pixels:.1e} px, scores to {scores:.1e}"]
    return lines


def main() -> None:
    """Take turns, print the table."""
    args = parse_args()
    if args.child:
        print(json.dumps(run(args)))
        return
    results: dict[str, list[Result]] = {form: [] for form in args.forms}
    turns = [(form, turn) for turn in range(args.rounds) for form in args.forms]
    for form, _ in tqdm(turns, desc="processes"):
        results[form].append(in_process(form))
    lines = table(results)
    print(*lines, sep="\n")
    if args.out:
        args.out.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
