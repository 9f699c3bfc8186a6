"""The tab key in bash, zsh and fish: what a shell is told once, and what each press of it gets.

The shell calls homerun with the line up to the cursor and reads one item a line: `plain`, `file` or
`dir`, the value, and what it is, with tabs between. click's own scripts lose help texts behind a
comma (fish), values with blanks or colons (bash), and complain before compinit (zsh).
"""

import os
import re
from itertools import dropwhile

import click
from click.shell_completion import (
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

VARIABLE = "_HOMERUN_COMPLETE"  # which shell asks for what
_LINE = "COMP_WORDS"
_HOW = {
    "bash": 'add to ~/.bashrc: eval "$(homerun completion bash)"',
    "zsh": 'add to ~/.zshrc, before or after compinit: eval "$(homerun completion zsh)"',
    "fish": "homerun completion fish > ~/.config/fish/completions/homerun.fish",
}

_BASH = """\
%(complete_func)s() {
    local type value help
    COMPREPLY=()
    while IFS=$'\\t' read -r type value help; do
        case $type in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "${1/#\\~\\//$HOME/}" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local type value help program=${~words[1]}
    local -a items
    while IFS=$'\\t' read -r type value help; do
        case $type in
            plain)
                value=${value//\\\\/\\\\\\\\}
                items+=("${value//:/\\\\:}${help:+:$help}")
                ;;
            file) compset -P '-*='; _files; return ;;
            dir) compset -P '-*='; _files -/; return ;;
        esac
    done < <(COMP_WORDS="${(j: :)words[1,CURRENT]}" \\
        %(complete_var)s=zsh_complete $program 2>/dev/null)
    (( $#items )) && _describe -V %(prog_name)s items
}

%(complete_func)s_register() {
    if (( ! $+functions[compdef] )); then
        autoload -Uz compinit && compinit -i
    fi
    compdef %(complete_func)s %(prog_name)s
    add-zsh-hook -d precmd %(complete_func)s_register
}

if [[ $funcstack[1] == _%(prog_name)s ]]; then  # this file, in a folder of functions
    %(complete_func)s "$@"
else
    # At the first prompt: compinit has been called by then, or is called here.
    autoload -Uz add-zsh-hook && add-zsh-hook precmd %(complete_func)s_register
fi
"""
_FISH = """\
function %(complete_func)s
    set -l typed (string match --regex '^((?:-[^=]*=)?)(.*)' -- (commandline --current-token))
    set -l words (string match --invert --regex '^\\w+=' -- (commandline -opc))
    set -l program (string replace --regex '^~/' $HOME/ -- $words[1])
    set -l line (commandline --current-process --cut-at-cursor | string collect)
    for item in (COMP_WORDS=$line %(complete_var)s=fish_complete $program 2>/dev/null)
        set -l parts (string split \\t -- $item)
        switch $parts[1]
            case plain
                printf '%%s\\t%%s\\n' $parts[2] $parts[3]
            case file
                complete --do-complete "'' $typed[3]" | string replace --regex '^' -- "$typed[2]"
            case dir
                __fish_complete_directories $typed[3] | string replace --regex '^' -- "$typed[2]"
        end
    end
end
complete --command %(prog_name)s --no-files --keep-order --arguments '(%(complete_func)s)'
"""


class Shell(ShellComplete):
    """What all shells have in common; a value is given as the whole word it completes."""

    def complete(self) -> str:
        """Return the items for a line, one a line."""
        # The x tells a word that has begun from a blank after the last one.
        words = split_arg_string(f"{os.environ.get(_LINE, '')}x")
        _, *args, typed = dropwhile(re.compile(r"\w+=").match, words)  # HOMERUN_HOME=x homerun ls
        typed = typed[:-1]
        option = typed[: typed.find("=") + 1] if typed.startswith("-") else ""  # `--sort=`
        lines = []
        for item in self.get_completions(args, typed):
            value = f"{option}{item.value}"
            about = " ".join((item.help or "").split())
            if value.isprintable():
                lines.append("\t".join((item.type, self.spelled(value, typed), about)))
        return "\n".join(lines)

    def spelled(self, value: str, typed: str) -> str:  # noqa: ARG002
        """Return a value as the shell's own part takes it; `typed`: what there is of it."""
        return value


@add_completion_class
class Bash(Shell):
    """bash 4.4 and later, which quotes nothing and takes `a:b` and `--a=b` for several words."""

    name = "bash"
    source_template = _BASH

    def spelled(self, value: str, typed: str) -> str:
        """Return what bash is to put in the place of its last word, quoted."""
        quote = _open_quote(os.environ.get(_LINE, ""))
        if quote == "'":
            return value.replace("'", r"'\''")
        if quote == '"':
            return re.sub(r'(["$`\\])', r"\\\1", value)
        breaks = os.environ.get("COMP_WORDBREAKS", ":=")
        kept = max((typed.rfind(sign) for sign in ":=" if sign in breaks), default=-1) + 1
        return re.sub(r"([^\w@%+=:,./-])", r"\\\1", value[kept:])


def _open_quote(line: str) -> str:
    """Return the quote that a line leaves open, empty for none."""
    quote = ""
    for sign in re.sub(r"\\.", "", line):
        if sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
    return quote


@add_completion_class
class Zsh(Shell):
    """zsh 5 and later."""

    name = "zsh"
    source_template = _ZSH


@add_completion_class
class Fish(Shell):
    """fish 3.1 and later."""

    name = "fish"
    source_template = _FISH


_SHELLS = {"bash": Bash, "zsh": Zsh, "fish": Fish}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion_command(ctx: click.Context, *, shell: str) -> None:
    """Print the script with which the tab key completes commands, options, ids and keys.

    \b
    bash, in ~/.bashrc:  eval "$(homerun completion bash)"
    zsh, in ~/.zshrc:    eval "$(homerun completion zsh)"
    fish, once:
        mkdir -p ~/.config/fish/completions
        homerun completion fish > ~/.config/fish/completions/homerun.fish

    Where a new shell has no homerun on its PATH, as with a virtual environment, or should start
    sooner, keep the script in a file that it reads:

    \b
    homerun completion bash > ~/.homerun-completion
    echo '. ~/.homerun-completion' >> ~/.bashrc
    """
    script = _SHELLS[shell](ctx.find_root().command, {}, "homerun", VARIABLE).source()
    click.echo(f"{script.rstrip()}\n\n# {_HOW[shell]}")  # in it: a shell that starts says nothing
