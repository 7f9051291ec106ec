"""How much of the seeds came out again: nearest records, verbatim passages, canaries, membership.

| module       | question                                                  | needs                          |
|--------------|-----------------------------------------------------------|--------------------------------|
| `nearest`    | are synthetic records closer to the seeds than they may?  | a hold-out                     |
| `verbatim`   | which passages of the seeds stand there word for word?    | a hold-out, for what is common |
| `exposure`   | how far up does a planted secret rank among all others?   | canaries, log-probabilities    |
| `membership` | can a record's part in a training be told from its loss?  | log-probabilities, non-members |

`nearest` is a smoke test: sets that pass it were shown to leak (Yao et al., 2025, arXiv:2505.01524). None of the four
is a proof that nothing leaks; differential privacy in training is (`regrowth.training.private`).
"""
