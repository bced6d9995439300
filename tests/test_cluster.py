"""The commands of docs/cluster.md are ones that the programs take."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from torch.distributed.run import get_args_parser

from ocr.commands.synth import _parser

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:    |)((?:srun )?uv run .*)$", GUIDE.replace("\\\n", " "), re.MULTILINE)

STRATEGIES = {"ddp": "ddp", "fsdp": {"_target_": "ocr.training.sharding.FullySharded"}}
"""Each command may be given with either trainer."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_guide_is_understood(command):
    words = shlex.split(command)
    words = words[words.index("run") + 1 :]
    if words[:2] == ["ocr", "synth"]:
        options = _parser().parse_args(words[2:])
        assert options.shards <= options.count
        return
    processes = None
    if words[0] == "torchrun":
        options = get_args_parser().parse_args(words[1:])
        processes = (options.nnodes, options.nproc_per_node)
        assert options.module
        words = [options.training_script, *options.training_script_args]
    assert words[:2] == ["ocr", "train"]
    for name, strategy in STRATEGIES.items():
        options = [re.sub(r"^trainer=(ddp|fsdp)$", f"trainer={name}", word) for word in words[2:]]
        assert f"trainer={name}" in options
        with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
            trainer = compose("train", options).trainer
        assert trainer.strategy == strategy and not trainer.use_distributed_sampler
        if processes:
            assert processes == (str(trainer.num_nodes), str(trainer.devices))


def test_the_slurm_script_starts_as_many_tasks_as_the_trainer_expects():
    script = re.search(r"```bash\n(.*?)```", GUIDE, re.DOTALL)[1]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script, re.MULTILINE))
    given = dict(re.findall(r"trainer\.(\w+)=(\S+)", script))
    assert asked["nodes"] == given["num_nodes"]
    assert asked["ntasks-per-node"] == asked["gpus-per-node"] == given["devices"]


def test_the_guide_has_commands_for_each_way():
    assert len(COMMANDS) == 7
