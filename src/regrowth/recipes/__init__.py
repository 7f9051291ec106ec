"""One file per published method, named as in its paper."""
