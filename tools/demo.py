"""Find faces in an image, a folder of images, a video or a camera; draw or blur them.

DIR gets a picture for each image, under its name, or an MP4 video (without sound); on demand also
faces.json, the faces turned upright for recognition in crops/ and, in the format of WIDER FACE's
evaluation, wider_txt/.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from mmeiou.apis import FaceDetector, Faces, ImageError
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.media import Video, video_writer, write_image
from mmeiou.cli import message_of
from mmeiou.labels import Detections
from mmeiou.labels.formats import faces_json, wider_txt
from mmeiou.labels.image_files import IMAGE_SUFFIXES, image_key, list_images
from mmeiou.visualization import draw_faces
from mmeiou.visualization.blur import blur_faces
from mmeiou.whole_files import replacing

_QUIT_KEYS = (27, ord("q"))  # Esc


class Demo:
    """Detects in picture after picture and keeps what was found.

    Attributes:
        failures: Number of images that could not be read.
        stopped: Whether Ctrl-C left images of a folder undone.
    """

    def __init__(
        self, detector: FaceDetector, out: Path, *, blur: bool, show: bool, crops: bool = False
    ) -> None:
        self.detector = detector
        self.out = out
        self.blur = blur
        self.show = show
        self.crops = crops
        self.failures, self.stopped = 0, False
        self.found: list[tuple[dict[str, Any], tuple[int, int], str, Faces]] = []

    def run_image(self, path: Path) -> None:
        """Process one image; its being unreadable is an error."""
        self._process(path, path.name)

    def run_folder(self, folder: Path) -> None:
        """Process the images of a folder until Ctrl-C; unreadable ones are said and counted."""
        for name in tqdm(list_images(folder, outside=self.out), unit="image"):
            try:
                quit_ = self._process(folder / name, name)
            except ImageError as error:
                tqdm.write(f"demo: skipped: {error}", file=sys.stderr)
                self.failures += 1
                continue
            except KeyboardInterrupt:
                tqdm.write(f"demo: stopped at {name}", file=sys.stderr)
                quit_ = self.stopped = True
            if quit_:
                break

    def run_video(self, video: Video, stem: str, max_frames: int | None) -> None:
        """Process the frames of a video, or of a camera until Ctrl-C."""
        path = _not(self.out / f"{stem}.mp4", video.name)
        frames = islice(tqdm(video, total=video.num_frames, unit="frame"), max_frames)
        # Ctrl-C is how a camera is stopped; of a file it leaves no video behind.
        stop = (KeyboardInterrupt,) if video.live else ()
        with video_writer(path, video.fps, video.size) as writer, suppress(*stop):
            for index, frame in enumerate(frames):
                name = f"{stem}/{index:06d}"
                drawn = self._detect(frame, {"frame": index}, name, Path(name))
                writer.write(drawn)
                if self._shown(drawn):
                    break

    def write_results(self, *, as_json: bool, as_text: bool) -> None:
        """Write what was found in all pictures; no box leaves its own."""
        found = [
            (where, key, faces.clipped(height, width))
            for where, (width, height), key, faces in self.found
        ]
        if as_json:
            with replacing(self.out / "faces.json") as unfinished:
                classes = self.detector.classes
                records = [
                    {**where, "faces": _records(faces, classes)} for where, _, faces in found
                ]
                faces_json.write(records, unfinished)
        if as_text:
            texts = {
                key: Detections(faces.boxes.astype(np.float64), faces.scores.astype(np.float64))
                for _, key, faces in found
            }
            wider_txt.write(self.out / "wider_txt", texts)

    def _process(self, path: Path, name: str) -> bool:
        target = _not(self.out / name, path)
        image, key = load_image(path), _key(path)
        # With the suffix: two images of a folder may differ by it alone.
        drawn = self._detect(image, {"image": name}, key, Path(name))
        write_image(target, drawn)
        return self._shown(drawn)

    def _detect(self, image: Image, where: dict[str, Any], key: str, name: Path) -> Image:
        faces = self.detector(image)
        if self.crops:
            for number, crop in enumerate(faces.align(image)):
                write_image(self.out / "crops" / name / f"{number}.png", crop)
        self.found.append((where, (image.shape[1], image.shape[0]), key, faces))
        if self.blur:
            return blur_faces(image, faces.boxes)
        return draw_faces(image, faces.boxes, faces.scores, faces.landmarks)

    def _shown(self, drawn: Image) -> bool:
        """Show a picture if asked to; whether the user wants to quit."""
        if not self.show:
            return False
        cv2.imshow("faces", drawn)
        return cv2.waitKey(1) in _QUIT_KEYS


def _records(faces: Faces, classes: Sequence[str]) -> list[dict[str, Any]]:
    columns = (faces.boxes, faces.scores, faces.landmarks)
    rounded = (np.round(column.astype(np.float64), 3).tolist() for column in columns)
    return [
        {
            "box": box,
            "score": score,
            "landmarks": landmarks,
            "label": label,
            **({"class": classes[label]} if label < len(classes) else {}),
        }
        for box, score, landmarks, label in zip(*rounded, faces.labels.tolist(), strict=True)
    ]


def _not(target: Path, source: str | Path) -> Path:
    """The file to write, unless it is the one to read."""
    if target.resolve() == Path(source).resolve():
        raise ValueError(f"{target} would be overwritten: choose another --out")
    return target


def _key(path: Path) -> str:
    """Folder and name; a link has its own, a path of one part the folder that it is in."""
    return image_key(os.path.abspath(path))  # noqa: PTH100


def _require_own_keys(folder: Path, names: Iterable[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(_key(folder / name), name)
        if other != name:
            raise ValueError(
                f"--wider-txt: {other} and {name} have the same folder and name, by which it knows "
                "images"
            )


def _check_display() -> None:
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise ValueError("--show: there is no display; leave it out and look at the files in --out")


def _run(args: argparse.Namespace) -> list[str]:
    if args.show:
        _check_display()
    if args.wider_txt:
        wider_txt.check_replaceable(args.out / "wider_txt")
    camera = args.input.isdecimal()
    path = Path(args.input)
    if not camera and not path.exists():
        raise FileNotFoundError(f"input {path} not found")
    if args.wider_txt and path.is_dir():
        _require_own_keys(path, list_images(path, outside=args.out))
    detector = FaceDetector(
        args.model,
        args.checkpoint,
        args.device,
        score_thr=args.score_thr,
        max_side=args.max_side,
        scales=args.scales,
    )
    demo = Demo(detector, args.out, blur=args.blur, show=args.show, crops=args.crops)
    if camera:
        demo.run_video(Video(int(args.input)), f"camera{args.input}", args.max_frames)
    elif path.is_dir():
        try:
            demo.run_folder(path)
        except (ValueError, OSError):  # of one picture: what those before have is not lost
            with suppress(OSError):
                if demo.found:
                    demo.write_results(as_json=args.json, as_text=args.wider_txt)
            raise
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        demo.run_image(path)
    else:
        demo.run_video(Video(path), path.stem, args.max_frames)
    demo.write_results(as_json=args.json, as_text=args.wider_txt)
    faces = sum(len(faces) for *_, faces in demo.found)
    print(f"faces: {faces}, pictures: {len(demo.found)}, written to {args.out}")
    problems = [f"{demo.failures} unreadable images were skipped, see above"] * bool(demo.failures)
    return [*problems, *["stopped: not all images were looked at"] * demo.stopped]


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", metavar="INPUT", help="image, folder, video, or camera index")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", required=True, help="config, or exported file of any format")
    parser.add_argument("--checkpoint", help="weights for the config")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:INDEX")
    parser.add_argument("--score-thr", type=float, default=0.3, help="smallest score (0.3)")
    parser.add_argument("--max-side", type=int, help="shrink larger images to this side")
    parser.add_argument(
        "--scales",
        type=float,
        nargs="+",
        default=[1.0],
        help="relative sizes to look at, e.g. 0.25 1 2 for very large and very small faces",
    )
    parser.add_argument("--max-frames", type=int, help="of a video or camera")
    parser.add_argument("--blur", action="store_true", help="blur the faces instead of drawing")
    parser.add_argument("--json", action="store_true", help="also write DIR/faces.json")
    parser.add_argument(
        "--crops", action="store_true", help="also write DIR/crops/IMAGE/NUMBER.png, 112 x 112"
    )
    parser.add_argument("--wider-txt", action="store_true", help="also write DIR/wider_txt/")
    parser.add_argument("--show", action="store_true", help="show the pictures; q or Esc quits")
    return parser.parse_args()


def main() -> None:
    """Run the demo; exit code 1 on an error or if images were left out."""
    try:
        problems = _run(_parse_args())
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(f"demo: {message_of(error)}") from error
    if problems:
        raise SystemExit(f"demo: {'; '.join(problems)}")


if __name__ == "__main__":
    main()
