"""Signals: the first one asks, the second one ends the process, whatever its threads are doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from archive.engine.stopping import Brake
from flows.signals import signals_stop

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = (signal.SIGINT, signal.SIGTERM)
# A run whose thread is busy for longer than any test may take, and does not look at the brake.
BUSY = """
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock
from flows.signals import signals_stop
with signals_stop(Mock()), ThreadPoolExecutor(1) as pool:
    print("begun", flush=True)
    pool.submit(time.sleep, 3600).result()
"""


@pytest.fixture
def brake() -> Brake:
    """A brake that nobody looks at."""
    return Brake(Mock(), Mock(), lambda: 0.0)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_asks_and_the_second_interrupts(brake: Brake, number: signal.Signals) -> None:
    """Handlers are as before afterwards."""
    before = [signal.getsignal(each) for each in NUMBERS]

    def twice() -> None:
        with signals_stop(brake):
            os.kill(os.getpid(), number)
            assert f"{number.name} was received" in str(brake.reason(lambda: None))
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert [signal.getsignal(each) for each in NUMBERS] == before


def test_the_second_signal_ends_a_process_whose_threads_do_not_come_back() -> None:
    """With the exit code of an interruption."""
    with subprocess.Popen([sys.executable, "-c", BUSY], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        run.send_signal(signal.SIGINT)
        while run.poll() is None:
            run.send_signal(signal.SIGINT)
            try:
                run.wait(1)
            except subprocess.TimeoutExpired:
                continue
        assert run.returncode == 130
