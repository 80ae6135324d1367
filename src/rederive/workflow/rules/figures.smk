rule plot:
    input:
        runs="<results>/runs.csv",
        index="<results>/runs.json",
        published=published,
    output:
        report(
            directory("<results>/figures"),
            patterns=["{figure}.svg"],
            caption="../captions/figures.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "<logs>/plot.log",
    benchmark:
        "<benchmarks>/plot.jsonl"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        study=study_file,
        meaning=study.meaning(),
        code=fingerprint(plotting(study.figures.values())),
        standin=study.data.source == "standin",
    message:
        "Drawing the figures"
    shell:
        "rederive plot --processes {threads} --study {params.study} > {log} 2>&1"


rule figures:
    input:
        "<results>/figures",
    localrule: True
