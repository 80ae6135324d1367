rule verify:
    output:
        "<results>/derivations/{derivation}.json",
    log:
        "<logs>/verify/{derivation}.log",
    message:
        "Proving {wildcards.derivation}"
    shell:
        "rederive verify {wildcards.derivation}"


rule derivations:
    input:
        derivations_of_the_report,
    localrule: True
