"""The exercises of notebook 14: many machines. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise


def rows_of(process, processes, batch):
    """The row numbers of a global batch that a process trains on, consecutive: (batch // processes,)."""
    share = batch // processes
    return np.arange(process * share, (process + 1) * share)


ROWS_OF = Exercise(
    "rows_of",
    14,
    "Which images does this process train on?",
    rows_of,
    lambda rng: [(1, 2, 6), (0, 3, 12), (2, 3, 15), (int(rng.integers(1, 4)), 4, 32), (5, 8, 64)],
    {
        "These are all rows: every process would do the whole work.": lambda process, processes, batch: np.arange(
            batch
        ),
        "Every process gets the first rows. Start at process * share.": lambda process, processes, batch: np.arange(
            batch // processes
        ),
        "You count processes from 1. The first one is process 0.": lambda process, processes, batch: np.arange(
            (process - 1) * (batch // processes), process * (batch // processes)
        ),
        "You take every so many-th row. That is a fair share too, but rows that follow each other are wanted.": (
            lambda process, processes, batch: np.arange(process, batch, processes)
        ),
    },
    (
        "Each process gets batch // processes rows. The processes before it have taken theirs.",
        "Process 0 begins at row 0, process 1 where process 0 has ended.",
        "`np.arange(process * share, (process + 1) * share)` with `share = batch // processes`.",
    ),
)


def add_around_the_ring(parts, rounds):
    """What each device holds after some rounds of a ring: (devices, devices), a row a device, a column a part."""
    return _around(parts, rounds, sent=lambda device, r, n: (device - r) % n)


def _around(parts, rounds, sent, to=lambda device, n: (device + 1) % n, adds_up=True):
    """The ring with another choice of the part that is sent, or of who gets it, or with parts as they were at first."""
    held = np.array(parts, float)
    devices, source = np.arange(len(held)), held if adds_up else parts
    for r in range(rounds):
        part = sent(devices, r, len(held)) + 0 * devices
        held[to(devices, len(held)), part] += source[devices, part]
    return held


def _one_after_the_other(parts, rounds):
    held = np.array(parts, float)
    n = len(held)
    for r in range(rounds):
        for device in range(n):
            held[(device + 1) % n] += held[device] / n ** (r > n)
    return held


ADD_AROUND_THE_RING = Exercise(
    "add_around_the_ring",
    14,
    "Add up gradients around a ring",
    add_around_the_ring,
    lambda rng: [
        (rng.normal(size=(devices, devices)), rounds) for devices, rounds in [(3, 2), (4, 1), (4, 3), (5, 4), (6, 3)]
    ],
    {
        "Each device sends the same part in every round. In round r it sends the one r places before its own.": (
            lambda parts, rounds: _around(parts, rounds, lambda device, r, n: device)
        ),
        "Each device sends what it was given at first. From round 1 on it hands on what it has added up.": (
            lambda parts, rounds: _around(parts, rounds, lambda device, r, n: (device - r) % n, adds_up=False)
        ),
        "The part goes the wrong way: device - r, not device + r.": lambda parts, rounds: _around(
            parts, rounds, lambda device, r, n: (device + r) % n
        ),
        "All devices send the same part in a round, which they would have to wait for. Each sends another one.": (
            lambda parts, rounds: _around(parts, rounds, lambda device, r, n: r)
        ),
        "You send to the device before. The next one, device + 1, is to get it.": lambda parts, rounds: _around(
            parts, rounds, lambda device, r, n: (device - r) % n, lambda device, n: (device - 1) % n
        ),
        "A whole row travels in your ring. Only one part of it is sent in a round.": _one_after_the_other,
        "That is the end result, the sum everywhere. Wanted is what is held after so many rounds.": (
            lambda parts, rounds: np.tile(parts.sum(axis=0), (len(parts), 1))
        ),
    },
    (
        "Make a copy, and let a loop count the rounds. In round 0, device d sends part d to device d + 1.",
        "In round r, device d sends part (d - r) % n to device (d + 1) % n, which adds it: % closes the ring.",
        "`held[(d + 1) % n, (d - r) % n] += held[d, (d - r) % n]` for every device `d` in every round `r`.",
    ),
)


def fastest(seconds, talk, most):
    """The number p of processes, 1 to `most`, with the shortest step, seconds / p + talk * (p - 1)."""
    processes = np.arange(1, most + 1)
    return int(processes[np.argmin(seconds / processes + talk * (processes - 1))])


def _fastest_by(cost):
    """`fastest` with another cost of p processes, from (seconds, talk, processes)."""

    def wrong(seconds, talk, most):
        processes = np.arange(1, most + 1)
        return int(processes[np.argmin(cost(seconds, talk, processes))])

    return wrong


FASTEST = Exercise(
    "fastest",
    14,
    "How many processes are worth it?",
    fastest,
    lambda rng: [
        (1.0, 0.5, 6),
        (6.0, 0.2, 16),
        (0.3, 0.4, 8),
        (9.0, 0.01, 12),
        (float(rng.uniform(10, 14)), 0.13, 32),
        (4.0, 0.05, 20),
        (2.5, 0.3, 9),
    ],
    {
        "The talk costs time as well. More processes are not always faster.": _fastest_by(lambda s, t, p: s / p),
        "Each process after the first adds a talk: talk * (p - 1), which is 0 for a single process.": _fastest_by(
            lambda s, t, p: s / p + t * (p > 1)
        ),
        "The work is shared: seconds / p.": _fastest_by(lambda s, t, p: s + t * (p - 1)),
        "That is the number for the longest step. Take the shortest.": _fastest_by(
            lambda s, t, p: -(s / p + t * (p - 1))
        ),
        "np.argmin counts from 0. One process is the first choice.": lambda seconds, talk, most: (
            fastest(seconds, talk, most) - 1
        ),
        "That is the shortest time. Wanted is the number of processes that has it.": lambda seconds, talk, most: float(
            min(seconds / p + talk * (p - 1) for p in range(1, most + 1))
        ),
    },
    (
        "The more processes, the shorter the work and the longer the talk. Somewhere between is the shortest step.",
        "Compute the time for every number from 1 to `most`, seconds / p + talk * (p - 1).",
        "`p = np.arange(1, most + 1)`, and `p[np.argmin(seconds / p + talk * (p - 1))]`.",
    ),
)


def epochs_for(dollars, price, macs, images, delivered):
    """Whole epochs that a sum of money buys, at a price an hour and `delivered` operations a second."""
    return int(dollars / price * 3600 * delivered / (6 * macs * images))


EPOCHS_FOR = Exercise(
    "epochs_for",
    14,
    "How many epochs does the money buy?",
    epochs_for,
    lambda rng: [
        (10, 2.0, 1e9, 900_000, 1e12),
        (float(rng.uniform(100, 130)), 3.0, 5.5e9, 1_281_167, 1.1e14),
        (500.0, float(rng.uniform(2, 4)), 1.2e9, 50_000, 5e12),
        (40.0, 0.71, 3e8, 50_000, 2e11),  # 450.7: rounded it would be one too many
    ],
    {
        "That is the forward pass alone. A training step costs three of them.": lambda d, p, macs, n, speed: int(
            d / p * 3600 * speed / (2 * macs * n)
        ),
        "That is the forward pass alone, and a multiply-accumulate is two operations: 6 * macs.": (
            lambda d, p, macs, n, speed: int(d / p * 3600 * speed / (macs * n))
        ),
        "A multiply-accumulate is two operations.": lambda d, p, macs, n, speed: int(
            d / p * 3600 * speed / (3 * macs * n)
        ),
        "The price is for an hour, the speed for a second: 3,600 seconds are missing.": lambda d, p, macs, n, speed: (
            int(d / p * speed / (6 * macs * n))
        ),
        "Those are hours times the price. Money divided by the price gives hours.": lambda d, p, macs, n, speed: int(
            d * p * 3600 * speed / (6 * macs * n)
        ),
        "Part of an epoch is left over. Wanted are whole ones.": lambda d, p, macs, n, speed: (
            d / p * 3600 * speed / (6 * macs * n)
        ),
        "You round up, and the last epoch is not paid for.": lambda d, p, macs, n, speed: (
            int(d / p * 3600 * speed / (6 * macs * n)) + 1
        ),
        "You round to the nearest number: where it is the larger one, the last epoch is not paid for.": (
            lambda d, p, macs, n, speed: round(d / p * 3600 * speed / (6 * macs * n))
        ),
    },
    (
        "Follow the bill backwards: from money to hours, to seconds, to operations, to images, to epochs.",
        "An epoch costs 6 * macs * images operations. How many operations do you get for the money?",
        "`int(dollars / price * 3600 * delivered / (6 * macs * images))`.",
    ),
)

EXERCISES = [ROWS_OF, ADD_AROUND_THE_RING, FASTEST, EPOCHS_FOR]
