"""What one user of several may take of the disk, so that it lasts for the others."""

import threading
from datetime import UTC, date, datetime

from zsad_core.base.paths import added_bytes
from zsad_core.errors import SettingError


class DailyUse:
    """Bytes that each user added to the cache since midnight (UTC), in this process."""

    def __init__(self) -> None:
        self._day = date.min
        self._added: dict[str, int] = {}
        self._lock = threading.Lock()

    def of(self, user: str) -> int:
        """Bytes that a user added today."""
        with self._lock:
            today = datetime.now(UTC).date()
            if self._day != today:
                self._day, self._added = today, {}
            return self._added.get(user, 0)

    def check(self, user: str) -> None:
        """Raise SettingError where a user has added what is allowed; "" is nobody in particular."""
        most = added_bytes()
        if user and most is not None and self.of(user) >= most:
            raise SettingError(
                f"You added {self.of(user) / 2**20:.0f} MB to the feature cache today, of "
                f"{most / 2**20:.0f} MB that one user may (ZSAD_CACHE_DAY_GB); look at what is "
                "stored, or go on tomorrow."
            )

    def add(self, user: str, size: int) -> None:
        """Count bytes that a user added."""
        self.of(user)  # of today
        with self._lock:
            self._added[user] = self._added.get(user, 0) + size
