# One job is one run of an experiment with some of its seeds. Its checkpoints lie in a folder that is not declared:
# Snakemake would delete what a killed job declares, and the next attempt could not go on from there.


rule train:
    input:
        data=data_of,
    output:
        metrics="<results>/runs/{experiment}/seeds_{seeds}.csv",
        provenance="<results>/runs/{experiment}/seeds_{seeds}.json",
    log:
        "<logs>/train/{experiment}_{seeds}.log",
    benchmark:
        "<benchmarks>/train/{experiment}_{seeds}.jsonl"
    threads: study.training.threads
    resources:
        gpu=gpus_of,
        mem_mb=training_needs("mem_mb"),
        runtime=training_needs("runtime"),
        attempt=attempts,
    params:
        study=study_file,
        seeds=seeds_of_job,
        spec=spec_of,
        data=meaning_of_data,
        versions=required_versions,
        imported=files_imported,
        code=code_of_job,
    message:
        "Training {wildcards.experiment}, seeds {wildcards.seeds}"
    shell:
        "REDERIVE_ATTEMPT={resources.attempt} rederive train {wildcards.experiment}"
        " --seeds {params.seeds} --study {params.study} > {log} 2>&1"


if study.training.archive:

    # For a report that trains nothing.
    rule take:
        output:
            str(layout.taken),
        log:
            "<logs>/take.log",
        localrule: True
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            study=study_file,
            kept=lambda wildcards: kept_files(),
            code={trainer: code_of_trainer(trainer) for trainer in study.trainers_in_use()},
        message:
            "Taking the kept runs"
        shell:
            "rederive take --study {params.study} > {log} 2>&1"

    rule replay:
        input:
            lambda wildcards: sorted({str(layout.manifest(experiment.data)) for experiment in sampled()}),
        output:
            str(layout.replays),
        log:
            "<logs>/replay.log",
        localrule: True
        resources:
            mem_mb=3000,
            runtime=30,
        params:
            study=study_file,
            archive=study.training.archive,
            sample=study.training.replay,
            kept=lambda wildcards: kept_files(),
            code={trainer: code_of_trainer(trainer) for trainer in study.trainers_in_use()},
        message:
            "Training the first steps of some kept runs again"
        shell:
            "rederive replay --sample {params.sample} --epochs 0 --from {params.archive} --output {output}"
            " --study {params.study} > {log} 2>&1"


# The runs on one data set, by its name.
for data_set in study.data_sets():

    rule:
        name:
            data_set
        input:
            runs_of(data_set),
        localrule: True
