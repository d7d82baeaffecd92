"""Microseconds of one prediction of VowpalWabbit, for `cargo xtask bench policies`: 50 messages, 10 features of the
message and 10 of the context with their interactions, epsilon; on parsed examples and from text."""

import random
import time

import vowpalwabbit

N_ACTIONS, N_FEATURES, N_ROUNDS = 50, 10, 400

rng = random.Random(1)


def features(prefix):
    return " ".join(f"{prefix}{i}:{rng.random():.4f}" for i in range(N_FEATURES))


def example():
    return [f"shared |C {features('c')}"] + [f"|A {features('a')}" for _ in range(N_ACTIONS)]


def least(run, prepared):
    times = []
    for one in prepared:
        began = time.perf_counter()
        run(one)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 10] * 1e6


vw = vowpalwabbit.Workspace("--cb_explore_adf --epsilon 0.05 -q CA --quiet")
for _ in range(200):
    lines = example()
    lines[1] = "0:-0.5:0.1 " + lines[1]
    vw.learn(lines)
texts = [example() for _ in range(N_ROUNDS)]
parsed = [vw.parse(lines) for lines in texts]
print(f"{least(vw.predict, parsed):.1f} {least(vw.predict, texts):.1f}")
