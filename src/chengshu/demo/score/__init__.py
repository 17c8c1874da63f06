"""What the platform has found of the errors whose truth is known: precision, recall, what became.

It stands in `chengshu.demo`, not in a room of the platform: it knows the answer key, and nothing
that runs in a city may.
"""

from chengshu.demo.score.counts import Score, make_score

__all__ = ["Score", "make_score"]
