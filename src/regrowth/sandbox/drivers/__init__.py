"""What runs inside the sandbox beside a candidate: one file per language."""
