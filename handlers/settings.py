"""Settings from environment variables. `handlers/__init__.py` reports all mistakes at once."""

from scf_mps.actions import Settings

settings = Settings()
