"""Parts of `tables`."""
