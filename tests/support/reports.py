"""One block of every kind, with figures as a real run has them."""

import math

from regrowth.core.protocols import Estimate
from regrowth.reports.blocks import (
    Arm,
    Contribution,
    CostTable,
    Curves,
    Difference,
    Examined,
    Facts,
    Figure,
    Funnel,
    Headline,
    Lineage,
    Measure,
    Passage,
    Provenance,
    Refusals,
    RefusedRecord,
    Rejects,
    Report,
    Scores,
    Series,
    StepCost,
    Stratum,
    Text,
    Verdict,
)

HEADLINE = Headline(
    text="accuracy 34 % → 47 % on 800 unseen problems",
    figures=(
        Figure(label="records verified", value="2,000", note="of 9,214 made"),
        Figure(label="time", value="4 min"),
    ),
)
SCORES = Scores(
    measures=(Measure(name="greedy"), Measure(name="perplexity", unit="number", better="lower")),
    arms=(
        Arm(
            name="base",
            role="baseline",
            estimates={"greedy": Estimate(0.34, 0.308, 0.373, 800), "perplexity": Estimate(3.2, 3.1, 3.3, 800)},
        ),
        Arm(
            name="verified",
            role="result",
            estimates={"greedy": Estimate(0.47, 0.436, 0.505, 800), "perplexity": Estimate(2.9, 2.8, 3.0, 800)},
        ),
        Arm(name="unverified", estimates={"greedy": Estimate(0.35, 0.318, 0.384, 800, 3)}, note="the control"),
    ),
    differences=(
        Difference(measure="greedy", arm="verified", against="base", estimate=Estimate(0.13, 0.1, 0.16, 800)),
        Difference(measure="perplexity", arm="verified", against="base", estimate=Estimate(-0.3, -0.4, -0.2, 800)),
        Difference(measure="greedy", arm="verified", against="unverified", estimate=Estimate(0.12, -0.01, 0.15, 800)),
    ),
    note="Equal steps for all.",
)
FUNNEL = Funnel(
    attempted=1030,
    broken=30,
    made=1000,
    gates=(Passage(gate="well_formed", refused=100, failed=5), Passage(gate="exact_answer", refused=495)),
    accepted=400,
    wanted=500,
    strata=(
        Stratum(name="easy", wanted=250, attempted=400, accepted=250, refused=140, failed=10),
        Stratum(name="hard", wanted=250, attempted=630, accepted=150, refused=455, failed=25),
    ),
    note="400 of 500 records: every seed was tried as often as allowed.",
)
REJECTS = Rejects(
    gates=(
        Refusals(
            gate="exact_answer",
            count=495,
            records=(RefusedRecord(id="5f0c", prompt="3 + 4?", response="8", reason="answered 8, expected 7"),),
        ),
        Refusals(gate="well_formed", count=100),
        Refusals(gate="work", count=35, failed=True),
    )
)
CURVES = Curves(
    title="Round after round",
    x="round",
    y="accuracy",
    unit="share",
    series=(
        Series(name="verified", x=(0, 1, 2), y=(0.34, 0.42, 0.47), low=(0.31, 0.39, 0.44), high=(0.37, 0.45, 0.5)),
        Series(name="unverified", x=(0, 1, 2), y=(0.34, math.nan, 0.32)),
    ),
)
COST = CostTable(
    steps=(
        StepCost(step="answers", calls=1030, replayed=30, prompt_tokens=10_300, completion_tokens=4_200, seconds=61.2),
        StepCost(step="judge", calls=10, money=0.25),
    ),
    currency="USD",
)
LINEAGE = Lineage(
    datasets=(
        Provenance(dataset="answers-1", synthetic=400, children=400, parents=310),
        Provenance(dataset="verified-1", real=100, synthetic=400, children=500, parents=410),
    ),
    models=(Contribution(digest="5f0c7a61d2b3e4f5061728394a5b6c7d", answers=1030, name="tiny"),),
)
EXAMINED = Examined(
    verdicts=(
        Verdict(dataset="answers-1", examination="secrets", found=0, examined=400, allowed=0, passed=True),
        Verdict(dataset="verified-1", examination="personal", found=2, examined=500, allowed=0, passed=False),
    ),
    signed=("Ada Lovelace: invented people [verified-1: personal: 2 of 500, allowed 0]",),
)
FACTS = Facts(pairs=(("recipe", "rejection_sampling"), ("seed", "0")), command="regrowth run rejection_sampling")
TEXT = Text(title="What this does not show", paragraphs=("One seed.", "One domain."))
REPORT = Report(
    title="Rejection sampling",
    subtitle="A small model trains on its own checked answers.",
    blocks=(HEADLINE, SCORES, FUNNEL, REJECTS, CURVES, COST, LINEAGE, EXAMINED, TEXT, FACTS),
)
