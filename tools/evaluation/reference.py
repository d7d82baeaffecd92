"""Makes the reference outputs of `testkit/fixtures/evaluation/` with the Open Bandit Pipeline.

    pip install numpy scipy pandas scikit-learn pyyaml tqdm
    pip install --no-deps obp==0.4.1
    python reference.py ../../testkit/fixtures/evaluation

torch and whatever else the package imports and none of this needs is replaced by stand-ins.

`made-up.json`: 300 rounds of a made-up log; the folds and estimated rewards of the package's RegressionModel over
scikit-learn's Ridge (alpha 1, 3 folds, seed 7); what each of its estimators says.
`obd-random-all.csv`: item, position and click of the 10,000 rows that the package ships of the Open Bandit
Dataset, campaign "all", uniform policy (propensity 1/80 throughout); CC BY 4.0, Saito et al. 2020.
`obd-bts-all.json`: the distribution of Bernoulli Thompson sampling over them: Beta priors of the package for the campaign,
numpy's RandomState of seed 12345, 100,000 draws of 80 numbers, counted by position; and the estimates.
"""

import json
import pathlib
import sys
import types

import numpy as np


class Anything(types.ModuleType):
    """A module all of whose names are empty classes."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *_args, **_more: None, "__call__": lambda self: None})


STAND_INS = (
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.optim",
    "torch.utils",
    "torch.utils.data",
    "mypy_extensions",
    "matplotlib",
    "matplotlib.pyplot",
    "seaborn",
)
for name in STAND_INS:
    sys.modules[name] = Anything(name)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])

import obp  # noqa: E402
import pandas as pd  # noqa: E402
from obp.ope import (  # noqa: E402
    DirectMethod,
    DoublyRobust,
    DoublyRobustWithShrinkage,
    InverseProbabilityWeighting,
    RegressionModel,
    SelfNormalizedDoublyRobust,
    SelfNormalizedInverseProbabilityWeighting,
    SwitchDoublyRobust,
)
from obp.policy.contextfree import BernoulliTS  # noqa: E402
from sklearn.linear_model import Ridge  # noqa: E402
from sklearn.model_selection import KFold  # noqa: E402


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def made_up(folder):
    rng = np.random.default_rng(1)
    n, n_actions, n_context = 300, 5, 3
    context = rng.normal(size=(n, n_context)).round(6)
    weights = rng.normal(size=(n_context, n_actions))
    logging = softmax(0.5 * context @ rng.normal(size=(n_context, n_actions)))
    evaluation = softmax(1.5 * context @ weights)
    action = np.array([rng.choice(n_actions, p=p) for p in logging])
    mean = 1 / (1 + np.exp(-(context @ weights)[np.arange(n), action]))
    reward = (rng.random(n) < mean).astype(float)
    pscore = logging[np.arange(n), action]
    n_folds, seed = 3, 7
    model = RegressionModel(n_actions=n_actions, base_model=Ridge(alpha=1.0))
    q_hat = model.fit_predict(
        context=context, action=action, reward=reward, pscore=pscore, n_folds=n_folds, random_state=seed
    )
    fold = np.empty(n, dtype=int)
    for k, (_, test) in enumerate(KFold(n_splits=n_folds, shuffle=True, random_state=seed).split(context)):
        fold[test] = k
    whole = RegressionModel(n_actions=n_actions, base_model=Ridge(alpha=1.0)).fit_predict(
        context=context, action=action, reward=reward, pscore=pscore
    )
    given = {
        "reward": reward,
        "action": action,
        "pscore": pscore,
        "action_dist": evaluation[:, :, None],
        "position": np.zeros(n, dtype=int),
    }
    with_model = {**given, "estimated_rewards_by_reg_model": q_hat}
    estimates = {
        "ips": InverseProbabilityWeighting().estimate_policy_value(**given),
        "snips": SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**given),
        "dm": DirectMethod().estimate_policy_value(**with_model),
        "dr": DoublyRobust().estimate_policy_value(**with_model),
        "sndr": SelfNormalizedDoublyRobust().estimate_policy_value(**with_model),
        "switch_dr_2": SwitchDoublyRobust(tau=2.0).estimate_policy_value(**with_model),
        "dros_10": DoublyRobustWithShrinkage(lambda_=10.0).estimate_policy_value(**with_model),
    }
    write(folder / "made-up.json", {
        "context": context.tolist(),
        "action": action.tolist(),
        "reward": reward.tolist(),
        "propensity": pscore.tolist(),
        "evaluation": evaluation.tolist(),
        "fold": fold.tolist(),
        "expected_rewards": q_hat[:, :, 0].tolist(),
        "expected_rewards_without_folds": whole[:, :, 0].tolist(),
        "estimates": {name: float(value) for name, value in estimates.items()},
    })


def open_bandit(folder):
    shipped = pathlib.Path(obp.__file__).parent / "dataset" / "obd" / "random" / "all" / "all.csv"
    rows = pd.read_csv(shipped, index_col=0)
    log = {
        "action": rows["item_id"].to_numpy(),
        "position": rows["position"].to_numpy() - 1,
        "reward": rows["click"].to_numpy().astype(float),
        "pscore": rows["propensity_score"].to_numpy(),
    }
    policy = BernoulliTS(
        n_actions=80, len_list=3, is_zozotown_prior=True, campaign="all", random_state=12345
    )
    one = policy.compute_batch_action_dist(n_sim=100_000, n_rounds=1)[0]
    with open(folder / "obd-random-all.csv", "w") as out:
        print("item_id,position,click", file=out)
        for item, position, click in zip(log["action"], log["position"], log["reward"]):
            print(f"{item},{position},{int(click)}", file=out)
    assert np.all(log["pscore"] == 0.0125)
    given = {
        "reward": log["reward"],
        "action": log["action"],
        "pscore": log["pscore"],
        "action_dist": np.tile(one, (len(rows), 1, 1)),
        "position": log["position"],
    }
    write(folder / "obd-bts-all.json", {
        "propensity": 0.0125,
        "distribution_by_position": one.T.tolist(),
        "estimates": {
            "ips": float(InverseProbabilityWeighting().estimate_policy_value(**given)),
            "snips": float(SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**given)),
        },
    })


def write(path, value):
    path.write_text(json.dumps(value) + "\n")
    print(path.name, value["estimates"])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    made_up(folder)
    open_bandit(folder)


if __name__ == "__main__":
    main()
