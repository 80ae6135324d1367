"""Which settings a published row may come from: candidates, trained for few epochs where no run has them, and ranked.

model      what the configuration says: rows, candidates
ranking    candidates against what is published, by likelihood; and how often that finds settings that are known
search     the training of candidates by successive halving, and the file that keeps what it came to
"""
