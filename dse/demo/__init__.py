"""A trained run as a local web page: find photographs by description, and describe a photograph.

    questions (answers.py, plain HTML) -> page (page.py, Gradio) -> gate.py -> server.py -> browser

Only `page` and `server` import Gradio, an optional extra; `dse demo` starts them.
"""
