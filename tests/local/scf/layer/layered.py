"""A module of a layer."""

import os

where = os.path.dirname(__file__)
