if study.data.source == "official":

    rule fetch:
        output:
            touch("<resources>/{dataset}/fetched"),
        log:
            "<logs>/fetch/{dataset}.log",
        retries: 1
        localrule: True
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            study=study_file,
            directory=subpath(output[0], parent=True),
        message:
            "Fetching the official files of {wildcards.dataset}"
        shell:
            "rederive fetch {wildcards.dataset} --directory {params.directory} --study {params.study} 2> {log}"

    rule prepare:
        input:
            files="<resources>/{dataset}/fetched",
        output:
            "<results>/data/{dataset}/manifest.json",
        log:
            "<logs>/prepare/{dataset}.log",
        benchmark:
            "<benchmarks>/prepare/{dataset}.jsonl"
        localrule: True
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            study=study_file,
            source=subpath(input.files, parent=True),
            meaning=meaning_of_data,
        message:
            "Preparing {wildcards.dataset}"
        shell:
            "rederive prepare {wildcards.dataset} --source {params.source} --study {params.study} 2> {log}"

else:

    rule standin:
        output:
            "<results>/data/{dataset}/manifest.json",
        log:
            "<logs>/standin/{dataset}.log",
        benchmark:
            "<benchmarks>/standin/{dataset}.jsonl"
        localrule: True
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            study=study_file,
            meaning=meaning_of_data,
        message:
            "Generating stand-in data for {wildcards.dataset}"
        shell:
            "rederive standin {wildcards.dataset} --study {params.study} 2> {log}"
