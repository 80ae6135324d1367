# The oracles are asked about all derivations in one job: importing TensorFlow takes longer than any proof. What was kept
# of their answers about the same code is taken.
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
        archive=kept_option,
        kept=kept_file(ORACLES),
    message:
        "Asking PyTorch, JAX and TensorFlow for the gradients"
    shell:
        "rederive ask-oracles --output {output} {params.archive} --package {params.package} > {log} 2>&1"


# One job proves all derivations, for a process begins longer than most proofs take. What it finds unchanged, by the
# record of the last time, it leaves as it is.
rule verify:
    input:
        oracles="<results>/oracles.json",
    output:
        update(derivations_of_the_report),
    log:
        "<logs>/verify.log",
    benchmark:
        "<benchmarks>/verify.jsonl"
    threads: 8
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        package=study.derivations,
        folder=subpath(output[0], parent=True),
        code=lambda wildcards: {name: fingerprint("verify", code_of_derivation(name)) for name in derivations},
        archive=kept_option,
        certificates=kept_file(CERTIFICATES),
    message:
        "Proving the derivations"
    shell:
        "rederive verify --oracles {input.oracles} --output {params.folder} --jobs {threads}"
        " {params.archive} --package {params.package} > {log} 2>&1"


rule derivations:
    input:
        derivations_of_the_report,
    localrule: True
