"""What the datasets of this package do about images that are missing or damaged."""

import warnings
from pathlib import Path
from typing import Any, Literal

from mmengine.fileio import get_file_backend

from mmeiou.labels.errors import ImageError

NUM_NAMED = 3


class StrictImagesMixin:
    """Put before a dataset of MMDetection: no image is missing, and none is skipped unsaid.

    Args:
        on_bad_image: ``raise``, or ``skip`` to replace a bad image in training by a random other
            one, with a warning that counts them in each worker process; missing files are left
            out of the dataset. In test mode a bad image is always an error.
        path_hint: Appended to the errors about paths: what else could be set, such as the
            environment variable that the config takes a folder from.
        **kwargs: Those of the dataset.

    Raises:
        ValueError: An unknown option.
    """

    ann_file: str
    data_root: str
    data_prefix: dict[str, str]
    backend_args: Any
    test_mode: bool

    def __init__(
        self,
        *,
        on_bad_image: Literal["raise", "skip"] = "raise",
        path_hint: str = "",
        **kwargs: Any,
    ) -> None:
        if on_bad_image not in ("raise", "skip"):
            raise ValueError(f"on_bad_image={on_bad_image!r}: expected 'raise' or 'skip'")
        self.on_bad_image = on_bad_image
        self.bad_images: set[str] = set()
        self.path_hint = f"; {path_hint}" if path_hint else ""
        super().__init__(**kwargs)

    def require_ann_file(self) -> None:
        """Look for the label file.

        Raises:
            FileNotFoundError: Naming keys and path.
        """
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(
                f"label file {Path(self.ann_file).absolute()} not found: set ann_file and "
                f"data_root (now {self.data_root!r}) of the dataset{self.path_hint}"
            )

    def existing(self, data_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out, or refuse, images whose file is missing.

        A file backend that cannot be asked, as that of LMDB, leaves it to the loading.

        Raises:
            FileNotFoundError: Naming the first ones, keys and path.
        """
        backend = get_file_backend(self.data_prefix["img"], backend_args=self.backend_args)
        if not hasattr(backend, "exists"):
            return data_list
        found: list[dict[str, Any]] = []
        missing: list[dict[str, Any]] = []
        for info in data_list:
            (found if backend.exists(info["img_path"]) else missing).append(info)
        if not missing:
            return found
        named = ", ".join(info["img_path"] for info in missing[:NUM_NAMED])
        message = (
            f"{len(missing)} of the {len(data_list)} images in {self.ann_file} are missing: "
            f"{named}{', ...' if len(missing) > NUM_NAMED else ''}"
        )
        if found and self.on_bad_image == "skip" and not self.test_mode:
            warnings.warn(f"left out: {message}", stacklevel=2)
            return found
        raise FileNotFoundError(
            f"{message}. Set data_root and data_prefix['img'] of the dataset, now giving "
            f"{Path(self.data_prefix['img']).absolute()}{self.path_hint}"
        )

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline; None, in training with ``on_bad_image='skip'``, for a bad image."""
        try:
            return super().prepare_data(idx)  # type: ignore[misc] # of the dataset behind
        except ImageError as error:
            if self.on_bad_image == "raise" or self.test_mode:
                raise
            if str(error) not in self.bad_images:
                self.bad_images.add(str(error))
                warnings.warn(f"bad image {len(self.bad_images)} skipped: {error}", stacklevel=2)
            return None
