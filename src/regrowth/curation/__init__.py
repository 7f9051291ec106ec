"""Dataset in, dataset out: what of it is trained on, and in which round."""
