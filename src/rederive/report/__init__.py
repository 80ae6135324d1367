"""The document: one text with traced numbers, set as Markdown, HTML, LaTeX and PDF."""
