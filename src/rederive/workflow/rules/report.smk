rule render:
    input:
        numbers="<results>/numbers.json",
        claims="<results>/claims.json",
        index="<results>/runs.json",
        figures="<results>/figures",
        derivations=derivations_of_the_report,
        templates=templates,
        citation=[path for path in ["CITATION.cff"] if Path(path).exists()],
        replays=lambda wildcards: [str(layout.replays)] if sampled() else [],
    output:
        text="<results>/report/report.md",
        trace="<results>/report/trace.json",
        table="<results>/report/numbers.csv",
    log:
        "<logs>/render.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        meaning=study.meaning(),
        code=fingerprint("render"),
        listings=listings,
        versions=present(),  # the text says where the runs' are others
    message:
        "Rendering the text"
    shell:
        "rederive render --study {params.study} > {log} 2>&1"


rule convert:
    input:
        text="<results>/report/report.md",
        trace="<results>/report/trace.json",
        table="<results>/report/numbers.csv",
        figures="<results>/figures",
    output:
        "<results>/report/report.{format}",
    log:
        "<logs>/convert/{format}.log",
    benchmark:
        "<benchmarks>/convert/{format}.jsonl"
    wildcard_constraints:
        format="html|tex",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        code=fingerprint("convert"),
        theme=theme,
        engine="",
    message:
        "Setting report.{wildcards.format}"
    shell:
        "rederive convert {wildcards.format} --study {params.study} > {log} 2>&1"


# It takes as long as the other formats together, and so begins first.
use rule convert as convert_pdf with:
    wildcard_constraints:
        format="pdf",
    priority: 1
    params:
        study=study_file,
        code=fingerprint("convert"),
        theme=theme,
        engine=study.report.pdf_engine,


rule tex_source:
    input:
        text="<results>/report/report.md",
        tex="<results>/report/report.tex",
        table="<results>/report/numbers.csv",
        figures="<results>/figures",
    output:
        "<results>/report/report-source.tar.gz",
    log:
        "<logs>/tex_source.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=study_file,
        code=fingerprint("tex_source"),
    message:
        "Packing the report's source"
    shell:
        "rederive tex-source --study {params.study} > {log} 2>&1"


rule report:
    input:
        expand("<results>/report/report.{format}", format=["md", "html", "tex", "pdf"]),
        "<results>/report/report-source.tar.gz",
        "<results>/report/numbers.csv",
    localrule: True
