"""Who writes and judges: servers, weights in this process, recorded answers."""
