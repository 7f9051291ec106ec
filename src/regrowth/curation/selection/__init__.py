"""Which of many good records are trained on: quotas, diversity, difficulty, mixes. Dataset in, dataset out.

| wanted                                      | module       | function                                    |
|---------------------------------------------|--------------|---------------------------------------------|
| shares of attributes, joint or marginal     | `quotas`     | `by_quota`                                  |
| records unlike each other                   | `diversity`  | `diverse`; on arrays: `facilities`, `centres` |
| problems neither too easy nor too hard      | `difficulty` | `teachable`, `balanced`, `hardest`          |
| several sources in one set, by weight       | `mixing`     | `mixed`                                     |

All of them return a `choosing.Selection`: the chosen records, why each other one was left out, and what of every
group was wanted, there and taken. None depends on the order of its input, none draws without a seed. Only `diversity`
and what it stands on need numpy.
"""
