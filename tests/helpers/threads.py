import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small problems run faster, and alike on every machine, on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
