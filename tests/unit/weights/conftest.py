"""Tests here take small networks, on which several threads only wait for each other."""

from collections.abc import Iterator

import pytest

from regrowth.weights.exact import with_threads


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with with_threads(1):
        yield
