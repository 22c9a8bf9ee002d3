"""Which devices may be asked for by name."""

import pytest
import torch

from dse.utils.devices import pick_device
from dse.utils.errors import InputError


@pytest.mark.parametrize("name", ["meta", "hpu", "xla:0", "privateuseone", "gpu", "", "CPU"])
def test_a_device_that_dse_was_never_run_on_is_refused_by_name(name):
    with pytest.raises(InputError, match="choose cpu, cuda, mps") as error:
        pick_device(name)
    assert repr(name) in str(error.value) and len(str(error.value)) < 100


@pytest.mark.parametrize("name", ["cpu:x", "cuda:99"])
def test_a_device_that_is_not_here_is_refused(name):
    with pytest.raises(InputError, match=name):
        pick_device(name)


def test_a_device_that_was_picked_before_is_kept():
    assert pick_device(torch.device("meta")) == torch.device("meta")
