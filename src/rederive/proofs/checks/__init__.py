"""What looks for mistakes in derivations, code and prover: numbers, mutants, oracles, fuzzing."""
