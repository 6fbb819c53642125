import importlib.util
import subprocess
import sys
from pathlib import Path


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
