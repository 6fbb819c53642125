"""Images per second of detection, from bytes on the host to boxes."""

from contextlib import nullcontext
from functools import partial

import torch
from mmcv.cnn import fuse_conv_bn

from gpu_sections.models import build, limit_candidates, pictures, samples
from gpu_sections.report import Report, Setting
from gpu_sections.timing import seconds_per_call, tf32


def measure(setting: Setting, report: Report) -> None:
    """By precision and batch: preprocessor, network, decoding, suppression."""
    side = setting.pick(640, 128)
    forms = {"float32": (False, None), "bfloat16, autocast": (True, torch.bfloat16)}
    if setting.cuda:
        forms |= {"TF32": (True, None), "float16, autocast": (True, torch.float16)}
    else:
        report.only_gpu("TF32, float16")
    report.note(f"pictures of {side} x {side} pixels")
    add = report.table("precision", "batch", "detections per image", "images / s")
    model = build(setting).eval()
    limit_candidates(setting, model, pictures(setting, 2, side).float())
    model = fuse_conv_bn(model.to(setting.device))
    for batch in setting.pick((1, 8), (1, 2)):
        data = {
            "inputs": list(pictures(setting, batch, side)),
            "data_samples": samples(batch, side, 1),
        }
        for name, (rounded, dtype) in forms.items():
            casting = torch.autocast(setting.device, dtype) if dtype else nullcontext()
            with report.trying(f"{name}, {batch}"), tf32(rounded), torch.no_grad(), casting:
                found = model.test_step(data)
                seconds = seconds_per_call(partial(model.test_step, data), setting, warm_up=3)
                number = sum(len(sample.pred_instances) for sample in found) / batch
                add(name, batch, number, batch / seconds)
