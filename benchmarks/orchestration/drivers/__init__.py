"""One small program per tool; each reads prompts, has them answered and writes what the tool hands out."""
