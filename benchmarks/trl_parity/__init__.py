"""Our training loop against TRL's trainers, on the same model, data, token ids and optimizer steps."""
