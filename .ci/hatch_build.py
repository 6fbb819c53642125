"""A Hatch hook: the copy of what mim looks for in mmeiou; an editable install needs none."""

import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOR_MIM = ("configs", "tools", "model-index.yml")


class MimHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts ``FOR_MIM`` into ``mmeiou/.mim``, without what the wheel excludes.

    By way of a copy: files of the project that are forced into a second place lose their first.
    """

    copy: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by Hatch before it builds."""
        if version == "editable":
            return
        self.copy = mkdtemp()
        excluded = {Path(self.root, path) for path in self.build_config.target_config["exclude"]}
        for source in (Path(self.root, name) for name in FOR_MIM):
            target = Path(self.copy, source.name)
            if source.is_file():
                shutil.copy2(source, target)
            else:
                shutil.copytree(
                    source,
                    target,
                    ignore=lambda folder, names: [x for x in names if Path(folder, x) in excluded],
                )
        build_data["force_include"][self.copy] = "mmeiou/.mim"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Called by Hatch after it has built."""
        if self.copy is not None:
            shutil.rmtree(self.copy)
