"""An alarm that ends rounds of training before a model forgets what people wrote.

    monitor = Monitor(real)                     # texts that people wrote, as the first model was trained on
    look = monitor.read(made)                   # what the present model wrote, round after round
    look.alarm.why                              # rare words: 52 % of those of round 1's writing are left …

Two signs are followed, both relative to round 1, so that what a model is bad at from the start is no alarm: the share
of the real data's rare words that are written at all, and the tail mass, which is what these words weigh together.
Each is held against the null (`collapse.null`: the same rounds where nothing but chance is at work and all accumulates)
by a sequential rule (`collapse.cusum`). Which sign it is says what is wrong:

| rare words | tail mass | diagnosis | what is wrong, and what helps                                                  |
|------------|-----------|-----------|--------------------------------------------------------------------------------|
| fewer      | as it was | drift     | rounds too small or not accumulated: more data, all rounds, more real weight   |
| fewer      | less      | bias      | decoding or a filter prefers the frequent: temperature 1, no top-p, audit both |
| as before  | as it was | loss      | real texts became less likely for other reasons: look at the training          |

The tail mass is noisy; for the diagnosis, what words cost on average by their frequencies in the real data counts as
much (`collapse.signs`). The last diagnosis needs the model: where its negative log-likelihood (NLL) of held-out real
texts is given, it is held against what resampling costs a trigram: one round as much as the real texts themselves drawn
again with replacement, all rounds that accumulate together at most π²/6 times that (which Dey and Donoho 2024,
arXiv:2410.22812, prove for regression and others, and is taken over here).
Which of the definitions of collapse is asserted: the loss of the tails, and the rise of the real data's NLL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.collapse.cusum import Cusum
from regrowth.metrics.collapse.look import CURES, Alarm, Diagnosis, Look
from regrowth.metrics.collapse.ngram import Documents, NGram, Vocabulary
from regrowth.metrics.collapse.null import Null
from regrowth.metrics.collapse.signs import Reference, Signs, window
from regrowth.metrics.intervals import paired_difference

__all__ = ["Alarm", "Look", "Monitor"]

FOLLOWED = ("rare_types", "tail_mass")
BIASED = ("tail_mass", "word_cost")
SIGNIFICANT = 2.5
"""Standard deviations by which one of these must have fallen for the diagnosis of a bias."""
LEAST_WORDS, LEAST_RARE, LEAST_LEFT = 2_000, 100, 40
"""Words per round, rare words of the real data, and those of them in round 1, below which nothing is told."""
DIGITS = 6
LEFT_OVER = 0.8
"""Share of round 1's words that is looked at: later rounds may be so much shorter."""
REFITS = 20
MOST_WORDS = 100_000
"""Of the real data, and of a round's writing: what is more is sampled, whole texts of it."""


