"""The page of an audit, for people, as Markdown."""

from rederive.audit.audit import Report
from rederive.report.markdown import code, escape, table


def page(report: Report) -> str:
    """Return an audit's report as Markdown."""
    verdict = "**Everything that was checked agrees.**" if report.agrees else f"**{len(report.problems)} problems.**"
    lines = [f"# Audit of {escape(report.pack)}", "", verdict, "", f"Signature: {escape(report.signature)}.", ""]
    if report.problems:
        rows = [[code(problem.place), escape(problem.what)] for problem in report.problems]
        lines += ["## What does not agree", "", table(["Where", "What"], rows), ""]
    rows = [[escape(what), escape(count)] for what, count in report.checks.items()]
    lines += ["## What was checked", "", table(["Checked", "How much"], rows), ""]
    if report.notes:
        lines += ["## What was not checked", "", *(f"- {escape(note)}" for note in report.notes), ""]
    lines += [
        f"It took {report.seconds:.1f} s. An audit cannot find runs that were invented consistently; `--replay` and "
        "`--retrain` train again.",
        "",
    ]
    return "\n".join(lines)
