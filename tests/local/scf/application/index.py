"""Function of the tests: runs the function named by an event `{"do": NAME, ...}`."""

import datetime
import decimal
import logging
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

import layered

events = 0
at_import = os.environ.get("TENCENTCLOUD_SECRETID")
print("loaded")


class Left(Exception):
    pass


def main_handler(event, context):
    global events
    events += 1
    return globals()[event["do"]](event, context)


def count(event, context):
    return {"events": events, "pid": os.getpid(), "request_id": context["request_id"]}


def give(event, context):
    return event["value"]


def give_decimal(event, context):
    return decimal.Decimal("1.10")


def give_time(event, context):
    return datetime.datetime(2026, 1, 1)


def give_large(event, context):
    return "x" * event["size"]


def fail(event, context):
    raise Left("not today")


def fail_until(event, context):
    """Fail until the given number of deliveries. A file that outlives instances counts them."""
    with open(event["tries"], "a+") as file:
        file.write(f"{context['request_id']} {os.getpid()}\n")
        file.seek(0)
        tries = len(file.readlines())
    if tries < event["succeeds_at"]:
        raise Left(f"try {tries}")
    return tries


def leave(event, context):
    sys.exit("leaving")


def crash(event, context):
    os.write(2, b"about to crash\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def spin(event, context):
    print("spinning")
    while True:
        pass


def allocate(event, context):
    return len(bytearray(event["megabytes"] * 1024 * 1024))


def hoard(event, context):
    hoarded = []
    while True:
        hoarded.append(bytearray(1024 * 1024))


def start_another(event, context):
    """Start a process that outlives the invocation, and return its id."""
    other = subprocess.Popen(["sleep", "600"])
    return other.pid


def fork(event, context):
    """Fork, and write in the child process."""
    pid = os.fork()
    if not pid:
        print("from the fork", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)


def meet(event, context):
    """Return when the given number of instances run, which a shared folder counts."""
    pathlib.Path(event["folder"], str(os.getpid())).touch()
    while len(os.listdir(event["folder"])) < event["parties"]:
        pass
    return os.getpid()


def tick(event, context):
    """Start a thread that appends to a file without end."""

    def append():
        with open(event["file"], "a", buffering=1) as file:
            while True:
                file.write("tick\n")
                time.sleep(0.001)

    threading.Thread(target=append, daemon=True).start()


def write(event, context):
    print("a", 1)
    sys.stderr.writelines(["of", " errors"])
    logging.getLogger("library").debug("in detail")
    sys.stdout.buffer.write(b"past it\n")
    sys.stdout.buffer.flush()


def write_much(event, context):
    print("é" * 8000)


def change_code(event, context):
    """Return the error of each attempt to write to the code."""
    here = os.environ["USER_CODE_ROOT"]
    opt = os.environ["PYTHONPATH"].split(":")[1]
    attempts = [
        lambda: pathlib.Path(here, "new.txt").write_text(""),
        lambda: os.open("index.py", os.O_WRONLY | os.O_APPEND),
        lambda: os.open(b"new.txt", os.O_CREAT | os.O_WRONLY),
        lambda: os.mkdir(here + "folder"),
        lambda: os.remove("index.py"),
        lambda: os.rename(here + "index.py", os.path.join(tempfile.gettempdir(), "index.py")),
        lambda: os.open(os.path.join(opt, "new.txt"), os.O_CREAT | os.O_WRONLY),
    ]
    errors = []
    for attempt in attempts:
        try:
            attempt()
        except OSError as error:
            errors.append(error.errno)
    return errors


def write_files(event, context):
    """Write to the writable folders and return their earlier files."""
    names = []
    for folder in (tempfile.gettempdir(), os.path.expanduser("~")):
        names += os.listdir(folder)
        with open(os.path.join(folder, "mine"), "w") as file:
            file.write("here")
    with open(os.path.join(os.environ["USER_CODE_ROOT"], "index.py")) as file:
        return {"found": names, "code": len(file.read())}


def describe(event, context):
    return {
        "context": context,
        "environment": dict(os.environ),
        "directory": os.getcwd(),
        "path": sys.path,
        "arguments": sys.argv,
        "version": sys.version.split()[0],
        "name": __name__,
        "registered": getattr(sys.modules.get("index"), "events", None) == events,
        "packages": [name for name in ("pip", "pytest", "aiohttp") if importable(name)],
        "threads": threading.active_count(),
        "at_import": at_import,
        "layered": layered.where,
        "modules": {name: getattr(one, "__file__", None) for name, one in sys.modules.items()},
        "builtins": callable(exit) and callable(help),
        "offset": datetime.datetime.now().astimezone().utcoffset().total_seconds(),
        "root": [logging.getLogger().level, len(logging.getLogger().handlers)],
    }


def importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def describe_keys(event, context):
    names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    variables = dict(pair.split("=") for pair in context["environ"].split(";"))
    return [
        [os.environ.get(name) for name in names],
        [variables.get(name) for name in names],
        at_import,
    ]
