rule collect:
    input:
        runs_of(),
    output:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
    log:
        "<logs>/collect.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        meaning=study.meaning(),
        code=fingerprint("rederive.results.collect:collect"),
    message:
        "Collecting the runs"
    shell:
        "rederive collect --study {params.study} > {log} 2>&1"


rule summarise:
    input:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
        published="report/published.yaml",
        curves="report/published_curves.csv",
        derivations=derivations_of_the_report,
        manifests=expand("<results>/data/{dataset}/manifest.json", dataset=["mnist", "cifar10"]),
    output:
        numbers="<results>/numbers.json",
        tables=directory("<results>/tables"),
    log:
        "<logs>/summarise.log",
    benchmark:
        "<benchmarks>/summarise.jsonl"
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        meaning=study.meaning(),
        code=fingerprint("rederive.results.numbers:summarise"),
    message:
        "Computing the report's numbers"
    shell:
        "rederive summarise --study {params.study} > {log} 2>&1"


rule test_claims:
    input:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
        claims="report/claims.yaml",
        published="report/published.yaml",
        curves="report/published_curves.csv",
        derivations=derivations_of_the_report,
    output:
        "<results>/claims.json",
    log:
        "<logs>/test_claims.log",
    benchmark:
        "<benchmarks>/test_claims.jsonl"
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        meaning=study.meaning(),
        code=fingerprint("rederive.results.claims:test_claims"),
    message:
        "Testing the conclusions"
    shell:
        "rederive test-claims --study {params.study} > {log} 2>&1"
