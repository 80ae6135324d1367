"""All cases."""

from tests.boundary import config_cases, file_cases

CASES = [*config_cases.CASES, *file_cases.CASES]
