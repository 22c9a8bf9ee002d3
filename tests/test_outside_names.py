"""The links from the library's pages to the documentation of other libraries."""

from pydoc import locate

import pytest
from docutils import nodes

from outside_names import PAGES, PUBLIC, link


@pytest.mark.parametrize("name", PAGES)
def test_a_linked_name_exists(name):
    assert locate(name) is not None


@pytest.mark.parametrize("defined", PUBLIC)
def test_the_public_name_is_the_same_class(defined):
    assert locate(defined) is locate(PUBLIC[defined])
    assert PUBLIC[defined] in PAGES


def reference(target: str, shown: str, domain: str = "py"):
    node = {"reftarget": target, "refdomain": domain}
    return link(None, None, node, nodes.emphasis("", shown))


def test_a_name_links_to_its_place_on_its_page():
    found = reference("torch.Tensor", "Tensor")
    assert found["refuri"] == "https://docs.pytorch.org/docs/stable/tensors.html#torch.Tensor"
    assert found.astext() == "Tensor"


def test_a_class_links_to_where_it_is_documented():
    found = reference("torch.nn.modules.module.Module", "Module")
    assert found["refuri"].endswith("generated/torch.nn.Module.html#torch.nn.Module")


@pytest.mark.parametrize(("target", "domain"), [("str", "py"), ("torch.Tensor", "std")])
def test_other_references_are_left_alone(target, domain):
    assert reference(target, target, domain) is None
