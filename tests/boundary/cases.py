"""All cases."""

from tests.boundary import config_cases, file_cases, mirror_cases, text_cases

CASES = [*config_cases.CASES, *file_cases.CASES, *mirror_cases.CASES, *text_cases.CASES]
