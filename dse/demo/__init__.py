"""A trained run as a local web page: find photographs by description, and describe a photograph.

    questions (answers.py, plain HTML) -> page (page.py, Gradio) -> gate.py -> server.py -> browser

`dse demo` puts them together. Gradio is an optional extra, imported where it is used.
"""
