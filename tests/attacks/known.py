"""All attacks."""

from attacks.attack import Attack
from attacks.bombs import BOMBS
from attacks.hidden import HIDDEN
from attacks.jobs import JOBS
from attacks.memory import MEMORY
from attacks.network import NETWORK
from attacks.orphans import ORPHANS
from attacks.others import OTHERS
from attacks.output import OUTPUT
from attacks.planting import PLANTING
from attacks.processor import PROCESSOR
from attacks.reads import READS
from attacks.rights import RIGHTS
from attacks.warden import WARDEN
from attacks.writes import WRITES

__all__ = ["ATTACKS"]

ATTACKS: tuple[Attack, ...] = (
    *BOMBS,
    *MEMORY,
    *HIDDEN,
    *PROCESSOR,
    *READS,
    *WRITES,
    *NETWORK,
    *OTHERS,
    *ORPHANS,
    *PLANTING,
    *RIGHTS,
    *OUTPUT,
    *JOBS,
    *WARDEN,
)
"""Every attack, family by family."""
