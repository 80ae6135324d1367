"""A study in one file that anyone can check: packing it, and auditing a pack on a machine that has nothing else."""
