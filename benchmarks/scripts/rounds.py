"""What a round of a run took: read from when its trials reported, so that neither its beginning nor its end counts."""

from __future__ import annotations


def seconds(results, first):
    """Return the seconds of a round, of the trial that took longest.

    Args:
        results: Of the run; trials report `at`, the time.
        first: The first round that counts.
    """
    return max(_seconds(result.metrics_dataframe, first) for result in results)


def _seconds(table, first):
    measured = table[table["training_iteration"] >= first]  # rows; tables of Ray Tune may lack some
    begin, end = measured.iloc[0], measured.iloc[-1]
    return (end["at"] - begin["at"]) / (end["training_iteration"] - begin["training_iteration"])
