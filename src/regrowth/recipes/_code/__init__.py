"""Parts that the recipes about code share: drafts, votes, repairs, originals, prompts."""
