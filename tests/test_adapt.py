"""A recogniser is adapted to lines of one's own by one command, and what comes out reads like what went in."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ocr.bundle import Bundle
from ocr.commands import train


@pytest.fixture
def own(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((64, 200), 255, np.uint8)).save(buffer, format="PNG")
    pages = ["one", "one", "one", "two"]
    columns = {"id": list("abcd"), "text": ["a", "a", "a", "bb"], "page_id": pages}
    table = pa.table(columns | {"image": [buffer.getvalue()] * 4, "width": [200] * 4})
    pq.write_table(table, tmp_path / "adapt.parquet")
    return tmp_path / "adapt.parquet"


@pytest.fixture
def start(tiny_recognizer, tmp_path, monkeypatch):
    """A bundle whose text would be the value of a variable, if it were more than data."""
    monkeypatch.setenv("MY_API_TOKEN", "secret-0451")
    bundle = Bundle.load(tiny_recognizer)
    bundle.decoding["note"] = ["${oc.env:MY_API_TOKEN}", {"a": "\\\\${oc.env:MY_API_TOKEN} ${name} ${"}]
    return bundle.save(tmp_path / "start")


def test_an_adapted_bundle_is_its_model_s_with_other_weights(own, start, tmp_path, capsys):
    arguments = [
        "experiment=adapt",
        f"data.path={own}",
        f"init_from={start}",
        f"run_dir={tmp_path}/run",
        "data.steps=[2,2]",
        "data.lines_per_batch=2",
        "data.pool=4",
        "data.replay_share=0",
        "data.num_workers=0",
        "task.module.ctc_weight=1",  # this recogniser has no decoder
        "optim.optimizer.lr=1",
        "optim.scheduler.warmup_steps=1",
        "callbacks.progress=null",
        "logger.tensorboard=null",
        "threads=1",
    ]
    assert train.main(arguments) == 0
    out = capsys.readouterr().out
    assert "3 lines to learn from in 2 steps, 1 lines to measure by" in out
    assert "val/cer: 100.00 before" in out
    start, adapted = Bundle.load(start), Bundle.load(tmp_path / "run" / "bundle")
    assert adapted.model_config == start.model_config
    for name, part in start.parts.items():
        assert adapted.parts[name].config() == part.config()
    assert adapted.decoding == start.decoding
    assert adapted.training_data[-1]["use"] == str(own)
    for file in ("bundle/bundle.json", "config.yaml"):
        assert "secret" not in (tmp_path / "run" / file).read_text(encoding="utf-8"), (
            "text of a bundle is data"
        )
