"""What all commands have in common: the same options for the same things, examples that parse, JSON, exit codes."""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

import dsptrack as dt
from dsptrack.cli import main, parser

PARSERS = parser().parse_args(["info"]).commands
# Words that make a command do its least; every command must stand here.
LEAST = {
    "compare": ["--data", "digits", "--epochs", "1", "--hidden", "4", "--methods", "tt-v2"],
    "train": ["--data", "digits", "--epochs", "1", "--hidden", "4", "--method", "tt-v2"],
    "sweep": ["grid.toml"],
    "tune": ["--data", "digits", "--epochs", "1", "--trials", "1", "--method", "tt-v2"],
    "reproduce": ["fig1a", "--quick", "--cells", "4", "--values", "20"],
    "calibrate": ["--shape", "4", "4", "--pulses", "4"],
    "respond": ["--shape", "4", "4"],
    "fit": ["traces.csv"],
    "info": [],
    "completion": ["bash"],
}
WRITES_NO_FILES = {"info", "completion"}
# Another interpreter's main(), with the signals of a terminal: a shell starts background jobs without them.
PROGRAM = """
import signal, sys
from dsptrack.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with measured traces and a grid."""
    monkeypatch.chdir(tmp_path)
    array = dt.CrossbarArray((2, 2), dt.devices.SoftBounds(dw_min=0.03), rng=0)
    lines = ["cell,pulse,polarity,conductance"]
    reads, polarities = [array.weights.ravel()], [0]
    for polarity in [1] * 20 + [-1] * 20:
        array.pulse(polarity)
        reads.append(array.weights.ravel())
        polarities.append(polarity)
    for pulse, (polarity, read) in enumerate(zip(polarities, reads, strict=True)):
        lines += [f"{cell},{pulse},{polarity},{value}" for cell, value in enumerate(read)]
    (tmp_path / "traces.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "grid.toml").write_text('fixed = {data = "digits", epochs = 1, method = "tt-v2", hidden = [4]}\n')
    return tmp_path


def examples(text):
    """The commands that an epilog shows: what precedes two spaces, without an environment and a redirection."""
    for line in text.partition("examples:\n")[2].splitlines():
        if not line.startswith("  "):
            return
        (words,) = re.fullmatch(r"  (?:[A-Z_]+=\S+ )?dsptrack (.+?)(?: > \S+)?(?:\s{2,}.*)?", line).groups()
        yield shlex.split(words)


def shared(option):
    return {string for string in option.option_strings if string not in ("-h", "--help")}


def test_every_command_is_tried_here():
    assert set(PARSERS) == set(LEAST)


@pytest.mark.parametrize("command", [None, *PARSERS])
def test_help_has_examples_that_parse(command, capsys):
    assert main(["--help"] if command is None else [command, "--help"]) == 0
    shown = capsys.readouterr().out
    found = list(examples(shown))
    assert found
    assert command is None or any(words[0] == command for words in found)
    for words in found:
        parser().parse_args(words)
        assert "--config" not in words or command in (None, words[0])


def test_an_option_means_the_same_everywhere():
    seen = {}
    for command, made in PARSERS.items():
        for option in made._actions:
            for string in shared(option):
                form = (option.dest, option.type, option.nargs, option.choices)
                first, wanted = seen.setdefault(string, (command, form))
                assert form == wanted, f"{string} differs between {first} and {command}"
                assert string == "--" + option.dest.replace("_", "-"), command


@pytest.mark.parametrize("command", PARSERS)
def test_common_options(command):
    strings = {string for option in PARSERS[command]._actions for string in shared(option)}
    assert "--config" in strings
    if command != "completion":
        assert {"--json", "--quiet"} <= strings
    if command not in WRITES_NO_FILES:
        assert "--out" in strings
    assert ("--seed" in strings) == ("--threads" in strings)
    for option in PARSERS[command]._actions:
        assert option.help, option.dest
        assert option.nargs == 0 or option.choices or option.metavar, option.dest


@pytest.mark.parametrize("command", [name for name in PARSERS if name != "completion"])
def test_json_is_all_of_stdout_and_quiet_is_quiet(command, folder, capsys):
    assert main([command, *LEAST[command], "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert isinstance(json.loads(captured.out), dict)
    assert captured.err == ""
    written = {path.name for path in folder.iterdir()} - {"traces.csv", "grid.toml"}
    assert written == (set() if command in WRITES_NO_FILES else {"dsptrack-out"})


@pytest.mark.parametrize("command", [name for name in PARSERS if name not in WRITES_NO_FILES])
def test_what_was_written_is_a_remark(command, folder, capsys):
    assert main([command, *LEAST[command]]) == 0
    captured = capsys.readouterr()
    assert "wrote " in captured.err.splitlines()[-1]
    assert "wrote " not in captured.out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (dt.ConfigError("epochs = 0: must be >= 1"), 2, "dsptrack: error: epochs = 0: must be >= 1\n"),
        (dt.DataError("broken.csv: line 3"), 1, "dsptrack: error: broken.csv: line 3\n"),
        (OSError(28, "No space left on device"), 1, "dsptrack: error: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 130, "dsptrack: interrupted\n"),
    ],
)
def test_exit_codes(error, code, said, monkeypatch, capsys):
    def fail(arguments: argparse.Namespace):
        raise error

    monkeypatch.setattr("dsptrack.cli.info.run", fail)
    assert main(["info"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


@pytest.mark.parametrize("words", [[], ["paint"], ["info", "--colour"], ["compare", "--epochs", "many"], ["fit"]])
def test_wrong_words_are_two(words, capsys):
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: " in captured.err


@pytest.mark.skipif(os.name == "nt", reason="signals of a terminal are POSIX")
def test_an_interrupted_run_ends_with_130_and_can_be_resumed(tmp_path):
    words = [*LEAST["train"], "--epochs", "100000", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "train", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr.readline().startswith("epoch 1: ")
        run.send_signal(signal.SIGINT)
        said = run.communicate()[1]
    assert run.returncode == 130
    assert said.endswith("dsptrack: interrupted\n")
    assert "Traceback" not in said
    assert main(["train", *LEAST["train"], "--resume", "--quiet", "--out", str(tmp_path)]) == 0


@pytest.mark.skipif(os.name == "nt", reason="pipes that close are POSIX")
def test_a_reader_that_has_gone_is_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", PROGRAM, "info"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def completed(script, *words):
    """What bash proposes for the last of the words."""
    quoted = " ".join(map(shlex.quote, words))
    ask = f'COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _shtab_dsptrack; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", f"source {script}; {ask}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_completion(folder, capsys):
    pytest.importorskip("shtab")
    for shell, start in (("zsh", "#compdef dsptrack"), ("tcsh", "# AUTOMATICALLY GENERATED"), ("bash", "#")):
        assert main(["completion", shell]) == 0
        text = capsys.readouterr().out
        assert text.startswith(start)
        assert "reference-mean" in text
    (folder / "script").write_text(text)
    (folder / "mine.toml").write_text("")
    assert completed("./script", "dsptrack", "cal") == ["calibrate"]
    assert completed("./script", "dsptrack", "calibrate", "--sch") == ["--scheme"]
    assert completed("./script", "dsptrack", "calibrate", "--scheme", "") == ["cyclic", "stochastic"]
    assert completed("./script", "dsptrack", "respond", "--device", "mi") == ["mine.toml"]
    assert main(["completion", "powershell"]) == 2


def test_completion_says_what_it_needs(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 1
    assert "dsptrack[completion]" in capsys.readouterr().err
