"""From the run table to statements: numbers with intervals, tables, and tested conclusions."""
