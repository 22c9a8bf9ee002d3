"""The page in Gradio: what is asked, and where the answers go.

Gradio is an optional extra. It is imported where it is used.
"""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from dse.demo.answers import Demo, Example
from dse.demo.gate import LARGEST_UPLOAD
from dse.search.pages import DARK, LIGHT, PARTS

if TYPE_CHECKING:
    import gradio as gr

# Gradio marks a dark page with a class, whether the browser or the reader has asked for it.
STYLE = f"""
.dse {{ {LIGHT} color: var(--ink); {PARTS} }}
.dark .dse {{ {DARK} }}
.dark {{ --color-accent: #60a5fa; }}
.dse h1 {{ font-size: 1.5rem; margin: 0; }}
.dse .explanation p {{ color: inherit; }}
"""
LONGEST = 20_000
"""Characters that a field takes."""


def build_app(demo: Demo, example: Example) -> Callable:
    """The page of a run as an ASGI application; `dse.demo.gate.Gate` belongs before it."""
    import fastapi
    import gradio as gr

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    system, monospace = gr.themes.Font("system-ui"), gr.themes.Font("monospace")  # nothing to load
    theme = gr.themes.Default(primary_hue="blue", font=system, font_mono=monospace).set(
        color_accent="*primary_600", button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )  # fmt: skip
    return gr.mount_gradio_app(
        app, _page(demo, example), path="/", theme=theme, css=STYLE, max_file_size=LARGEST_UPLOAD,
        footer_links=[], run_history=False, show_error=False, ssr_mode=False, pwa=False,
        mcp_server=False, enable_monitoring=False,
    )  # fmt: skip


def _page(demo: Demo, example: Example) -> "gr.Blocks":
    import gradio as gr

    with gr.Blocks(title="dse demo", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.HTML(_heading(demo))
        with gr.Tab("Search"):
            description = gr.Textbox(
                example.description,
                label="Description",
                placeholder="What the photograph shows",
                max_length=LONGEST,
                elem_id="description",
            )
            find = gr.Button("Search", variant="primary", elem_id="find")
            found = gr.HTML(elem_id="found")
        with gr.Tab("Describe"), gr.Row():
            with gr.Column():
                photograph = gr.Image(
                    example.photograph,
                    label="Photograph: JPEG, PNG or WebP",
                    type="filepath",
                    sources=["upload", "clipboard"],
                    buttons=[],
                    height=320,
                    elem_id="photograph",
                )
                descriptions = gr.Textbox(
                    "\n".join(example.descriptions),
                    label="Descriptions, one a line",
                    lines=5,
                    max_length=LONGEST,
                    elem_id="descriptions",
                )
                rank = gr.Button("Rank the descriptions", variant="primary", elem_id="rank")
                classes = f"Rank the {len(demo.classes)} classes"
                name = gr.Button(classes, visible=bool(demo.classes), elem_id="name")
            with gr.Column():
                answer = gr.HTML(elem_id="answer")
        once = {"concurrency_id": "run", "api_visibility": "private"}  # one answer at a time
        gr.on([find.click, description.submit], demo.find, description, found, **once)
        # Without `preprocess` Gradio opens no photograph: `dse.images.views` does.
        rank.click(demo.rank, [photograph, descriptions], answer, preprocess=False, **once)
        name.click(demo.name, photograph, answer, preprocess=False, **once)
    return page


def _heading(demo: Demo) -> str:
    told = (
        f"{demo.run.config.text_encoder}, a text encoder trained on "
        f"{demo.run.dataset.get('name')}, scores how well a description and a photograph fit. "
        "A score is not a probability: it only compares."
    )
    return f'<div class="dse"><h1>Photographs by description</h1><p>{escape(told)}</p></div>'
