"""The tab key in real shells: bash, zsh and fish in a terminal."""

import shutil

import pytest

from homerun.store import Store
from tests.cli_call import call, until
from tests.cli_home import end, fill
from tests.terminal import Terminal

ODD = "it's 5:1 $x"  # a name with all that shells take for something else
START = {
    "bash": 'clear; PS1="ta""b> "; eval "$(homerun completion bash)"',
    "zsh": "clear; ZDOTDIR=$PWD/zsh exec zsh",
    "fish": "clear; XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD exec fish",
}
ZSHRC = """\
PS1='tab> '
unsetopt BEEP
{before}
eval "$(homerun completion zsh)"
{after}
"""
FISH = """\
function fish_prompt; printf 'tab> '; end
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
"""


def needs(shell: str) -> None:
    """Skip a test where there is no such shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")


@pytest.fixture
def filled(home):
    """Return a home with runs in all states, and one of a project with an odd name."""
    with Store(home) as store:
        fill(store)
        store.add_run("o1o2o3o4", project=ODD, name="odd-one", config={"lr": 1})
        end(store, store.run("o1o2o3o4"))
    return home


@pytest.fixture(params=sorted(START))
def shell(request, filled, terminal, tmp_path):
    """Return a terminal in which a shell has what `homerun completion` prints, and its name."""
    name = request.param
    needs(name)
    (tmp_path / "zsh").mkdir()
    rc = ZSHRC.format(before="", after="autoload -Uz compinit; compinit -u")
    (tmp_path / "zsh" / ".zshrc").write_text(rc)
    (tmp_path / "fish").mkdir()
    (tmp_path / "fish" / "config.fish").write_text(FISH)
    (tmp_path / "sweep file.yaml").write_text("")
    (tmp_path / "sweep file.d").mkdir()
    if name == "fish":
        (tmp_path / "fish" / "completions").mkdir()
        script = call("completion", "fish").stdout
        (tmp_path / "fish" / "completions" / "homerun.fish").write_text(script)
    terminal.type(START[name])
    terminal.shows("tab>")
    return terminal


def tabbed(terminal: Terminal, typed: str, seen: str, tabs: int = 1) -> str:
    """Return the screen after the tab key and a Z, and take what was typed away again."""
    terminal.tmux("send-keys", "-l", typed)
    terminal.shows(typed)
    for _ in range(tabs):
        terminal.press("Tab")
    terminal.press("Z")
    screen = terminal.shows(seen)
    terminal.press("C-u")  # not C-c, which throws away what is typed too soon
    terminal.press("C-l")
    return screen


def test_words_are_completed(shell):
    for typed, seen in (
        ("homerun dif", "homerun diff Z"),
        ("homerun diff solo1", "homerun diff solo1234 Z"),
        ("homerun kill x3k", "homerun kill x3k9a2bc Z"),
        ("homerun ls dig", "homerun ls digits Z"),
        ("homerun ls x3k9a2bc --sort learn", "--sort learning_rate Z"),
        ("homerun ls x3k9a2bc --sort=learn", "--sort=learning_rate Z"),
        ("homerun ls x3k9a2bc --where 'lr < 1 and learn", "'lr < 1 and learning_rate' Z"),
        ("homerun compare x3k9a2bc learn", "learning_rate Z"),
        ("homerun plot x3k9a2bc --color learn", "learning_rate Z"),
        ("homerun plot x3k9a2bc --kin", "--kind Z"),
        ("homerun plot x3k9a2bc --kind time", "--kind timeline Z"),
        ("HOMERUN_MODE=offline homerun show solo1", "show solo1234 Z"),
    ):
        tabbed(shell, typed, seen)


def test_names_with_odd_signs_are_completed_as_they_must_be_typed(shell, filled):
    for typed in ("it", "it\\'s\\ 5:", '"it', "\"it's 5:"):
        shell.type("clear")
        until(lambda: "odd-one" not in shell.screen())
        shell.tmux("send-keys", "-l", f"homerun ls {typed}")
        shell.press("Tab")
        shell.press("Enter")
        shell.shows("odd-one")


def test_files_are_completed(shell):
    for typed, seen in (
        ("homerun sweep swe", "sweep\\ file.Z"),
        ("homerun sweep sweep\\ file.y", "sweep\\ file.yaml Z"),
        ("homerun sweep x3k", "sweep x3k9a2bc Z"),
        ("homerun plot 'sweep file.y", "'sweep file.yaml' Z"),
        ("homerun plot x3k9a2bc -o swe", "sweep\\ file.Z"),
        ("homerun run -- sweep\\ file.y", "sweep\\ file.yaml Z"),
        ("homerun init swe", "sweep\\ file.d/Z"),
        ("homerun --home swe", "sweep\\ file.d/Z"),
        ("homerun --home=swe", "--home=sweep\\ file.d/Z"),
    ):
        tabbed(shell, typed, seen)


def test_what_the_items_are_is_said_beside_them(shell, request):
    name = request.node.callspec.params["shell"]
    tabs = 2 if name == "bash" else 1
    for typed, items, about in (
        ("homerun pu", ["push"], []),
        ("homerun i", ["import", "init", "importance"], ["Import runs of W&B", "Make a home"]),
        ("homerun show solo1234 --", ["--json", "--help"], ["Print one JSON document"]),
        ("homerun show ", ["x3k9a2bc", "o1o2o3o4"], ["running crop or squish", "finished odd-one"]),
    ):
        shell.tmux("send-keys", "-l", typed)
        shell.shows(typed.strip())
        for _ in range(tabs):
            shell.press("Tab")
        for seen in (*items, *(about if name != "bash" else [])):
            shell.shows(seen)
        shell.press("C-c")
        shell.type("clear")


@pytest.mark.parametrize("compinit", ["before", "after", "never"])
def test_zsh_needs_no_order_in_its_settings(filled, terminal, tmp_path, compinit):
    needs("zsh")
    lines = dict.fromkeys(("before", "after"), "") | {
        compinit: "autoload -Uz compinit; compinit -u"
    }
    (tmp_path / "zsh").mkdir()
    (tmp_path / "zsh" / ".zshrc").write_text(ZSHRC.format(**lines))
    terminal.type(START["zsh"])
    terminal.shows("tab>")
    assert terminal.screen() == "tab>"
    tabbed(terminal, "homerun dif", "homerun diff Z")


def test_zsh_finds_the_script_in_a_folder_of_functions(filled, terminal, tmp_path):
    needs("zsh")
    (tmp_path / "zsh").mkdir()
    (tmp_path / "_homerun").write_text(call("completion", "zsh").stdout)
    settings = "PS1='tab> '; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u"
    (tmp_path / "zsh" / ".zshrc").write_text(settings)
    terminal.type(START["zsh"])
    terminal.shows("tab>")
    tabbed(terminal, "homerun dif", "homerun diff Z")
    tabbed(terminal, "homerun show solo1", "solo1234 Z")
