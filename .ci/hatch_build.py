"""A Hatch hook: the copy of what mim looks for in mmeiou; an editable install needs none."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOR_MIM = ("configs", "tools", "model-index.yml")


class MimHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts ``FOR_MIM`` into ``mmeiou/.mim``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by Hatch before it builds."""
        if version != "editable":
            build_data["force_include"].update({name: f"mmeiou/.mim/{name}" for name in FOR_MIM})
