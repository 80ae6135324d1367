if study.data.source == "official":

    rule fetch:
        output:
            touch("<resources>/{data_set}/fetched"),
        log:
            "<logs>/fetch/{data_set}.log",
        retries: 1
        localrule: True
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            study=study_file,
            directory=subpath(output[0], parent=True),
        message:
            "Fetching the official files of {wildcards.data_set}"
        shell:
            "rederive fetch {wildcards.data_set} --directory {params.directory} --study {params.study} 2> {log}"

    rule prepare:
        input:
            files="<resources>/{data_set}/fetched",
        output:
            "<results>/data/{data_set}/manifest.json",
        log:
            "<logs>/prepare/{data_set}.log",
        benchmark:
            "<benchmarks>/prepare/{data_set}.jsonl"
        localrule: True
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            study=study_file,
            source=subpath(input.files, parent=True),
            meaning=lambda wildcards: meaning_of(wildcards.data_set),
        message:
            "Preparing {wildcards.data_set}"
        shell:
            "rederive prepare {wildcards.data_set} --source {params.source} --study {params.study} 2> {log}"

else:

    rule standin:
        output:
            "<results>/data/{data_set}/manifest.json",
        log:
            "<logs>/standin/{data_set}.log",
        benchmark:
            "<benchmarks>/standin/{data_set}.jsonl"
        localrule: True
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            study=study_file,
            meaning=lambda wildcards: meaning_of(wildcards.data_set),
        message:
            "Generating stand-in data for {wildcards.data_set}"
        shell:
            "rederive standin {wildcards.data_set} --study {params.study} 2> {log}"
