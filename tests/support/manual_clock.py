"""A clock on which time passes only by waiting, for `Context(…, clock, clock.sleep)`."""


class ManualClock:
    """Seconds that `sleep` adds to.

    Attributes:
        now: the time in seconds.
        waits: the seconds of each wait.
    """

    def __init__(self, now=1000.0):
        self.now = now
        self.waits = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds
