"""Scripts that were written for Ray Tune, of three generations, run as they are."""

from __future__ import annotations

import re

import pytest

from poptune.compat import mirror

WHAT_THEY_SAY = {
    "guide_toy.py": [
        "trial: 100 rows, True 0.0",
        "trial: 100 rows, True 1.0",
        "exploits: 24",
        "best above one: True",
    ],
    "api_page.py": [
        "can be saved: True",
        "trials: 8 {12}",
        "in the list: True",
        "restored: True",
    ],
    "blog_run.py": [
        "PopulationBasedTraining: 0 checkpoints, 0 perturbs",
        "Best config:  {'lr': ",
        "still initialized: False",
    ],
    "convnet_air.py --samples 8": [
        "Best result logdir: {home}/ray_results/pbt_test/train_convnet_",
        "Best final config: ['checkpoint_interval', 'lr', 'momentum']",
        "replayed: 1 trial, 20 rows",
    ],
    "gan_air.py": [
        "rows: [20, 20, 20, 20]",
        "step of the best: 20",
        "where: {home}/ray_results/pbt_dcgan/dcgan_train_",
    ],
    "train_class.py": [
        "function began with [0.25, 0.75]",
        "class began with [0.25, 0.75]",
    ],
    "first_generation.py": [
        "steps: {(1, 2, 3, 4, 5, 6, 7, 8)}",
        "best keeps going: True",
        "trials: [2.0, 2.0, 2.0] {'TERMINATED'}",
        "bound: 8.0",
    ],
    "class_older.py --smoke-test": [
        "first: {20} True",
        "best: ['lr', 'some_other_factor']",
        "second: {20} pbt_test_2",
        "restored: True",
    ],
    "figure_study.py": ["pbt 1.2", "grid 0.39"],
}


@pytest.mark.parametrize(
    ("command", "lines"), WHAT_THEY_SAY.items(), ids=[name.split(".")[0] for name in WHAT_THEY_SAY]
)
def test_it_runs_unchanged(ray_script, scripts, tmp_path, command, lines):
    name, *arguments = command.split()
    ran = ray_script(str(scripts / name), *arguments)
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    for line in lines:
        assert [one for one in said if one.startswith(line.replace("{home}", str(tmp_path)))], ran.stdout


@pytest.mark.parametrize("command", ["api_page.py", "first_generation.py", "class_older.py --smoke-test"])
def test_it_runs_with_changed_imports(ray_script, scripts, command):
    name, *arguments = command.split()
    script = scripts / name
    script.write_text(with_changed_imports(script.read_text()))
    ran = ray_script(str(script), *arguments, command=())
    assert ran.returncode == 0, ran.stderr
    for line in WHAT_THEY_SAY[command]:
        assert line in ran.stdout


def with_changed_imports(text):
    """Return a script with the imports that docs/from-ray.md has."""
    for place, home in mirror._ALSO_AT.items():
        text = re.sub(rf"^from ray\.{place} import", f"from ray.{home} import", text, flags=re.MULTILINE)
    text = re.sub(r"^from ray\b", "from poptune.compat", text, flags=re.MULTILINE)
    text = re.sub(r"^import ray$", "import poptune.compat as ray", text, flags=re.MULTILINE)
    assert not re.search(r"^ *(from|import) ray\b", text, flags=re.MULTILINE)
    return text


def test_a_file_of_tests_runs_under_pytest(ray_script, scripts, tmp_path):
    # A folder of its own, or it would first remove what many earlier runs of pytest left in the shared one.
    pytest_alone = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}")
    ran = ray_script(*pytest_alone, str(scripts / "test_in_rays_style.py"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout
