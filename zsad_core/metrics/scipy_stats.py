"""SciPy's statistics, which take seconds to import and need a whole torch or none."""

from types import ModuleType


def scipy_stats() -> ModuleType:
    """`scipy.stats`, after torch.

    While it is imported, and at each call, it looks into a torch that is loaded, and fails on one
    that another thread is only importing; here such a thread is waited for.
    """
    import torch  # noqa: F401, TID251 — see above
    from scipy import stats  # noqa: TID251

    return stats
