"""Time of the pytest plugin: its import, and tests with and without COS.

    python benchmarks/testing.py

Exits with 1 if the best time is above a limit: others depend on what else the machine does.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

from scf_mps import App, Cos, Transcode
from scf_mps.testing import MpsFixture
from scf_mps.testing import event as e
from scf_mps.testing.fixture import Session

MAX_MS = {"import of the plugin": 20, "test without COS": 10, "test with COS": 60}
ROUNDS = 30

_IMPORT = """
import pytest
from time import perf_counter
begin = perf_counter()
import scf_mps.testing.plugin
print((perf_counter() - begin) * 1000)
"""


def time_import() -> float:
    command = [sys.executable, "-c", _IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def create_app() -> App:
    app = App()

    @app.on(Transcode)
    def read(result: Transcode, cos: Cos) -> None:
        cos.head(result.files[0])

    return app


def time_test(session: Session, app: App, *, with_cos: bool) -> float:
    begin = perf_counter()
    mps = MpsFixture(session)
    mps.app = app
    event = e.workflow(e.transcode() if with_cos else e.image_sprites())
    if with_cos:
        mps.bucket("cos://player-1250000000.ap-guangzhou/")
    assert mps.deliver(event).ok
    mps.close()
    return (perf_counter() - begin) * 1000


def main() -> None:
    session, app = Session(), create_app()
    samples = {
        "import of the plugin": [time_import() for _ in range(ROUNDS // 3)],
        "test without COS": [time_test(session, app, with_cos=False) for _ in range(ROUNDS)],
        "test with COS": [time_test(session, app, with_cos=True) for _ in range(ROUNDS)],
    }
    session.close()
    failed = False
    for name, times in samples.items():
        failed = failed or min(times) > MAX_MS[name]
        print(
            f"{name:22} median {median(times):6.1f} ms, best {min(times):6.1f} ms, limit {MAX_MS[name]} ms"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
