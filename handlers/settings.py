"""What the variables of the environment switch on; `handlers/__init__.py` has every mistake in them told at once."""

from scf_mps.actions import Settings

settings = Settings()