class Monitor:
    """Follow rounds."""

    def __init__(
        self,
        real: Sequence[str] | Documents,
        *,
        false_alarms: float = 0.005,
        rounds: int = 10,
        seed: int = 0,
        looks: Sequence[Look] = (),
        first_nll: Sequence[float] = (),
    ) -> None:
        """Take the real data; nothing is computed before the second round.

        Args:
            real: texts, or arrays of word numbers, that the first model was trained on.
            false_alarms: share of runs of `rounds` rounds, in which nothing but chance is at work, that are stopped
                all the same.
            looks: of earlier rounds, to go on from.
            first_nll: of each held-out real text under the first model; without, the first that is given counts.

        Raises:
            DataError: a share out of range, or fewer than 2 rounds.
        """
        if not 0 < false_alarms < 1 or rounds < 2:
            raise DataError(f"false_alarms {false_alarms}, rounds {rounds}: expected a share above 0, and 2 or more.")
        self._real, self._false_alarms, self._rounds, self._seed = real, false_alarms, rounds, seed
        self.looks, self.first_nll = list(looks), list(first_nll)
        self._reference: Reference | None = None
        self._null: Null | None = None
        self._rules: dict[str, Cusum] = {}
        self._cost: tuple[float, float] | None = None

    @classmethod
    def resumed(cls, real: Sequence[str] | Documents, state: Mapping[str, Any], **settings: Any) -> Self:
        """Go on from `state`."""
        looks = [Look.from_json(told) for told in state["looks"]]
        return cls(real, looks=looks, first_nll=state["first_nll"], **settings)

    @property
    def state(self) -> dict[str, Any]:
        """Return all that was found so far as plain JSON data."""
        return {"looks": [look.to_json() for look in self.looks], "first_nll": list(self.first_nll)}

    @property
    def alarm(self) -> Alarm | None:
        """Return the first alarm, if there was one."""
        return next((look.alarm for look in self.looks if look.alarm), None)

    def read(
        self, made: Sequence[str] | Documents, *, number: int | None = None, nll: Sequence[float] | None = None
    ) -> Look:
        """Look at what the present model wrote, in a round of this number; later looks are forgotten.

        Args:
            made: its texts, as they are sampled, before any gate if possible: a gate may be what is at fault.
            nll: its NLL of held-out real texts, one number per text, in any unit, the same texts in every round.

        Raises:
            DataError: other texts than in the first round, or the real data have no words.
        """
        number = len(self.looks) + 1 if number is None else number
        self.looks = [look for look in self.looks if look.round < number]
        found = self._read(made, number)
        if nll is not None:
            found = self._with_nll(found, [float(one) for one in nll])
        self.looks.append(found)
        return found

    def restart(self) -> None:
        """Let the sums begin anew: something was changed about the rounds."""
        self.looks = [replace(look, sums={}, z={}) for look in self.looks]

    @property
    def _reading(self) -> list[Look]:
        return [look for look in self.looks if not look.note]

    def _read(self, made: Sequence[str] | Documents, number: int) -> Look:
        if self._reference is None:
            self._reference = Reference.of(_some(self._real, self._seed))
        reference = self._reference
        documents = reference.encode(_some(made, self._seed))
        held = sum(map(len, documents))
        first = self._reading[0] if self._reading else None
        budget = first.words if first else min(reference.tokens, int(LEFT_OVER * held))
        if why := _too_little(reference, held, budget):
            return Look(number, held, note=why)
        signs = reference.signs(window(documents, budget, np.random.default_rng([self._seed, number])))
        if first is None and signs.rare_types * len(reference.rare) < LEAST_LEFT:
            why = f"{signs.rare_types:.0%} of the real data's {len(reference.rare):,} rare words are written"
            return Look(number, held, note=f"{why}: too few to follow them")
        self._null = self._null or Null(reference, budget, seed=self._seed)
        place = len(self._reading) + 1
        bands = {name: _band(*self._null.band(name, min(place, self._rounds))) for name in Signs._fields}
        look = Look(number, budget, _rounded(signs._asdict()), bands)
        return look if first is None else self._judged(look, first, place)

    def _judged(self, look: Look, first: Look, place: int) -> Look:
        """Hold a round against the first one."""
        sums, z, over = {}, {}, []
        before = self._reading[-1].sums
        for name in dict.fromkeys((*FOLLOWED, *BIASED)):
            rule = self._rule(name)
            change = float(np.log(max(look.figures[name], 1e-12) / max(first.figures[name], 1e-12)))
            z[name] = rule.z(change, place)
            if name in FOLLOWED:
                sums[name] = rule.step(before.get(name, 0.0), z[name])
                over += [name] if rule.exceeded(sums[name], z[name]) else []
        look = replace(look, sums=_rounded(sums), z=_rounded(z))
        if not over:
            return look
        diagnosis: Diagnosis = "bias" if "tail_mass" in over or _biased(look) else "drift"
        return self._alarmed(look, diagnosis, _fallen(look, first))

    def _rule(self, name: str) -> Cusum:
        if name not in self._rules:
            assert self._null is not None
            changes = self._null.changes(name, self._rounds)
            share = self._false_alarms / len(FOLLOWED)
            self._rules[name] = Cusum.calibrated(changes, false_alarms=share, seed=self._seed)
        return self._rules[name]

    def _alarmed(self, look: Look, diagnosis: Diagnosis, why: str) -> Look:
        calm = [one.round for one in self._reading if not any(one.sums.values())]
        alarm = Alarm(look.round, diagnosis, why, CURES[diagnosis], max(calm, default=look.round))
        return replace(look, alarm=alarm)

    def _with_nll(self, look: Look, nll: list[float]) -> Look:
        """Add the NLL of held-out real texts, and the alarm if it left its band."""
        if not self.first_nll:
            self.first_nll = nll
        if len(nll) != len(self.first_nll):
            raise DataError(f"{len(nll)} held-out texts, {len(self.first_nll)} at first: expected the same ones.")
        first, now = float(np.mean(self.first_nll)), float(np.mean(nll))
        low, high = (first * ratio for ratio in self._resampled)
        figures = _rounded({**look.figures, "real_nll": now})
        bands = {**look.bands, "real_nll": _band(low, high)}
        look = replace(look, figures=figures, bands=bands)
        if look.alarm or now <= high or len(nll) < 2 or paired_difference(nll, self.first_nll).low <= 0:
            return look
        why = (
            f"the negative log-likelihood of held-out real texts is {now:.4g}, it was {first:.4g}; rounds that "
            f"accumulate and sample without bias would take it to {high:.4g} at most"
        )
        rare = look.z.get("rare_types", 0.0) > SIGNIFICANT
        return self._alarmed(look, "bias" if _biased(look) else "drift" if rare else "loss", why)

    @property
    def _resampled(self) -> tuple[float, float]:
        """Return the band of the NLL, as a share of the first: of trigrams fitted to the real data drawn again."""
        if self._cost is None:
            rng = np.random.default_rng([self._seed, 3])
            reference = self._reference or Reference.of(_some(self._real, self._seed))
            order = rng.permutation(len(reference.documents))
            # Numbers 0 and 1 mean something to a trigram.
            documents = [reference.documents[place] + 2 for place in order]
            aside, kept = documents[: max(1, len(order) // 5)], documents[max(1, len(order) // 5) :] or documents
            vocabulary = Vocabulary.numbered(reference.size + 2)
            whole = NGram(kept, vocabulary).nll(aside).mean()
            again = [
                NGram([kept[place] for place in rng.integers(len(kept), size=len(kept))], vocabulary).nll(aside).mean()
                for _ in range(REFITS)
            ]
            low, high = np.quantile(np.array(again) / whole, [0.025, 0.975])
            # Rounds that accumulate cost 1 + 1/4 + 1/9 + … times what the first one does.
            self._cost = float(low), float(1 + (high - 1) * np.pi**2 / 6)
        return self._cost


def _some(documents: Sequence[str] | Documents, seed: int) -> list[Any]:
    """Return documents in random order, the same one however they came, as many as hold MOST_WORDS."""
    ordered = sorted(documents, key=lambda one: one.encode() if isinstance(one, str) else np.asarray(one).tobytes())
    found: list[Any] = []
    held = 0
    for place in np.random.default_rng([seed, 4]).permutation(len(ordered)):
        if held >= MOST_WORDS:
            break
        one = ordered[place]
        found.append(one)
        held += one.count(" ") + 1 if isinstance(one, str) else len(one)
    return found


def _too_little(reference: Reference, held: int, budget: int) -> str:
    """Say why too little was written to tell anything."""
    if budget < LEAST_WORDS:
        return f"{budget:,} words to look at: expected {LEAST_WORDS:,} or more, of the model's as of the real data"
    if held < budget:
        return f"{held:,} words in this round, {budget:,} in the first: expected as many"
    if len(reference.rare) < LEAST_RARE:
        return f"{len(reference.rare)} rare words in the real data: expected {LEAST_RARE} or more"
    return ""


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Return values as they are written down, so that who goes on from there goes on with the same."""
    return {name: round(value, DIGITS) for name, value in values.items()}


def _band(low: float, high: float) -> tuple[float, float]:
    return round(low, DIGITS), round(high, DIGITS)


def _biased(look: Look) -> bool:
    return any(look.z.get(name, 0.0) > SIGNIFICANT for name in BIASED)


def _fallen(look: Look, first: Look) -> str:
    now, then, z = look.figures, first.figures, look.z
    return (
        f"of the real data's rare words {now['rare_types']:.1%} are still written, {then['rare_types']:.1%} in round "
        f"{first.round}: {z['rare_types']:.1f} standard deviations below what chance alone takes; "
        f"they weigh {now['tail_mass']:.2%} of the words, {then['tail_mass']:.2%} in round {first.round}: "
        f"{z['tail_mass']:.1f} below; a word costs {now['word_cost']:.3f} nats by their frequencies, "
        f"{then['word_cost']:.3f} in round {first.round}: {z['word_cost']:.1f} below"
    )
