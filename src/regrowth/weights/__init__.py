"""Networks, tokenizers and their one chat template: what generation and training share."""
