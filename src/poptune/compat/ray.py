"""Run a script written for Ray Tune on PopTune, unchanged: `poptune ray-script SCRIPT.py`.

`python -m poptune.compat.ray SCRIPT.py` is the same. With `-m MODULE` a module is run, such as pytest.
"""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from poptune.compat import mirror

USAGE = """\
Usage: poptune ray-script SCRIPT.py [ARGS]...
       poptune ray-script -m MODULE [ARGS]...

Run a Python script that was written for Ray Tune, unchanged, on PopTune.

It runs as `python SCRIPT.py` or `python -m MODULE` would, but `import ray` and every `ray.*` module are PopTune's, in
the script and in the workers of its runs. An installed Ray is not looked at.

Example:

    poptune ray-script train_pbt.py --smoke-test
    poptune ray-script -m pytest test_train.py
"""


def run(arguments: Sequence[str]) -> int:
    """Run a script, or with `-m` a module, as Python would, and return the exit code.

    Args:
        arguments: What the command line says after `ray-script`.

    Raises:
        SystemExit: The script did.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return 0 if arguments else 2
    mirror.install()  # for good: threads and exit functions of the script may import, too
    try:
        if arguments[0] == "-m":
            return _run_module(arguments[1:])
        return _run_script(arguments[0], arguments[1:])
    except SystemExit:
        raise
    except BaseException as error:
        # What Python itself does, less the frames that are ours.
        error.__traceback__ = _of_the_user(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1


def _run_module(arguments: Sequence[str]) -> int:
    if not arguments:
        sys.stderr.write("Argument expected for the -m option.\n" + USAGE)
        return 2
    sys.argv[:] = arguments
    _look_first_in(os.getcwd())
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    return 0


def _run_script(script: str, arguments: Sequence[str]) -> int:
    file = os.path.abspath(script)
    try:
        with io.open_code(file) as source:
            text = source.read()
    except OSError as error:
        sys.stderr.write(f"poptune ray-script: can't open file {file!r}: [Errno {error.errno}] {error.strerror}\n")
        return 2
    sys.argv[:] = [script, *arguments]
    _look_first_in(os.path.dirname(os.path.realpath(script)))
    main = ModuleType("__main__")
    vars(main).update(__file__=file, __builtins__=builtins, __loader__=SourceFileLoader("__main__", file))
    sys.modules["__main__"] = main  # and it stays: functions of the script travel to workers by value
    exec(compile(text, file, "exec", dont_inherit=True), vars(main))
    return 0


def _look_first_in(folder: str) -> None:
    """Put a folder where Python has that of its script; now it is ours."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder


def _of_the_user(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without our frames before those of the user, and without the mirror's after them."""
    while traceback and _file(traceback) in (__file__, runpy.__file__, "<frozen runpy>"):
        traceback = traceback.tb_next
    frame = traceback
    while frame and frame.tb_next:
        if _file(frame.tb_next) == mirror.__file__:
            frame.tb_next = None
            break
        frame = frame.tb_next
    return traceback


def _file(traceback: TracebackType) -> str:
    return traceback.tb_frame.f_code.co_filename


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
