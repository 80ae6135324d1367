# Candidates for rows that disagree, trained where the kept ones do not have them. No other rule asks for this one: the
# report takes what is kept, so that no build trains for it. `snakemake infer` does.
rule infer:
    input:
        runs="<results>/runs.csv",
        published=published,
        manifests=[str(layout.manifest(data_set)) for data_set in study.data_sets()],
    output:
        "<results>/hypotheses.txt",
    log:
        "<logs>/infer.log",
    benchmark:
        "<benchmarks>/infer.jsonl"
    threads: study.training.threads
    resources:
        mem_mb=4000,
        runtime=24 * 60,
    params:
        study=study_file,
        hypotheses=study.hypotheses.model_dump_json(),
        code=fingerprint("infer"),
    message:
        "Training candidate settings of rows that disagree"
    shell:
        "rederive infer --study {params.study} --output {output} > {log} 2>&1"
