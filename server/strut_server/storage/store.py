"""Everything that is stored, and the thread that looks what other servers have changed."""

from __future__ import annotations

import logging
import threading
import time

from strut_model.bundle import Bundle
from strut_server.storage.database import Database, StorageError
from strut_server.storage.operations import Operations
from strut_server.storage.presets import Presets
from strut_server.storage.styles import AllStyles, UserStyles

POLL_SECONDS = 0.25
"""How often the database is asked for changes: other servers' styles are known after this long."""
SIGN_OF_LIFE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Store:
    """Styles, presets and operations of one database.

    Args:
        url: the database's, see `Database`.
        limit: most styles, and most presets, of one owner.

    Raises:
        StorageError: the database cannot be used.
    """

    def __init__(self, url: str | None, limit: int) -> None:
        self.database = Database(url)
        self.styles = UserStyles(self.database, limit)
        self.presets = Presets(self.database, limit)
        self.operations = Operations(self.database)
        self.working_on: set[str] = set()
        """Operations that this server works on; replaced, never changed."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="strut-store", daemon=True)

    def styles_of(self, bundle: Bundle) -> AllStyles:
        """What names of styles mean while a bundle serves."""
        return AllStyles(bundle, self.styles)

    def start(self) -> None:
        """Begin to look for changes."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking, and close the database."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self.database.close()

    def _watch(self) -> None:
        answers = True
        last_sign = -SIGN_OF_LIFE_SECONDS
        while not self._ending.wait(POLL_SECONDS):
            try:
                self.styles.refresh()
                if time.monotonic() - last_sign >= SIGN_OF_LIFE_SECONDS:
                    self.operations.sign_of_life(self.working_on)
                    last_sign = time.monotonic()
            except StorageError as error:
                # Motion needs no database: what is known serves on.
                if answers:
                    log.error("styles of other servers are not seen for now: %s", error)
                answers = False
            else:
                if not answers:
                    log.info("the database answers again")
                answers = True
