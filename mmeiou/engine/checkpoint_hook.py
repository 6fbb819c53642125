"""Checkpoints that appear whole, in folders that can be copied and moved."""

import glob
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine import hooks
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import Runner

from mmeiou.engine.resume_fit import optimizer_name
from mmeiou.registry import HOOKS
from mmeiou.whole_files import remove_unfinished, replacing

LAST = "last_checkpoint"
INTERRUPTED = "interrupted.pth"


@HOOKS.register_module()
class CheckpointHook(hooks.CheckpointHook):
    """MMEngine's hook, with all its options, for runs that may be killed at any moment.

    - A checkpoint is written beside its name, flushed to disk and then renamed, as is
      ``last_checkpoint``. What a killed run left half written is removed by the next one.
    - An older checkpoint is deleted when the new one is whole and ``last_checkpoint`` names it,
      with ``max_keep_ckpts=1`` and of the best ones, too.
    - Paths in a checkpoint are names in its own folder: a copied folder is complete, and a run that
      resumes from another folder's checkpoint deletes nothing there.
    - The config kept in a checkpoint is that of the run that wrote it, whatever it resumed from.

    Where ``out_dir`` is an address, or ``backend_args`` are given, writing is that backend's.
    What ``published_keys`` writes at the end of a run is written as MMEngine does it.
    """

    backend_args: dict[str, Any] | None
    file_backend: Any

    def before_train(self, runner: Runner) -> None:
        """Take the folder over: what is half there goes, what is in it is known by its name."""
        if (
            self.backend_args is None
            and self.file_client_args is None
            and "://" not in str(self.out_dir or "")
        ):
            self.backend_args = {"backend": _WholeFiles.name}
        hub = runner.message_hub
        # They become names of files that are deleted: nothing but numbers, whoever wrote them.
        if ids := hub.runtime_info.get("keep_ckpt_ids"):
            hub.update_info("keep_ckpt_ids", [one for one in ids if isinstance(one, int)])
        super().before_train(runner)
        for key in [key for key in hub.runtime_info if _is_path(key)]:
            name = Path(str(hub.get_info(key))).name
            path = self.file_backend.join_path(self.out_dir, name)
            hub.update_info(key, path if name and self.file_backend.isfile(path) else None)
        # MMEngine leaves it unset; but the last one is told of a new best.
        self.last_ckpt = hub.runtime_info.get("last_ckpt")
        if self.save_best is not None:
            self._know_best(hub)
        if is_main_process():
            for folder in {Path(runner.work_dir), Path(self.out_dir)}:
                for file in remove_unfinished(folder):
                    runner.logger.warning("removed an unfinished %s: its run was killed", file)
            self._remove_former_best(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Make the checkpoint one of its own folder and run."""
        info = checkpoint["message_hub"]["runtime_info"]
        for key in filter(_is_path, info):
            info[key] = info[key] and Path(info[key]).name
        info["cfg"] = checkpoint["meta"]["cfg"]
        checkpoint["meta"]["optimizer"] = optimizer_name(runner)

    def save_interrupted(self, runner: Runner, epoch: int, iteration: int) -> str:
        """Save a state between the regular ones; the next of those deletes it.

        Args:
            runner: Between two steps, on all processes.
            epoch: Number of whole epochs trained.
            iteration: Number of steps trained.

        Returns:
            Path or address of the checkpoint.
        """
        runner.save_checkpoint(
            self.out_dir,
            INTERRUPTED,
            self.file_client_args,
            meta={"epoch": epoch, "iter": iteration},
            backend_args=self.backend_args,
        )
        path = str(self.file_backend.join_path(self.out_dir, INTERRUPTED))
        if is_main_process():
            with replacing(Path(runner.work_dir, LAST), flush=True) as unfinished:
                unfinished.write_text(path)
        return path

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        if not is_main_process():
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        with self._removing_afterwards():
            # MMEngine writes last_checkpoint, when the checkpoint is whole, into the work folder.
            with replacing(Path(runner.work_dir, LAST), flush=True) as unfinished:
                elsewhere = _WorkDir(runner, str(unfinished.parent))
                super()._save_checkpoint_with_step(elsewhere, step, meta)
            interrupted = self.file_backend.join_path(self.out_dir, INTERRUPTED)
            if self.file_backend.isfile(interrupted):
                self.file_backend.remove(interrupted)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        with self._removing_afterwards():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removing_afterwards(self) -> Iterator[None]:
        """MMEngine removes before it saves: postpone that to the end, if all goes well."""
        backend = self.file_backend
        self.file_backend = later = _RemovingLater(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        current = {self.last_ckpt, *self._best_paths()}
        for remove, path in later.removals:
            if path not in current:
                remove(path)

    def _best_paths(self) -> set[str | None]:
        if self.save_best is None:
            return set()
        if len(self.key_indicators) == 1:
            return {self.best_ckpt_path}
        return set(self.best_ckpt_path_dict.values())

    def _remove_former_best(self, runner: Runner) -> None:
        """What a run left that was killed between saving a new best and deleting the one before."""
        for path in filter(None, self._best_paths()):
            best = Path(path)
            name, _, step = best.stem.rpartition("_")
            for file in best.parent.glob(f"{glob.escape(name)}_*{best.suffix}"):
                other = file.stem.removeprefix(f"{name}_")
                if step.isdecimal() and other.isdecimal() and int(other) < int(step):
                    runner.logger.warning("removed %s: %s is better", file, best.name)
                    file.unlink()

    def _know_best(self, hub: Any) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = hub.runtime_info.get("best_ckpt")
        else:
            self.best_ckpt_path_dict = {
                key: hub.runtime_info.get(f"best_ckpt_{key}") for key in self.key_indicators
            }


def _is_path(key: str) -> bool:
    return key == "last_ckpt" or key.startswith("best_ckpt")


class _WholeFiles(LocalBackend):
    """Local files that are written whole, and are on the disk before they have their names."""

    name = "mmeiou.WholeFiles"

    def put(self, obj: bytes, filepath: str | Path) -> None:
        with replacing(Path(filepath), flush=True) as unfinished:
            unfinished.write_bytes(obj)


register_backend(_WholeFiles.name, _WholeFiles, force=True)


class _RemovingLater:
    """A backend that notes what it shall remove."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.removals: list[tuple[Callable[[str], None], str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.removals.append((self.backend.remove, path))

    def rmtree(self, path: str) -> None:
        self.removals.append((self.backend.rmtree, path))


class _WorkDir:
    """A runner with another work folder."""

    def __init__(self, runner: Runner, work_dir: str) -> None:
        self.runner, self.work_dir = runner, work_dir

    def __getattr__(self, name: str) -> Any:
        return getattr(self.runner, name)
