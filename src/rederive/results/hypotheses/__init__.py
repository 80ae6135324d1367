"""Which settings a published row may come from: candidates held against its curve and its value.

kept       the candidates that `rederive infer` has trained
ranking    what each candidate comes to, and which fit
trials     how often the ranking finds settings that are known
told       numbers, the table and lines of text
"""
