"""Values for places that expect others."""

from typing import Any

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    3,
    10**6,
    10**30,
    1.5,
    -0.5,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "x",
    "${oc.env:HOME}",
    "\x00\n",
    "../../none",
    "a" * 5000,
    [],
    [[]],
    [1, "a", None],
    [0] * 300,
    {},
    {"_target_": "os.system"},
    {"_target_": 3},
    {"_target_": "ocr.models.vit.ViT"},
    {"_target_": "ocr.text.ngram.save_file", "filename": "x"},
    {"a": {"b": {"c": []}}},
)
"""Values that stand for those of every wrong type and range."""
