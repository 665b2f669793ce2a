#!/usr/bin/env python3
"""Makes the manual pages, as mdoc(7), from what the programs and the configuration say of themselves:
srup-beacon.1 and srup-bench.1 from the commands' own help, srup-beacon.conf.5 from docs/srup-beacon.conf.

Usage: Scripts/Package/manual.py --programs FOLDER --out FOLDER [--date YYYY-MM-DD]

  --programs FOLDER   where srup-beacon and srup-bench are; a debug build will do (.build/debug)
  --out FOLDER        where the pages go
  --date YYYY-MM-DD   the date on the pages (default: today)

What a command cannot say of itself, files and other pages, is in Scripts/Package/NAME.see.
"""
import argparse
import datetime
import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CONFIGURATION = HERE.parent.parent / "docs" / "srup-beacon.conf"


def escaped(text):
    """Text in which roff sees no escape, no request and no hyphen where an option has a minus."""
    text = re.sub(r"(?<![A-Za-z0-9])-(?=[-A-Za-z0-9])|(?<=\\-)-", r"\\-", text.replace("\\", "\\e"))
    # Each sentence on a line of its own, by which roff knows where one ends.
    lines = re.sub(r"(?<=[.?!]) +", "\n", text).split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def literal(lines):
    """Lines as they are, such as commands to type."""
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    body = [line[indent:].replace("\\", "\\e").replace("-", "\\-") for line in lines]
    return [".Bd -literal -offset indent", *("\\&" + line if line[:1] in (".", "'") else line for line in body), ".Ed"]


def paragraph(text):
    """One paragraph: lines that are indented stand as they are."""
    page, lines = [], []
    for line in text.split("\n"):
        if line.startswith("  "):
            lines.append(line)
            continue
        if lines:
            page, lines = page + literal(lines), []
        page.append(escaped(line.strip()))
    return page + (literal(lines) if lines else [])


def paragraphs(texts):
    page = []
    for text in texts:
        lines = paragraph(text)
        page += ([".Pp"] if page and not lines[0].startswith(".Bd") else []) + lines
    return page


def argument_line(argument):
    value = f"Ar {argument['valueName']}" + (" ..." if argument["isRepeating"] and argument["kind"] == "positional" else "")
    if argument["kind"] == "positional":
        return value
    name = argument["preferredName"]
    option = f"Fl {'-' if name['kind'] == 'long' else ''}{name['name']}"
    return option if argument["kind"] == "flag" else f"{option} {value}"


def options(arguments):
    page = [".Bl -tag -width 6n"]
    for argument in arguments:
        text = argument.get("abstract", "")
        if argument.get("allValues"):
            text += f" Values: {', '.join(argument['allValues'])}."
        if argument.get("defaultValue") and argument["kind"] != "flag":
            text += f" Default: {argument['defaultValue']}."
        page += [f".It {argument_line(argument)}", escaped(text)]
    return page + [".El"]


def shown(things):
    return [thing for thing in things or [] if thing.get("shouldDisplay", True)]


def own_arguments(command):
    """Without what every verb has: --help and --version."""
    return [a for a in shown(command.get("arguments")) if a.get("preferredName", {}).get("name") not in ("help", "version")]


def synopsis(command, path):
    arguments = own_arguments(command)
    options_given = [a for a in arguments if a["kind"] != "positional"]
    words = [f"Cm {verb}" for verb in path[1:]]
    words += [argument_line(a) for a in options_given if not a["isOptional"]]
    words += ["Oo Ar options Oc"] if any(a["isOptional"] for a in options_given) else []
    for argument in (a for a in arguments if a["kind"] == "positional"):
        words.append(f"Oo {argument_line(argument)} Oc" if argument["isOptional"] else argument_line(argument))
    return f".D1 Nm {path[0]} " + " ".join(words)


def verbs(command, path):
    page = []
    for verb in shown(command.get("subcommands")):
        if verb["commandName"] == "help":
            continue
        below = path + [verb["commandName"]]
        page.append(f".Ss {' '.join(below)}")
        page += paragraph(verb.get("abstract", ""))
        if not shown(verb.get("subcommands")):
            page.append(synopsis(verb, below))
        discussion = paragraphs(verb["discussion"].split("\n\n")) if verb.get("discussion") else []
        page += ([".Pp"] if discussion and not discussion[0].startswith(".Bd") else []) + discussion
        page += options(own_arguments(verb)) if own_arguments(verb) else []
        page += verbs(verb, below)
    return page


