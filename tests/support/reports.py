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
from regrowth.reports.compared import (
    Associations,
    Cell,
    Explained,
    Judgement,
    Marginal,
    Marginals,
    Readings,
    Reason,
    Told,
    Twin,
    Twins,
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
JUDGEMENT = Judgement(
    level="stop",
    text="Stop. Real records can be told from these data.",
    reasons=(
        Reason(
            level="stop", text="Records identical to a training record: 0.3, real data 0 to 0.01.", section="privacy"
        ),
        Reason(level="look", text="1 column could not be compared. zip: not in the second table."),
        Reason(level="good", text="The data behave like the real ones.", section="fidelity"),
    ),
    figures=(Figure(label="real records", value="2,000"), Figure(label="synthetic records", value="1,999")),
)
READINGS = Readings(
    family="fidelity",
    title="Fidelity",
    lead="Do the synthetic data behave like the real ones?",
    measures=(
        Explained(
            name="column_shapes",
            title="Column shapes",
            better="higher",
            low=0.0,
            high=1.0,
            says="The mean over all columns of how alike they are distributed.",
            source="SDMetrics",
            readings=(Told(estimate=Estimate(0.97, 0.96, 0.98, 2000), null=Estimate(0.975, 0.965, 0.985, 2000)),),
        ),
        Explained(
            name="ks_complement",
            title="Shape of a number column",
            better="higher",
            low=0.0,
            high=1.0,
            says="How alike the values are distributed: 1 is equal.",
            readings=(
                Told(
                    of="age",
                    estimate=Estimate(0.61, 0.58, 0.64, 2000, 3),
                    null=Estimate(0.97, 0.96, 0.99, 2000),
                    note="of 1,997 rows",
                    level="stop",
                ),
                Told(of="hours", estimate=Estimate(0.9, 0.88, 0.92, 2000), level="look"),
                Told(of="income", estimate=Estimate(0.98, 0.97, 0.99, 2000), null=Estimate(0.98, 0.97, 0.99, 2000)),
            ),
        ),
        Explained(
            name="mean_difference",
            title="Difference of means",
            better="middle",
            says="By how many standard deviations the synthetic average lies above the real one.",
            readings=(Told(of="age", estimate=Estimate(0.01, -0.02, 0.04, 2000), null=Estimate(0, -0.03, 0.03, 2000)),),
        ),
    ),
    note="2 figures could not be computed and were left out.",
)
MARGINALS = Marginals(
    columns=(
        Marginal(
            name="age",
            shape="bins",
            about="number",
            labels=("17 to 40", "40 to 63", "above 63"),
            real=(0.5, 0.375, 0.125),
            synthetic=(0.25, 0.5, 0.125),
            missing=(0.0, 0.125),
            ends=("17", "86"),
        ),
        Marginal(
            name="job",
            shape="bars",
            about="category",
            labels=("farmer", "teacher", "(not in the real data)"),
            real=(0.6, 0.4, 0.0),
            synthetic=(0.5, 0.3, 0.2),
        ),
    ),
    note="Identifiers have no spread to draw: id.",
)
ASSOCIATIONS = Associations(
    names=("age", "hours", "job", "constant"),
    real=((None, 0.6, -0.3, None), (0.6, None, 0.01, None), (-0.3, 0.01, None, None), (None,) * 4),
    synthetic=((None, 0.1, -0.35, None), (0.1, None, 0.2, None), (-0.35, 0.2, None, None), (None,) * 4),
    note="From 20,000 rows of each table, evenly spaced.",
)
TWINS = Twins(
    lead="Copies?",
    pairs=(
        Twin(
            distance=0.0,
            synthetic_place=812,
            real_place=17,
            cells=(
                Cell(column="age", synthetic="41", real="41"),
                Cell(column="job", synthetic="farmer", real="farmer"),
            ),
        ),
        Twin(
            distance=0.125,
            synthetic_place=3,
            real_place=1204,
            cells=(
                Cell(column="age", synthetic="50", real="52"),
                Cell(column="job", synthetic="teacher", real="teacher"),
            ),
        ),
        Twin(
            distance=0.4, synthetic_place=9, real_place=2, cells=(Cell(synthetic="A synthetic text.", real="A text."),)
        ),
    ),
    equal=1,
    of=1999,
    usual=0.31,
    note="Nearest among 2,000 real records, searched for 400 synthetic ones drawn at random.",
)
COMPARED = (JUDGEMENT, READINGS, MARGINALS, ASSOCIATIONS, TWINS)
TEXT = Text(title="What this does not show", paragraphs=("One seed.", "One domain."))
REPORT = Report(
    title="Rejection sampling",
    subtitle="A small model trains on its own checked answers.",
    blocks=(HEADLINE, SCORES, FUNNEL, REJECTS, CURVES, COST, LINEAGE, EXAMINED, TEXT, *COMPARED, FACTS),
)
