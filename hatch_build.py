"""Build hook: a wheel holds the configurations inside the package; an editable install uses those of the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConfigsHook(BuildHookInterface):
    """Adds `configs/` as `ocr/configs`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"]["configs"] = "ocr/configs"