def exit_status(text):
    """From `Exit status 0: done; 1: ...; 64: ....`"""
    page = [".Bl -tag -width 4n"]
    for status, meaning in re.findall(r"(\d+): (.*?)(?=; \d+: |\.$)", text):
        page += [f".It {status}", escaped(meaning[0].upper() + meaning[1:] + ".")]
    return page + [".El"]


def command_page(program, date):
    said = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    command = json.loads(said)["command"]
    name = command["commandName"]
    discussion = command.get("discussion", "").split("\n\n")
    status = [text for text in discussion if text.startswith("Exit status")]
    examples = [text for text in discussion if text.startswith("EXAMPLE")]
    files, _, others = (HERE / f"{name}.see").read_text().partition(".Sh SEE ALSO\n")
    page = [f".Dd {date}", f".Dt {name.upper()} 1", ".Os", ".Sh NAME", f".Nm {name}", f".Nd {command['abstract'][0].lower()}{command['abstract'][1:-1]}"]
    page += [".Sh SYNOPSIS", ".Nm", ".Ar verb", ".Op Ar options", ".Op Ar arguments", ".Nm", ".Ar verb", ".Fl -help"]
    page += [".Nm", ".Fl -version"]
    page += [".Sh DESCRIPTION", *paragraphs([text for text in discussion if text not in status + examples])]
    page += [".Sh VERBS", *verbs(command, [name])]
    page += files.rstrip("\n").split("\n") if files.strip() else []
    page += [".Sh EXIT STATUS", *exit_status(status[0])]
    if examples:
        page += [".Sh EXAMPLES", *paragraphs([re.sub(r"^EXAMPLE: (.)", lambda m: m[1].upper(), text) for text in examples])]
    return "\n".join([*page, ".Sh SEE ALSO", others.rstrip("\n")]) + "\n"


def sections(lines):
    """The configuration's sections: its heading, what is said of it, and its keys in groups that share what is said."""
    found, said, keys = [], [], []
    for line in [*lines, ""]:
        key = re.fullmatch(r"(;?)([a-z0-9-]+) =(.*)", line)
        if key:
            keys.append((key[2], key[3].strip(), key[1] == ";"))
            continue
        if keys:
            found[-1][2].append((said, keys))
            said, keys = [], []
        if line.startswith("["):
            found.append((line.strip("[]"), said, []))
            said = []
        elif line.startswith(";"):
            said = said + [line[1:].strip()]
    return found


def key_entry(said, keys):
    defaults = [f"{name} = {value}" if len(keys) > 1 else value for name, value, is_default in keys if is_default and value]
    required = [f"{name} = {value}" if len(keys) > 1 else value for name, value, is_default in keys if not is_default]
    text = " ".join(said)
    if required:
        text += f" Required; for example: {', '.join(required)}."
    if not required and "unless given" not in text:
        text += f" Default: {', '.join(defaults)}." if defaults else " No default."
    return [".It " + " No and ".join(f"Ic {name}" for name, _, _ in keys), escaped(text.strip())]


def configuration_page(date):
    lines = CONFIGURATION.read_text().split("\n")
    head = [line[1:].strip() for line in lines[: lines.index(";")]]
    page = [f".Dd {date}", ".Dt SRUP-BEACON.CONF 5", ".Os", ".Sh NAME", ".Nm srup-beacon.conf"]
    page += [".Nd configuration of srup-beacon", ".Sh SYNOPSIS", ".Pa /etc/srup-beacon/srup-beacon.conf"]
    page += [".Sh DESCRIPTION", escaped(" ".join(head))]
    page += [".Sh SECTIONS"]
    first = next(number for number, line in enumerate(lines) if line.startswith("["))
    for heading, said, groups in sections(lines[first:]):
        heading = re.sub(r"^server .*", "server ID", heading)
        page += [f".Ss [{heading}]", *([escaped(" ".join(said))] if said else []), ".Bl -tag -width 6n"]
        for group in groups:
            page += key_entry(*group)
        page.append(".El")
    files, _, others = (HERE / "srup-beacon.conf.see").read_text().partition(".Sh SEE ALSO\n")
    return "\n".join([*page, files.rstrip("\n"), ".Sh SEE ALSO", others.rstrip("\n")]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    given = parser.parse_args()
    date = f"{given.date:%B} {given.date.day}, {given.date.year}"
    given.out.mkdir(parents=True, exist_ok=True)
    for name in ("srup-beacon", "srup-bench"):
        (given.out / f"{name}.1").write_text(command_page(given.programs.resolve() / name, date))
    (given.out / "srup-beacon.conf.5").write_text(configuration_page(date))


main()
