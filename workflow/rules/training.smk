# One job is one run of an experiment with some of its seeds. Its checkpoints lie in a folder that is not declared:
# Snakemake would delete what a killed job declares, and the next attempt could not go on from there.


rule train_mnist:
    input:
        data="<results>/data/mnist/manifest.json",
    output:
        metrics="<results>/runs/mnist/{experiment}/seeds_{seeds}.csv",
        provenance="<results>/runs/mnist/{experiment}/seeds_{seeds}.json",
    log:
        "<logs>/train_mnist/{experiment}_{seeds}.log",
    benchmark:
        "<benchmarks>/train_mnist/{experiment}_{seeds}.jsonl"
    threads: study.training.threads
    resources:
        gpu=gpus,
        mem_mb=training_needs("mnist", "mem_mb"),
        runtime=training_needs("mnist", "runtime"),
        attempt=lambda wildcards, attempt: attempt,
    params:
        study=study_file,
        dataset="mnist",
        spec=spec_of("mnist"),
        data=meaning_of_data,
        versions=required_versions,
        code=fingerprint("train_mnist"),
    message:
        "Training {wildcards.experiment} on MNIST, seeds {wildcards.seeds}"
    shell:
        "REDERIVE_ATTEMPT={resources.attempt} rederive train {params.dataset} {wildcards.experiment}"
        " --seeds {wildcards.seeds} --study {params.study} > {log} 2>&1"


use rule train_mnist as train_cifar10 with:
    input:
        data="<results>/data/cifar10/manifest.json",
    output:
        metrics="<results>/runs/cifar10/{experiment}/seeds_{seeds}.csv",
        provenance="<results>/runs/cifar10/{experiment}/seeds_{seeds}.json",
    log:
        "<logs>/train_cifar10/{experiment}_{seeds}.log",
    benchmark:
        "<benchmarks>/train_cifar10/{experiment}_{seeds}.jsonl"
    resources:
        gpu=gpus,
        mem_mb=training_needs("cifar10", "mem_mb"),
        runtime=training_needs("cifar10", "runtime"),
        attempt=lambda wildcards, attempt: attempt,
    params:
        study=study_file,
        dataset="cifar10",
        spec=spec_of("cifar10"),
        data=meaning_of_data,
        versions=required_versions,
        code=fingerprint("train_cifar10"),
    message:
        "Training {wildcards.experiment} on CIFAR-10, seeds {wildcards.seeds}"


rule mnist:
    input:
        runs_of("mnist"),
    localrule: True


rule cifar10:
    input:
        runs_of("cifar10"),
    localrule: True
