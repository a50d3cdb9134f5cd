"""`poptune ray-script` runs a script as `python` would; only what `import ray` means is another."""

from __future__ import annotations

import sys

import pytest

BOTH = [("-m", "poptune", "ray-script"), ("-m", "poptune.compat.ray")]

ABOUT = """
import sys, __main__
print(sys.argv, __file__, sys.path[0], __name__, __main__.__file__ == __file__, __spec__)
"""


@pytest.mark.parametrize("command", BOTH, ids=["poptune", "module"])
def test_a_script_sees_what_python_would_show_it(ray_script, script, tmp_path, command):
    name = script(ABOUT)
    ran = ray_script(name, "--steps", "3", "--", "-m", "-h", command=command)
    by_python = ray_script(name, "--steps", "3", "--", "-m", "-h", command=())
    assert ran.stdout == by_python.stdout
    assert ran.stdout.startswith(f"['{name}', '--steps', '3', '--', '-m', '-h'] {tmp_path / name} {tmp_path} __main__")
    assert (ran.stderr, ran.returncode) == ("", 0)


@pytest.mark.parametrize("command", BOTH, ids=["poptune", "module"])
def test_a_module_sees_what_python_would_show_it(ray_script, script, tmp_path, command):
    script("import ray, sys; print(sys.argv[1:], sys.path[0], __name__, __spec__.name, ray.tune.__name__)", "mod.py")
    ran = ray_script("-m", "mod", "-x", "--help", command=command)
    assert ran.stdout == f"['-x', '--help'] {tmp_path} __main__ mod ray.tune\n"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit('enough')", 1, "enough\n"),
        ("raise SystemExit(3)", 3, ""),
        ("x = (", 1, "SyntaxError: '(' was never closed\n"),
        ("import no_such_module", 1, "ModuleNotFoundError: No module named 'no_such_module'\n"),
        ("def f():\n    return 1 / 0\nf()", 1, "ZeroDivisionError: division by zero\n"),
        ("try:\n    {}['a']\nexcept KeyError:\n    raise ValueError('b')", 1, "ValueError: b\n"),
        ("from poptune.errors import UsageError\nraise UsageError('c')", 1, "poptune.errors.UsageError: c\n"),
    ],
)
def test_errors_and_exit_codes_are_those_of_python(ray_script, script, text, code, words):
    name = script(text)
    ran, by_python = ray_script(name), ray_script(name, command=())
    assert (ran.returncode, ran.stderr) == (by_python.returncode, by_python.stderr)
    assert ran.returncode == code
    assert ran.stderr.endswith(words)


def test_the_script_may_handle_its_own_last_error(ray_script, script):
    ran = ray_script(script("import sys\nsys.excepthook = lambda *error: print('handled', error[1])\nraise OSError(5)"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "handled 5\n", "")


def test_an_interrupt_ends_it_with_the_code_that_shells_know(ray_script, script):
    ran = ray_script(script("raise KeyboardInterrupt"))
    assert ran.returncode == 130
    assert ran.stderr.endswith("KeyboardInterrupt\n")
    assert "poptune" not in ran.stderr


def test_exit_functions_and_threads_may_still_import(ray_script, script):
    ran = ray_script(
        script(
            "import atexit, threading\n"
            "def late(where):\n    from ray import tune; print(where, tune.__name__)\n"
            "atexit.register(late, 'at exit')\n"
            "threading.Thread(target=lambda: (threading.main_thread().join(), late('thread'))).start()\n"
        )
    )
    assert sorted(ran.stdout.splitlines()) == ["at exit ray.tune", "thread ray.tune"]


def test_a_missing_script_is_one_line(ray_script):
    ran = ray_script("nowhere.py")
    assert ran.returncode == 2
    assert ran.stderr.startswith("poptune ray-script: can't open file ")
    assert ran.stderr.endswith("[Errno 2] No such file or directory\n")


def test_a_missing_module_is_named(ray_script):
    ran = ray_script("-m", "no_such_module")
    assert (ran.returncode, ran.stderr) == (1, "ImportError: No module named no_such_module\n")


def test_help(ray_script):
    for arguments in (["-h"], ["--help"]):
        ran = ray_script(*arguments)
        assert ran.returncode == 0
        assert "poptune ray-script -m pytest test_train.py" in ran.stdout
    assert (ray_script().returncode, ray_script("-m").returncode) == (2, 2)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="PYTHONSAFEPATH is of Python 3.11")
def test_a_safe_path_stays_safe(ray_script, script, tmp_path):
    ran = ray_script(script("import sys; print(*sys.path, sep='\\n')"), PYTHONSAFEPATH="1")
    assert str(tmp_path) not in ran.stdout.splitlines()
