"""The frames of Tests/Vectors."""
import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Vectors"


def load(name):
    """The contents of one file."""
    return json.loads((FOLDER / name).read_text())


def messages(bits=2048):
    """Every message of the reference, in the order of the file, with its bytes."""
    return [(each, bytes.fromhex(each["serialized_hex"])) for each in load(f"messages_{bits}.json")]


def links():
    """Whole proof links by name: lists of (sender, bytes), where the sender is "beacon" or "device"."""
    return {
        each["name"]: [(frame["from"], bytes.fromhex(frame["frame_hex"])) for frame in each["frames"]]
        for each in load("proof-link.json")["links"]
    }
