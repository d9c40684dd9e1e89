"""Work in other processes: its order, what fails alone, what it knows of the environment."""

import os
import time
from contextlib import closing
from functools import partial

import pytest

from helpers.report.processes import ENDED, ProcessError, in_processes


def _double(number):
    time.sleep(0.02 * (number == 1))
    return 2 * number


def _fail(number):
    if number == 3:
        raise ValueError("no three")
    return number


def _crash(number):
    if number == 3:
        os._exit(1)  # as a decoder does that reads where it must not
    return number


def test_results_come_in_the_order_of_the_items():
    assert list(in_processes(_double, range(40), {})) == [2 * number for number in range(40)]
    assert list(in_processes(_double, [], {})) == []


def test_what_fails_is_said_and_the_others_go_on():
    found = list(in_processes(_fail, range(6), {}))
    assert isinstance(found[3], ProcessError) and str(found[3]) == "ValueError: no three"
    assert found[:3] + found[4:] == [0, 1, 2, 4, 5]


def test_a_process_that_crashes_takes_no_more_along_than_ran_beside_it():
    found = list(in_processes(_crash, range(30), {}))
    lost = [number for number, one in enumerate(found) if isinstance(one, ProcessError)]
    assert 3 in lost and len(lost) <= min(8, os.cpu_count() or 1) and str(found[3]) == ENDED
    assert [one for one in found if not isinstance(one, ProcessError)] == [
        number for number in range(30) if number not in lost
    ]


def test_processes_have_the_environment_that_they_are_given(monkeypatch):
    monkeypatch.delenv("A_VARIABLE", raising=False)
    assert list(in_processes(_variable, ["A_VARIABLE"], {"A_VARIABLE": "value"})) == ["value"]
    assert "A_VARIABLE" not in os.environ


@pytest.mark.parametrize("taken", [0, 2])
def test_what_has_not_begun_is_dropped(taken, tmp_path):
    with closing(in_processes(partial(_touch, str(tmp_path)), range(1000), {})) as results:
        for _ in range(taken):
            next(results)
    assert len(list(tmp_path.iterdir())) < 100


def _variable(name):
    return os.environ.get(name)


def _touch(folder, number):
    open(os.path.join(folder, str(number)), "wb").close()
