"""A dask cluster that runs already, for a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_csc.batch.tasks import Answer, Task, killed, told_failure
from napari_csc.errors import CscError

if TYPE_CHECKING:
    from distributed import Future


@dataclass(frozen=True)
class Scheduler:
    """Where a dask scheduler is, and how it is talked to.

    Attributes
    ----------
    address : str
        Such as ``tls://host:8786``.
    authority, certificate, key : Path or None
        Files of the certificate authority, the own certificate and its key, for TLS.
    """

    address: str
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def security(self) -> Any:
        """Return what dask needs for TLS; None without certificates.

        Raises
        ------
        CscError
            If one of the three files is missing.
        """
        from distributed import Security

        files = (self.authority, self.certificate, self.key)
        if not any(files):
            return None
        if not all(one is not None and one.expanduser().is_file() for one in files):
            raise CscError(
                "TLS needs three files that exist: --tls-ca, --tls-cert and --tls-key; check them."
            )
        authority, certificate, key = (str(Path(one).expanduser()) for one in files if one)
        return Security(
            tls_ca_file=authority,
            tls_client_cert=certificate,
            tls_client_key=key,
            require_encryption=True,
        )


class DaskPool:
    """The workers of a dask cluster; to be used as a context.

    Raises
    ------
    CscError
        If the scheduler cannot be reached.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        from distributed import Client, as_completed

        try:
            self._client = Client(scheduler.address, timeout=10, security=scheduler.security())
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
            if isinstance(error, CscError):
                raise
            raise CscError(
                f"There is no dask scheduler at {scheduler.address}; start one, or leave the "
                "address out."
            ) from error
        self._tasks: dict[Future[Any], Task] = {}
        self._ended = as_completed()

    def __enter__(self) -> DaskPool:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def submit(self, task: Task) -> None:
        """Add a task; those of earlier scans come first, so that results appear early."""
        future = self._client.submit(
            task.function, task.scan, task.order, *task.more, pure=False, priority=-task.place
        )
        self._tasks[future] = task
        self._ended.add(future)

    def ended(self) -> Iterator[tuple[Task, Answer]]:
        """Give tasks with their answers as they end, until none is left."""
        from distributed import KilledWorker

        for future in self._ended:
            task = self._tasks.pop(future)
            try:
                answer: Answer = future.result()
            except KilledWorker:
                answer = killed(task.scan)
            except Exception as error:
                answer = told_failure(task.scan, error)
            yield task, answer
