"""Fixtures: projects to build and to examine."""

from tests.support.build_projects import index as index
from tests.support.build_projects import no_pythons as no_pythons
from tests.support.build_projects import offline as offline
from tests.support.build_projects import ours as ours
from tests.support.build_projects import project as project
from tests.support.build_projects import python310 as python310
