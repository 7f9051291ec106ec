"""Do synthetic data give away the records that their generator was trained on? For tables, and for texts.

| module       | asks                                                             | needs      |
|--------------|------------------------------------------------------------------|------------|
| `tables`     | all of the following of tables, as readings                      | a hold-out |
| `texts`      | nearest records and passages of texts, as readings               | a hold-out |
| `singling`   | does what is true of one synthetic row single out a person?      | a hold-out |
| `neighbours` | linking, guessing an attribute, telling who was in the training  | a hold-out |
| `risk`       | what an attack finds beyond what it finds about anybody          |            |

No reading proves that nothing leaks; differential privacy in training does (`regrowth.training.private`).
"""

from regrowth.metrics.privacy.tables import privacy
from regrowth.metrics.privacy.texts import text_privacy

__all__ = ["privacy", "text_privacy"]
