"""The page's formulas, in Node.js, against those of the package that they are copies of."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmeiou.apis.candidates import select_faces
from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.apis.views import make_views
from mmeiou.deploy.browser.site import PAGE
from mmeiou.functional.priors import grid_priors


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's scripts, where Node.js takes them for modules."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "package.json").write_text('{"type": "module"}')
    for script in PAGE.glob("*.js"):
        shutil.copy(script, folder)
    return folder


def node(modules: Path, script: str, given: Any = None) -> Any:
    """What a script prints as JSON that knows ``given`` and the page's functions."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node to run the page's scripts with")
    (modules / "given.json").write_text(json.dumps(given))
    (modules / "test.js").write_text(
        'import { readFileSync } from "node:fs";\n'
        'import { asInput, shrink, viewSize } from "./pixels.js";\n'
        'import { propose, readStrides, suppress } from "./yunet.js";\n'
        'const given = JSON.parse(readFileSync("given.json"));\n'
        f"console.log(JSON.stringify({script}));\n"
    )
    done = subprocess.run(
        [program, "test.js"], cwd=modules, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def random_outputs(width: int, height: int, classes: int, points: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    outputs = {}
    for stride in (8, 16, 32):
        priors = width * height // stride**2
        outputs[f"cls_{stride}"] = rng.random((1, priors, classes))
        outputs[f"obj_{stride}"] = rng.random((1, priors, 1))
        # Twice to seven times a stride long, so that neighbours overlap.
        outputs[f"bbox_{stride}"] = rng.normal((0, 0, 1.4, 1.4), 0.3, (1, priors, 4))
        if points:
            outputs[f"kps_{stride}"] = rng.normal(0, 1, (1, priors, 2 * points))
    outputs["bbox_32"][0, 0, 2] = 12  # beyond the largest box
    outputs["cls_32"][0, 0] = outputs["obj_32"][0, 0] = 1
    return {name: values.astype(np.float32) for name, values in outputs.items()}


@pytest.mark.parametrize(("classes", "points"), [(1, 5), (3, 5), (1, 0), (2, 4)])
def test_decodes_and_suppresses_as_the_package_does(
    modules: Path, classes: int, points: int
) -> None:
    width, height, scale, threshold = 160, 96, (0.5, 0.25), 0.3
    outputs = random_outputs(width, height, classes, points)
    branches = ("cls", "obj", "bbox", *(["kps"] if points else []))
    flat = {
        branch: torch.cat([torch.from_numpy(outputs[f"{branch}_{s}"][0]) for s in (8, 16, 32)])
        for branch in branches
    }
    priors = grid_priors([(height // s, width // s) for s in (8, 16, 32)], (8, 16, 32))
    candidates = OnnxBackend._decode(priors, flat, threshold).rescaled(scale)
    expected = select_faces([candidates], 0.45, None)
    assert 20 < len(expected) < len(candidates.scores)

    given = {
        name: {"data": values.ravel().tolist(), "dims": values.shape}
        for name, values in outputs.items()
    }
    faces = node(
        modules,
        f"""(() => {{
        for (const output of Object.values(given)) output.data = Float32Array.from(output.data);
        const strides = readStrides(Object.keys(given));
        const [size, scale] = [{{ width: {width}, height: {height} }}, {{ x: 0.5, y: 0.25 }}];
        return suppress(propose(given, strides, size, scale, {threshold}), 0.45);
        }})()""",
        given,
    )
    np.testing.assert_array_equal([face["label"] for face in faces], expected.labels)
    np.testing.assert_allclose([face["score"] for face in faces], expected.scores, rtol=1e-6)
    np.testing.assert_allclose(
        [face["box"] for face in faces], expected.boxes, rtol=1e-5, atol=1e-3
    )
    landmarks = np.array([face["landmarks"] for face in faces]).reshape(expected.landmarks.shape)
    np.testing.assert_allclose(landmarks, expected.landmarks, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("name", "place"), [("obj_8", 0), ("bbox_16", 1), ("kps_32", 3)])
def test_what_is_not_finite_is_an_error(modules: Path, name: str, place: int) -> None:
    outputs = random_outputs(64, 64, 1, 5)
    given = {
        name: {"data": values.ravel().tolist(), "dims": values.shape}
        for name, values in outputs.items()
    }
    said = node(
        modules,
        f"""(() => {{
        for (const output of Object.values(given)) output.data = Float32Array.from(output.data);
        given.{name}.data[{place}] = NaN;
        try {{
            return propose(given, [8, 16, 32], {{ width: 64, height: 64 }}, {{ x: 1, y: 1 }}, 0);
        }} catch (error) {{ return error.message; }}
        }})()""",
        given,
    )
    assert "not finite" in said


@pytest.mark.parametrize(
    "names", [["boxes", "scores"], ["cls_8", "obj_8"], ["cls_8", "obj_8", "bbox_8", "kps_16"]]
)
def test_other_outputs_are_refused(modules: Path, names: list[str]) -> None:
    script = "try { return readStrides(given); } catch (error) { return error.message; }"
    assert "without --with-nms" in node(modules, f"(() => {{ {script} }})()", names)


def test_strides_are_finest_first(modules: Path) -> None:
    names = [f"{branch}_{stride}" for stride in (64, 8, 16) for branch in ("cls", "obj", "bbox")]
    assert node(modules, "readStrides(given)", names) == [8, 16, 64]


@pytest.mark.parametrize(
    ("width", "height", "longest", "fixed"),
    [
        (512, 512, None, None),
        (1000, 501, 500, None),  # half a pixel
        (1280, 722, 640, (320, 640)),
        (97, 61, None, (64, 32)),
        (31, 4000, 100, None),
        (64, 48, None, (32, 32)),
    ],
)
def test_shows_the_network_what_the_package_does(
    modules: Path, width: int, height: int, longest: int | None, fixed: tuple[int, int] | None
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    (view,) = make_views(image, (1.0,), longest, fixed)
    rgba = cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)
    size = {"width": fixed[0], "height": fixed[1]} if fixed else None
    shrunk = node(
        modules,
        """(() => {
        const image = { ...given.image, data: Uint8ClampedArray.from(given.image.data) };
        const view = shrink(image, viewSize(image, given.longest ?? Infinity, given.fixed));
        return { ...view, data: [...view.data] };
        })()""",
        {
            "image": {"width": width, "height": height, "data": rgba.ravel().tolist()},
            "longest": longest,
            "fixed": size,
        },
    )
    pixels = np.array(shrunk["data"]).reshape(shrunk["height"], shrunk["width"], 4)
    assert pixels.shape[:2] == view.pixels.shape[:2]
    assert np.all(pixels[..., 3] == 255)
    # Halves are rounded up by one and to even by the other.
    np.testing.assert_allclose(pixels[..., 2::-1], view.pixels, atol=1)


def test_input_is_bgr_in_planes_with_zeros_around(modules: Path) -> None:
    image = np.random.default_rng(0).integers(1, 256, (3, 2, 3), np.uint8)
    rgba = cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)
    script = """[...asInput({ width: 2, height: 3, data: given }, { width: 4, height: 5 }, 2)]"""
    values = np.array(node(modules, script, rgba.ravel().tolist())).reshape(2, 3, 5, 4)
    np.testing.assert_array_equal(values[0, :, :3, :2], image.transpose(2, 0, 1))
    assert values.sum() == image.sum()
