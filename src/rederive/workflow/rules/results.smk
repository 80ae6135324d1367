rule collect:
    input:
        runs_of() if study.report.runs == "all" else [str(layout.taken)] if study.training.archive else [],
    output:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
        predictions="<results>/predictions.json",
    log:
        "<logs>/collect.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        meaning=study.meaning(),
        finished=lambda wildcards: finished_runs() if study.report.runs == "finished" else None,
        code=fingerprint("collect"),
    message:
        "Collecting the runs"
    shell:
        "rederive collect --study {params.study} > {log} 2>&1"


rule summarise:
    input:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
        claims="<results>/claims.json",
        published=published,
        derivations=derivations_of_the_report,
        manifests=[str(layout.manifest(data_set)) for data_set in study.data_sets()],
    output:
        numbers="<results>/numbers.json",
        tables=report(
            directory("<results>/tables"),
            patterns=["{table}.csv"],
            caption="../captions/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
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
        code=fingerprint("summarise"),
        candidates=kept_candidates(),
        standin=study.data.source == "standin",
    message:
        "Computing the report's numbers"
    shell:
        "rederive summarise --study {params.study} > {log} 2>&1"


rule test_claims:
    input:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
        predictions="<results>/predictions.json",
        claims="report/claims.yaml",
        published=published,
        derivations=derivations_of_the_report,
    output:
        verdicts="<results>/claims.json",
        table=report(
            "<results>/claims.csv",
            caption="../captions/claims.rst",
            category="Conclusions",
            labels={"table": "verdicts"},
        ),
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
        code=fingerprint("test_claims"),
        standin=study.data.source == "standin",
    message:
        "Testing the conclusions"
    shell:
        "rederive test-claims --study {params.study} > {log} 2>&1"
