"""What ends a run: signals, and faults in the threads and processes beside it; each in one line, and all that was
trained is saved."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from color_task import ColorTask, config_of
from tiny_models import ROOT, run_python, tiny_config

from lp_recognition.lists.rows import LabelledRows, load_rows
from lp_recognition.model_files.checkpoints import list_checkpoints, read_best
from lp_recognition.system.errors import UserError
from lp_recognition.system.interrupts import graceful
from lp_recognition.training.batches import training_batches
from lp_recognition.training.loop import train

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX"),
    pytest.mark.skipif(
        threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread"
    ),
]

VALUES = {"steps": 6, "quantization_delay": 6, "save_checkpoints_steps": 6}


def interrupted_by(number, count=1, at=3):
    """A task that is sent a signal, so many times, with a batch or in its evaluation."""

    class Interrupted(ColorTask):
        def batches(self, start, stop):
            for batch in range(start, stop):
                if batch == at:
                    for _ in range(count):
                        os.kill(os.getpid(), number)
                yield self.batch(batch)

    return Interrupted.prepare


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_step_under_way_is_finished_and_saved(tmp_path, number, capsys):
    result = train(config_of(tmp_path, **VALUES), interrupted_by(number))
    assert not result.finished
    assert 1 <= result.step < 6
    assert list(list_checkpoints(tmp_path)) == [result.step]
    assert "stopping after this step, saving" in capsys.readouterr().err
    assert train(config_of(tmp_path, **VALUES), ColorTask.prepare).finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # as it was before


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_checkpoint_is_evaluated_loses_nothing(tmp_path, number):
    class Interrupted(ColorTask):
        def evaluate(self, model):
            os.kill(os.getpid(), number)
            return super().evaluate(model)

    values = VALUES | {"save_checkpoints_steps": 2}
    result = train(config_of(tmp_path, **values), Interrupted.prepare)
    assert (result.step, result.finished) == (2, False)
    assert result.evaluation is not None
    assert list(list_checkpoints(tmp_path)) == [2]


def test_the_second_one_ends_at_once(capsys):
    asked = []

    def interrupt():
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(KeyboardInterrupt), graceful(interrupt, stopping="stopping after this step", ended=""):
        os.kill(os.getpid(), signal.SIGINT)
        assert len(asked) == 1
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")
    assert capsys.readouterr().err.count("stopping after this step") == 1


@pytest.mark.usefixtures("eager")
def test_a_second_one_in_a_run_ends_it_without_saving(tmp_path):
    class Impatient(ColorTask):
        def evaluate(self, model):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("not reached")

    with pytest.raises(KeyboardInterrupt):
        train(config_of(tmp_path, **VALUES), Impatient.prepare)
    assert read_best(tmp_path) is None


# ---- Threads and processes -----------------------------------------------------------------------------------------


class Failing(ColorTask):
    fault: Exception = UserError("list.txt:3: expected an image, received none")

    def batches(self, start, stop):
        for number in range(start, stop):
            if number == 3:
                raise self.fault
            yield self.batch(number)


@pytest.mark.parametrize("fault", [Failing.fault, ZeroDivisionError("ours")])
def test_a_fault_in_making_batches_is_raised_as_it_is(tmp_path, monkeypatch, fault):
    """And not wrapped in pages of Keras: a mistake of the user's stays one line, a defect keeps its own traceback."""
    monkeypatch.setattr(Failing, "fault", fault)
    with pytest.raises(type(fault), match=str(fault)) as caught:
        train(config_of(tmp_path, **VALUES), Failing.prepare)
    assert caught.value.__suppress_context__
    assert not list_checkpoints(tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_vanishes_in_a_training_is_named(crops, tmp_path, workers):
    config = tiny_config(train_file_list_path=str(crops / "list.txt"), train_workers=workers)
    rows = load_rows(config.train.file_list_path, skip_bad_rows=False).rows
    gone = [type(row)(tmp_path / "gone.png", row.label, row.source) for row in rows]
    batches = training_batches(
        config, LabelledRows(gone, []), config.vocabulary(["京", *(r.label for r in rows)]), 0, 2
    )
    with pytest.raises(UserError, match=r"^\S+gone.png: expected an image"):
        list(batches)


def killed_worker(config):
    """Batches of a training whose worker is killed after the first, as the system does where memory is short."""
    plates = config.with_values(train=config.train.model_dump() | {"generated_share": 1.0, "workers": 1})
    batches = training_batches(plates, LabelledRows([], []), plates.vocabulary(), 0, 1000)
    try:
        yield next(batches)
        for process in multiprocessing.active_children():
            process.kill()
        while True:
            yield next(batches)
    finally:
        batches.close()


def test_a_worker_that_dies_is_one_line_that_names_what_to_change():
    config = tiny_config(alphabet="0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", train_plate_formats=["cz"])
    with pytest.raises(
        UserError, match=r"train.workers: .*exit code -9.*/dev/shm, .* MiB free.*train.workers=0"
    ) as caught:
        list(killed_worker(config))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("eager")
def test_workers_that_are_stopped_with_the_run_leave_what_was_trained(tmp_path):
    class Stopped(ColorTask):
        def batches(self, start, stop):
            for number in range(start, stop):
                if number == 3:
                    time.sleep(2)  # the steps before are done, and the run waits for this batch
                    os.kill(os.getpid(), signal.SIGTERM)
                    raise UserError("a process that prepares batches had to give up")
                yield self.batch(number)

    result = train(config_of(tmp_path, **VALUES), Stopped.prepare)
    assert not result.finished
    assert list(list_checkpoints(tmp_path)) == [result.step]


HANGING = """
import sys, time
from pathlib import Path
sys.path.insert(0, "tests")
from color_task import ColorTask, config_of
from lp_recognition.system.errors import run_script
from lp_recognition.training.loop import train

class Hanging(ColorTask):
    def batches(self, start, stop):
        yield self.batch(0)
        print("hanging", flush=True)
        time.sleep(3600)

run_script(lambda argv: print(train(config_of(Path(sys.argv[1])), Hanging.prepare)))
"""


@pytest.mark.slow
def test_a_run_that_waits_for_batches_that_never_come_can_be_ended(tmp_path):
    """As for images of a disk that has gone away: the main thread waits in native code, where no handler runs."""
    command = [sys.executable, "-c", HANGING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "hanging\n"
        for _ in range(2):
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "ended at once; the last checkpoint is whole" in errors
    assert "Traceback" not in errors


BATCHES = """
from {script} import main  # as a worker process does first
if __name__ == "__main__":
    import grain
    from lp_recognition.training.prefetching import prefetched
    print(*prefetched(grain.MapDataset.range(3), 1))
"""


@pytest.mark.parametrize("script", ["train_lpr", "train_lpd"])
def test_worker_processes_start_without_noise(tmp_path, script):
    """Grain complains of a profiler of JAX that need not be there."""
    (tmp_path / "batches.py").write_text(BATCHES.format(script=script))
    result = run_python(tmp_path / "batches.py", PYTHONPATH=str(ROOT))
    assert (result.returncode, result.stdout, result.stderr) == (0, "0 1 2\n", "")
