"""A Sphinx extension: types of other libraries link to their documentation.

Intersphinx would fetch an inventory of each of them at every build. Ours shows a few names only, so
they stand here, with the page of each, and the build needs no network. `make links` asks them all.
"""

from docutils import nodes

PYTHON = "https://docs.python.org/3/library/"
TORCH = "https://docs.pytorch.org/docs/stable/"
NUMPY = "https://numpy.org/doc/stable/reference/"
PILLOW = "https://pillow.readthedocs.io/en/stable/reference/Image.html"
PAGES = {
    "collections.Counter": f"{PYTHON}collections.html",
    "collections.abc.Callable": f"{PYTHON}collections.abc.html",
    "collections.abc.Collection": f"{PYTHON}collections.abc.html",
    "collections.abc.Iterable": f"{PYTHON}collections.abc.html",
    "collections.abc.Mapping": f"{PYTHON}collections.abc.html",
    "collections.abc.Sequence": f"{PYTHON}collections.abc.html",
    "pathlib.Path": f"{PYTHON}pathlib.html",
    "torch.Tensor": f"{TORCH}tensors.html",
    "torch.device": f"{TORCH}tensor_attributes.html",
    "torch.dtype": f"{TORCH}tensor_attributes.html",
    "torch.Generator": f"{TORCH}generated/torch.Generator.html",
    "torch.nn.Module": f"{TORCH}generated/torch.nn.Module.html",
    "torch.nn.Sequential": f"{TORCH}generated/torch.nn.Sequential.html",
    "numpy.ndarray": f"{NUMPY}generated/numpy.ndarray.html",
    "numpy.random.Generator": f"{NUMPY}random/generator.html",
    "pandas.DataFrame": "https://pandas.pydata.org/docs/reference/api/pandas.DataFrame.html",
    "matplotlib.figure.Figure": "https://matplotlib.org/stable/api/figure_api.html",
    "PIL.Image.Image": PILLOW,
    "PIL.Image.Resampling": PILLOW,
}
PUBLIC = {
    "numpy.random._generator.Generator": "numpy.random.Generator",
    "torch._C.Generator": "torch.Generator",
    "torch.nn.modules.container.Sequential": "torch.nn.Sequential",
    "torch.nn.modules.module.Module": "torch.nn.Module",
}
"""Where a class is defined -> the name under which it is documented."""


def setup(app) -> dict:
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True}


def link(app, env, node, shown):
    """The link of a Python name that is not ours; None if it is not listed here."""
    name = PUBLIC.get(node["reftarget"], node["reftarget"])
    if node.get("refdomain") != "py" or name not in PAGES:
        return None
    return nodes.reference("", "", shown, internal=False, refuri=f"{PAGES[name]}#{name}")
