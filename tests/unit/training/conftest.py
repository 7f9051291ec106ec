from pathlib import Path

import pytest

from support.training import make_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained network."""
    return make_base(tmp_path_factory.mktemp("base"))
