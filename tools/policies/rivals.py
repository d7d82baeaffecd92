"""Runs VowpalWabbit on the streams of a folder, for `cargo xtask bench policies`.

    python rivals.py FOLDER RESULTS.json

`--cb_explore_adf` with epsilon, squarecb and cover, default settings, each with and without the
interactions of context and message (`-q CA`): the better of the two counts. Costs are -reward. The message is
drawn from the probabilities that VowpalWabbit gives; rewards arrive as late as the stream says.
"""

import collections
import json
import pathlib
import random
import sys

import vowpalwabbit

EXPLORERS = {
    "epsilon": "--epsilon 0.05",
    "squarecb": "--squarecb",
    "cover": "--cover 5",
}


def number(value):
    return f"{value:.6g}"


def shared(names, context):
    return "shared |C " + " ".join(f"{n}:{number(v)}" for n, v in zip(names, context) if v)


def actions(head, row):
    if row.get("actions"):
        names = head["action_names"]
        return ["|A " + " ".join(f"{n}:{number(v)}" for n, v in zip(names, a)) for a in row["actions"]]
    return [f"|A {name}" for name in row["ids"]]


def draw(probabilities, rng):
    left = rng.random() * sum(probabilities)
    for i, p in enumerate(probabilities):
        left -= p
        if left < 0:
            return i
    return len(probabilities) - 1


def rounds(path, vw, rng):
    """Chooses and learns; the reward and the regret of every round."""
    waiting = collections.deque()
    rewards, regrets = [], []
    with open(path) as lines:
        head = json.loads(next(lines))
        for i, line in enumerate(lines):
            while waiting and waiting[0][0] <= i:
                vw.learn(waiting.popleft()[1])
            row = json.loads(line)
            example = [shared(head["context_names"], row["context"])] + actions(head, row)
            probabilities = vw.predict(example)
            k = draw(probabilities, rng)
            reward = row["rewards"][k]
            rewards.append(reward)
            regrets.append(max(row["means"]) - row["means"][k])
            example[1 + k] = f"0:{number(-reward)}:{number(probabilities[k])} " + example[1 + k]
            waiting.append((i + 1 + head["delay"], example))
    return head["name"], sum(rewards) / len(rewards), sum(regrets)


def logged(path, vw):
    """Learns from the log row by row; before each, the probability of what was shown counts its
    click (inverse propensity score, progressive)."""
    total, n = 0.0, 0
    with open(path) as lines:
        head = json.loads(next(lines))
        named = [f"|A {name}" for name in head["ids"]]
        for line in lines:
            row = json.loads(line)
            example = [shared(head["context_names"], row["context"])] + named
            p = vw.predict(example)[row["action"]]
            total += p / row["propensity"] * row["reward"]
            n += 1
            label = f"0:{number(-row['reward'])}:{number(row['propensity'])} "
            example[1 + row["action"]] = label + example[1 + row["action"]]
            vw.learn(example)
    return head["name"], total / n, None


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    results = []
    for path in sorted(folder.glob("*.ndjson")):
        if only not in path.name:
            continue
        for explorer, options in EXPLORERS.items():
            for interactions in ("", " -q CA"):
                vw = vowpalwabbit.Workspace(f"--cb_explore_adf {options}{interactions} --quiet")
                if path.name.endswith(".logged.ndjson"):
                    name, reward, regret = logged(path, vw)
                else:
                    name, reward, regret = rounds(path, vw, random.Random(path.name))
                vw.finish()
                results.append({
                    "stream": name,
                    "file": path.name,
                    "policy": f"{explorer}{interactions}",
                    "reward": reward,
                    "regret": regret,
                })
        out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
