import importlib.util
import subprocess
import sys
from pathlib import Path

import yaml
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmeiou.registry import MODELS


def test_the_table_in_the_readme_is_generated(repo: Path) -> None:
    subprocess.run([sys.executable, repo / "tools/analysis/zoo_table.py", "--check"], check=True)


def test_metafiles_name_existing_configs_once(repo: Path) -> None:
    spec = importlib.util.spec_from_file_location("zoo", repo / "tools/analysis/zoo_table.py")
    assert spec is not None
    assert spec.loader is not None
    zoo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zoo)
    models = zoo.read_models(repo)
    names = [model["Name"] for model in models]
    assert len(set(names)) == len(names) >= 2
    for model in models:
        assert (repo / model["Config"]).is_file()
        assert model["Name"].islower()


def test_the_index_of_mim_lists_every_metafile(repo: Path) -> None:
    listed = yaml.safe_load((repo / "model-index.yml").read_text())["Import"]
    assert listed == sorted(str(path.relative_to(repo)) for path in repo.glob("configs/*/*.yml"))


def test_sizes_of_models_are_theirs(repo: Path) -> None:
    init_default_scope("mmdet")
    models = yaml.safe_load((repo / "configs/yunet/metafile.yml").read_text())["Models"]
    assert len(models) >= 4
    for model in models:
        cfg = Config.fromfile(repo / model["Config"])
        detector = MODELS.build(cfg.model).eval()
        sizes = get_model_complexity_info(
            detector, (3, 320, 320), show_table=False, show_arch=False
        )
        assert sizes["params"] == model["Metadata"]["Parameters"], model["Name"]
        assert sizes["flops"] == model["Metadata"]["FLOPs"], model["Name"]
