"""The parts of `recipes.lab`."""
