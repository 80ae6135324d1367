# The oracles are asked about all derivations in one job: importing TensorFlow takes longer than any proof.
rule ask_oracles:
    output:
        "<results>/oracles.json",
    log:
        "<logs>/ask_oracles.log",
    benchmark:
        "<benchmarks>/ask_oracles.jsonl"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        package=study.derivations,
        code=fingerprint("ask_oracles", *map(code_of_derivation, derivations)),
    message:
        "Asking PyTorch, JAX and TensorFlow for the gradients"
    shell:
        "rederive ask-oracles --output {output} --package {params.package} > {log} 2>&1"


rule verify:
    input:
        oracles="<results>/oracles.json",
    output:
        "<results>/derivations/{derivation}.json",
    log:
        "<logs>/verify/{derivation}.log",
    benchmark:
        "<benchmarks>/verify/{derivation}.jsonl"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        package=study.derivations,
        verifier=fingerprint("verify"),
        code=lambda wildcards: fingerprint(code_of_derivation(wildcards.derivation)),
    message:
        "Proving {wildcards.derivation}"
    shell:
        "rederive verify --only {wildcards.derivation} --oracles {input.oracles} --output {output}"
        " --package {params.package} > {log} 2>&1"


rule derivations:
    input:
        derivations_of_the_report,
    localrule: True
