"""Fixtures of training."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Forked processes cannot use the thread pool of their parent."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
