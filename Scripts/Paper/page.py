"""The page of Scripts/paper: tables that put the paper's numbers beside those of this run.

Usage: page.py sizes|html|check|accept FOLDER

FOLDER is what Scripts/paper has recorded: plain.json, tls.json (record.py), c2.trace, and, where times were measured, times and machine.
  sizes    the size of each message, as JSON
  html     the body of the report
  check    compares the sizes with those in docs/paper.md; exit status 1 if they differ
  accept   writes the tables of docs/paper.md
"""
import difflib
import html
import json
import pathlib
import sys

from results import BASE, TOKEN, Sizes, comparison, times

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "paper.md"
SIZE_HEAD = ["message", "from, to", "token", "body", "SRUP", "to the paper's base", "MQTT", "over TLS"]
COMPARISON_HEAD = ["", "paper", "here", "cause"]
FIGURES = [
    ("Figure 1", "The sequence of a human-in-the-loop join operation.",
     "A join of the kit's device with HM_JOIN_REQ. Both ends show the value, and a person (here the script, which compares what both have "
     "printed) tells the server. The paper's HM_JOIN_RESP and the decision are the same; the last RESPONSE carries the token of HM_JOIN_RESP."),
    ("Figure 2", "The message flows for autonomous join and withdrawal operations.",
     "An observed join of the kit's device over a local link to a real beacon, in keyed mode; the device resigns (RESIGN_REQ). It joins again, "
     "and the server ends the membership (TERMINATE_CMD). DATA with the device's signature, and the frames of the proof link, are this "
     "project's: the paper leaves the link open."),
    ("Figure 3", "A 36-character string depicting a 128-bit value in hexadecimal notation.", "The value of the run of Figure 1."),
    ("Figure 4", "A black and white 12×12 grid depicting a 128-bit value.",
     "The same value. The paper proposes a 2×2 block in each corner, and no order of the bits. Here three blocks are black and one is white, so "
     "that a rotated picture is noticed."),
    ("Figure 5", "A four-colour 8×8 grid depicting a 128-bit value.",
     "The same value, two bits a cell. The paper leaves the colours open. Here each cell also has a letter."),
    ("Figure 6", "An identity phrase generated using a word-list.",
     "The same value: eleven words of 4,096, the last one from the remaining eight bits and four fixed ones (§8.2)."),
]


def markdown(head, rows):
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def as_html(head, rows):
    """The same for the report."""
    def row(cells):
        return "<tr>" + "".join(f'<td data-name="{html.escape(name)}">{html.escape(str(cell))}</td>' for name, cell in zip(head, cells)) + "</tr>\n"
    titles = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    return f"<table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{''.join(map(row, rows))}</tbody>\n</table>\n"


def tables(sizes, folder):
    """The blocks of docs/paper.md by name. Those of the times only if they were measured."""
    blocks = {"sizes": markdown(SIZE_HEAD, sizes.rows()), "update": markdown(COMPARISON_HEAD, comparison(sizes))}
    if rows := times(folder):
        blocks["times"] = markdown(COMPARISON_HEAD, rows) + f"\nMeasured on {machine(folder)}.\n"
    return blocks


def machine(folder):
    """The machine of the times, and its load."""
    return (folder / "machine").read_text().strip()


def block(text, name):
    """What lies between the marks of this name in a page: the text before it, itself, and the text after it."""
    before, begin, rest = text.partition(f"<!-- {name}: Scripts/paper --accept -->\n")
    inside, end, after = rest.partition(f"<!-- end of {name} -->\n")
    if not begin or not end:
        sys.exit(f"paper: {PAGE} has no block {name}\nhint: put it there: <!-- {name}: Scripts/paper --accept --> and <!-- end of {name} -->")
    return before + begin, inside, end + after


def check(sizes, folder):
    """Compares what does not depend on the machine. The rows about IPv4 are measured only as root, and are left out where they were not."""
    text, wrong = PAGE.read_text(), []
    for name in "sizes", "update":
        wanted, got = block(text, name)[1].splitlines(), tables(sizes, folder)[name].splitlines()
        if not sizes.has_frames:
            wanted, got = ([line for line in lines if "IPv4" not in line] for lines in (wanted, got))
        # The answer to ID_REQUEST tells the beacon's state: its age in seconds, what it has counted, its adapters.
        wanted, got = ([line for line in lines if "| DATA IDENTIFICATION |" not in line] for lines in (wanted, got))
        wrong += list(difflib.unified_diff(wanted, got, "docs/paper.md", "this run", lineterm="", n=0))
    if wrong:
        print("\n".join(wrong))
        sys.exit("paper: the sizes differ from docs/paper.md\nhint: if that is intended, run Scripts/paper --accept --no-times, and commit the page")
    print(f"paper: {len(sizes.rows())} messages of {sizes.types} types have the sizes that docs/paper.md states")


def accept(sizes, folder):
    """Writes the blocks into docs/paper.md."""
    if not sizes.has_frames:
        sys.exit("paper: packets and frames were not measured, and docs/paper.md has them\nhint: run it as root")
    text = PAGE.read_text()
    for name, table in tables(sizes, folder).items():
        before, _, after = block(text, name)
        text = before + table + after
    PAGE.write_text(text)


def report(sizes, folder):
    """The body of the page."""
    print("<h1>The paper's results</h1>")
    print("<p>“Extensions and Enhancements to ‘the Secure Remote Update Protocol’” (Future Internet 2017, 9, 59), §9.1 and Figures 1 to 6, "
          "reproduced by <code>Scripts/paper</code>. The paper's numbers are the paper's; all others were measured in this run.</p>")
    print("<h2>The update message</h2>" + as_html(COMPARISON_HEAD, comparison(sizes)))
    print("<h2>Signing and verifying</h2>")
    if rows := times(folder):
        print(as_html(COMPARISON_HEAD, rows) + f"<p>Measured on {html.escape(machine(folder))}.</p>")
    else:
        print("<p>Not measured in this run (<code>--no-times</code>).</p>")
    print(f"<h2>Each message</h2><p>Bytes. The paper gives the size of its base message only: {BASE} (§3.3), to which the fields of a type are "
          f"added. The difference to it is that of the token to {TOKEN} bytes, and the body, less 4: the sender is 8 bytes shorter, and token and "
          "signature have lengths.</p>")
    print(as_html(SIZE_HEAD, sizes.rows()))
    for number, (title, shows, run) in enumerate(FIGURES, 1):
        print(f'<h2>{title}</h2><p>The paper: {html.escape(shows)}</p><div class="figure" tabindex="0" role="region" aria-label="{title}">'
              f'<img src="figure-{number}.svg" alt="{title}"></div><p>Here: {html.escape(run)}</p>')


def main():
    what, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    sizes = Sizes(folder)
    if what == "sizes":
        print(json.dumps(sizes.kinds, indent=1))
    else:
        {"html": report, "check": check, "accept": accept}[what](sizes, folder)


main()
