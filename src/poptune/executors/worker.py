"""The main function of a worker process: commands in, messages out, over one socket."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import pickle
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.util import _args_from_interpreter_flags  # type: ignore[attr-defined]
from types import FunctionType

from poptune.executors.base import Job, Message, WorkerBroken
from poptune.executors.host import Host, introduce
from poptune.executors.importing import Importing
from poptune.storage import unshared

# Called first in each new worker, before the job is unpacked: importing its modules may need them.
setups: list[Callable[[], object]] = []


def main(descriptor: int) -> None:
    """Serve a driver until it closes the socket, by intent or by dying.

    Args:
        descriptor: File descriptor of our end of the socket pair.
    """
    faulthandler.enable()  # a crash in native code leaves its last words
    os.set_inheritable(descriptor, False)
    unshared.add(descriptor)
    signal.signal(signal.SIGINT, _leave_to_the_driver)
    threading.Thread(target=_watch, args=(descriptor,), name="poptune-watch", daemon=True).start()
    try:
        _serve(Connection(descriptor))
    except (EOFError, OSError):
        # The driver died. Trials in their own code, and processes that they started, end with us.
        os.killpg(0, signal.SIGKILL)
    _end()


def _leave_to_the_driver(number: int, frame: object) -> None:
    """Ctrl-C is the driver's to answer. Were it ignored, so would be what training code starts as programs."""


def _end() -> None:
    """End the process at once: taking down an interpreter that has imported torch can take a second."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # training code closed or replaced it
            stream.flush()
    os._exit(0)


def _watch(descriptor: int) -> None:
    """End this worker when its driver dies, even while a trial is in its own code."""
    poll = select.poll()
    poll.register(descriptor, 0)  # only POLLHUP and POLLERR: the driver's end is closed
    poll.poll()
    os.killpg(0, signal.SIGKILL)


def _serve(pipe: Connection) -> None:
    briefing = pickle.loads(pipe.recv_bytes())
    if briefing is None:  # the run ended while its workers were started
        return
    number, arguments, prepare, packed = briefing
    sys.argv[:] = arguments
    importing = Importing()
    try:
        for setup in prepare:
            setup()
        host = Host(number, unpacked_job(packed), emit=lambda message: _send(pipe, message), importing=importing)
    except Exception as error:
        _send(pipe, WorkerBroken(number, traceback.format_exc() + _hint(error)))
        return
    _send(pipe, introduce(number))
    while (command := pickle.loads(pipe.recv_bytes())) is not None:
        host.carry_out(command)
    host.close()


def _hint(error: Exception) -> str:
    """Return the way out of the one trap that pickling by value leaves: wrappers that pickle by name."""
    if "on <module '__main__'" not in str(error):
        return ""
    return (
        "An object of your script travels by its name only, as functions under functools.cache do. Move it into a"
        " module that the script imports, remove the decorator, or run with RunConfig(executor='inline')."
    )


def _send(pipe: Connection, message: Message) -> bool:
    try:
        pipe.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
    except OSError:
        return True  # the driver listens no more: let the trial give way to the end that waits in the pipe
    return False


def start_message(number: int, job: bytes) -> bytes:
    """Return the first message to a worker.

    The job travels as bytes within: importing its modules may need the setups, or look at the script's arguments.
    """
    return pickle.dumps((number, sys.argv, setups, job), pickle.HIGHEST_PROTOCOL)


def packed_job(job: Job) -> bytes:
    """Return a job as bytes. Functions and classes of a script or notebook travel by value.

    Raises:
        UsageError: The trainable cannot be sent to another process; the message names the object in the way.
    """
    import cloudpickle

    from poptune.executors.unpicklable import explain

    try:
        return bytes(cloudpickle.dumps((job, _of_the_script())))
    except Exception as error:
        raise explain(job.trainable, error) from error


def unpacked_job(packed: bytes) -> Job:
    """Return the job in bytes of `packed_job`, and let `__main__` have what came of the script with it.

    Training code that pickles a model, as `torch.save` and `joblib.dump` do, looks its class up by name there.
    """
    job, of_the_script = pickle.loads(packed)
    names = vars(sys.modules["__main__"])
    for name, value in of_the_script.__globals__.items():
        if not name.startswith("__"):  # with its `__file__`, what training spawns would run the script again
            names.setdefault(name, value)
    assert isinstance(job, Job)
    return job


def _of_the_script() -> FunctionType:
    """Return a function of the script: its globals, which travel once, are those of all functions beside it."""
    return FunctionType((lambda: None).__code__, vars(sys.modules["__main__"]))


def command_line(descriptor: int) -> list[str]:
    """Return the command that starts a worker process. The user's script is not run again in it.

    Options of the interpreter, such as `-O`, are ours. So is the import path, from the first import on: no module of
    the working directory takes another's place. It is made absolute: where training works in its trial's folder,
    nothing in there does either.
    """
    try:
        path = [os.path.abspath(entry) for entry in sys.path]
    except FileNotFoundError:  # somebody deleted the working directory: nothing can be imported from there
        path = [entry for entry in sys.path if os.path.isabs(entry)]
    program = f"import sys; sys.path[:] = {path!a}; __import__({__name__!r}, fromlist=['']).main({descriptor})"
    return [sys.executable, *_args_from_interpreter_flags(), "-c", program]
