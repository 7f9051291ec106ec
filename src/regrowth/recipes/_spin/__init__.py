"""Parts of `spin`: what is played for, pairs, looks at held-out records, an arm's rounds, and what the report shows."""
