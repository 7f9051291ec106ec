"""The few words all domains share: a model of a million parameters can learn them."""

__all__ = ["CITIES", "DAYS", "FOODS", "NAMES", "PETS", "PRICES", "THINGS"]

NAMES = ("Anna", "Ben", "Eva", "Ida", "Ken", "Leo", "Max", "Mia", "Tom", "Zoe")
CITIES = ("Berlin", "Cairo", "Delhi", "Lima", "Madrid", "Oslo", "Paris", "Rome", "Tokyo", "Vienna")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PETS = ("bird", "cat", "cow", "dog", "fish", "goat", "horse", "pig")
FOODS = ("bread", "cake", "cheese", "corn", "fruit", "milk", "rice", "soup")
PRICES = {"apples": 40, "balls": 250, "books": 900, "cards": 15, "coins": 100, "cups": 320, "eggs": 30, "pens": 120}
"""Price of one, in cents."""
THINGS = tuple(PRICES)
