"""Writes streams of rounds from data sets that packages ship, for `cargo xtask bench policies`.

    python datasets.py FOLDER [--obd PATH/OF/obp/dataset/obd]

Digits, wine and breast_cancer of scikit-learn as bandit feedback: the features are scaled to 0..1 by
their range, each class is a message, the right one earns 1. Twenty permutations each. Open Bandit, women and
men, uniform policy: the rows as logged in three orders, with what was shown, its probability and the click.
"""

import argparse
import json
import pathlib

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

N_PERMUTATIONS = 20
N_LOG_PERMUTATIONS = 3
SEED = 2026


def classification(folder, name, load):
    data = load()
    x, y = data.data.astype(float), data.target
    low, high = x.min(axis=0), x.max(axis=0)
    x = (x - low) / np.where(high > low, high - low, 1.0)
    n_classes = int(y.max()) + 1
    ids = [f"class{k}" for k in range(n_classes)]
    for permutation in range(N_PERMUTATIONS):
        order = np.random.default_rng([SEED, permutation]).permutation(len(y))
        with open(folder / f"{name}-{permutation}.ndjson", "w") as out:
            names = [f"x{i}" for i in range(x.shape[1])]
            head = {"name": name, "delay": 0, "context_names": names, "action_names": []}
            print(json.dumps(head), file=out)
            for i in order:
                rewards = [float(k == y[i]) for k in range(n_classes)]
                row = {
                    "context": [round(float(v), 6) for v in x[i]],
                    "ids": ids,
                    "rewards": rewards,
                    "means": rewards,
                }
                print(json.dumps(row), file=out)


def open_bandit(folder, obd, campaign):
    """One-hot user features (four anonymous ones of few values) and the position as the context; item
    features one-hot with the id."""
    log = pd.read_csv(obd / "random" / campaign / f"{campaign}.csv", index_col=0)
    users = pd.get_dummies(log.filter(like="user_feature"), drop_first=True)
    users = users.loc[:, users.mean() > 0.01]
    positions = pd.get_dummies(log["position"], prefix="position")
    context = pd.concat([users, positions], axis=1).astype(float)
    n_items = int(log["item_id"].max()) + 1
    ids = [f"item{k}" for k in range(n_items)]
    for permutation in range(N_LOG_PERMUTATIONS):
        order = np.random.default_rng([SEED, permutation]).permutation(len(log))
        with open(folder / f"obd-{campaign}-{permutation}.logged.ndjson", "w") as out:
            head = {"name": f"obd-{campaign}", "context_names": list(context.columns), "ids": ids}
            print(json.dumps(head), file=out)
            for i in order:
                row = log.iloc[i]
                line = {
                    "context": context.iloc[i].tolist(),
                    "action": int(row["item_id"]),
                    "reward": float(row["click"]),
                    "propensity": float(row["propensity_score"]),
                }
                print(json.dumps(line), file=out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--obd", type=pathlib.Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    classification(args.folder, "digits", load_digits)
    classification(args.folder, "wine", load_wine)
    classification(args.folder, "breast_cancer", load_breast_cancer)
    if args.obd:
        for campaign in ("women", "men"):
            open_bandit(args.folder, args.obd, campaign)


if __name__ == "__main__":
    main()
