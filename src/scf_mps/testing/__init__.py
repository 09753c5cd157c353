"""Tests of an application, with pytest's fixture `mps` or without: events, emulators, time and failures.

    from scf_mps.testing import event as e

    def test_sprites_are_copied(mps):
        player = mps.bucket("cos://player-1250000000.ap-guangzhou/")
        task = e.workflow(e.image_sprites())
        mps.deliver(task).assert_done()
        player.assert_same(task.files)

`plugin` is the pytest plugin. It is never deployed. Names are imported on first access, because pytest loads it in every
project of an environment.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import event as event
    from .builders import MpsEvent as MpsEvent
    from .builders import load_event as load_event
    from .delivery import Deliveries as Deliveries
    from .delivery import Delivery as Delivery
    from .fixture import MpsFixture as MpsFixture
else:
    from scf_mps.common.lazy import create_accessors

    __getattr__, __dir__ = create_accessors(
        globals(),
        {
            "testing.builders": "MpsEvent load_event",
            "testing.delivery": "Deliveries Delivery",
            "testing.fixture": "MpsFixture",
        },
    )
