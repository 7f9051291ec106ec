"""One loop, many losses."""
