"""Tasks with checkable answers, made fresh from a number."""
