"""Snakemake, but for one thing: it asks Slurm each second how the jobs are.

The plugin asks ever more seldom while no job succeeds, up to three minutes apart, and has no setting for it.
"""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, value: None)
sys.exit(main())
