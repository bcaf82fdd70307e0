"""AdaCLIP's hybrid semantic fusion: clusters of abnormal patches blended into the class feature."""

import numpy as np

from zsad_core.methods.texts import unit
from zsad_core.types import FloatArray

CLUSTERS, EACH = 20, 5
SEED = 111
SHARE = 0.2
Random = np.random.RandomState | int


def fused(whole: FloatArray, taps: FloatArray, logits: FloatArray, random: Random) -> FloatArray:
    """The class feature (E,) with what the most abnormal patches have in common, of length one.

    Of the 100 patches of the largest mean logits (P,), described by their features of all taps
    (L, P, E) side by side, k-means makes 20 clusters; the mean over clusters of the mean feature
    of their members, over all taps, counts for a fifth. `random` is where k-means draws from.
    """
    from sklearn.cluster import KMeans  # here, as it is a quarter of the app's start

    order = np.argsort(-logits, kind="stable")[: CLUSTERS * EACH]
    chosen = taps[:, order].transpose(1, 0, 2)  # (N, L, E)
    count = min(CLUSTERS, len(chosen))
    kmeans = KMeans(count, n_init="auto", random_state=random)
    cluster = kmeans.fit_predict(chosen.reshape(len(chosen), -1))
    centres = [chosen[cluster == k].mean(axis=(0, 1)) for k in range(count)]
    return unit(SHARE * unit(np.mean(centres, axis=0)) + (1 - SHARE) * whole)
