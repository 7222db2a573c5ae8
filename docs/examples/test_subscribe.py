"""Checks subscribe.py against the golden vectors of edge-wire: python3 test_subscribe.py (needs nothing else)."""

import ipaddress
import json
import random
import unittest
import uuid
from pathlib import Path

import subscribe

WIRE = Path(__file__).resolve().parents[2] / "edge-wire"
GOLDEN = WIRE / "tests" / "golden"
BOOK = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))


def payload_of(vector):
    """The bytes of a vector."""
    return bytes.fromhex("".join((GOLDEN / vector["file"]).read_text(encoding="ascii").split()))


def expected(value, name=None):
    """What subscribe.py makes of a value of golden.json."""
    if isinstance(value, list):
        return [expected(element) for element in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"number", "name"}:
        return value["name"] or f"unknown-{value['number']}"
    if value.keys() == {"number", "sub", "text"}:
        return {"number": value["number"], "sub": value["sub"]}
    if value.keys() == {"hex", "text"}:
        raw = bytes.fromhex(value["hex"])
        if name == "boot_id":
            return str(uuid.UUID(bytes=raw))
        return str(ipaddress.ip_address(raw)) if name == "address" and len(raw) in (4, 16) else raw
    return {key: expected(field, key) for key, field in value.items()}


def texts(value):
    """Every `text` that golden.json gives for a boot id or an address."""
    if isinstance(value, list):
        return [text for element in value for text in texts(element)]
    if not isinstance(value, dict):
        return []
    own = [value[key]["text"] for key in ("boot_id", "address") if key in value]
    return own + [text for element in value.values() for text in texts(element)]


class Valid(unittest.TestCase):
    """One test per valid vector."""


class Invalid(unittest.TestCase):
    """One test per invalid vector."""


def valid_test(vector):
    """Decodes to the message and leaves what a newer agent appended."""

    def test(self):
        payload = payload_of(vector)
        self.assertEqual(len(payload), vector["length"])
        kind, fields, rest = subscribe.decode(payload)
        self.assertEqual(kind, vector["kind"])
        self.assertEqual(fields, expected(vector["message"]))
        self.assertEqual(list(fields), list(vector["message"]), "wire order")
        self.assertEqual(len(rest), vector["trailing_bytes"])
        line = subscribe.line(f"edge/v1/gateway-7/{subscribe.CHANNELS[kind]}", payload)
        self.assertTrue(line.isascii() and line.isprintable())
        self.assertEqual(json.loads(line)["kind"], kind)
        for text in filter(None, texts(vector["message"])):
            self.assertIn(json.dumps(text), line)

    return test


def invalid_test(vector):
    """Is refused under its name, and reported."""

    def test(self):
        payload = payload_of(vector)
        self.assertEqual(len(payload), vector["length"])
        with self.assertRaises(ValueError) as refusal:
            subscribe.decode(payload)
        self.assertEqual(str(refusal.exception), vector["error"])
        line = json.loads(subscribe.line("edge/v1/gateway-7/verdict", payload))
        self.assertEqual((line["device"], line["error"]), ("gateway-7", vector["error"]))

    return test


for case, make, vectors in ((Valid, valid_test, BOOK["valid"]), (Invalid, invalid_test, BOOK["invalid"])):
    for each in vectors:
        setattr(case, f"test_{each['name']}", make(each))


class Subscriber(unittest.TestCase):
    """What no single vector shows."""

    def test_every_file_of_the_folder_is_a_vector(self):
        listed = [vector["file"] for vector in BOOK["valid"] + BOOK["invalid"]]
        self.assertEqual(sorted(listed), sorted(path.name for path in GOLDEN.glob("*.hex")))

    def test_its_words_are_those_of_the_schema(self):
        schema = (WIRE / "SCHEMA.md").read_text(encoding="utf-8")
        for vocabulary, words in subscribe.WORDS.items():
            table = schema.split(f"\n| {vocabulary} | name |", 1)[1].split("\n\n", 1)[0]
            rows = [[cell.strip(" `") for cell in row.split("|")[1:3]] for row in table.splitlines()[2:]]
            numbered = [[str(number), word] for number, word in enumerate(words.split())]
            self.assertEqual([row for row in numbered if not row[1].startswith("unknown")], rows)

    def test_a_kind_that_does_not_fit_its_topic_is_misrouted(self):
        payload = payload_of({"file": "status_online.hex"})
        self.assertEqual(json.loads(subscribe.line("edge/v1/gateway-7/health", payload))["error"], "misrouted")

    def test_names_of_attackers_stay_bytes(self):
        payload = payload_of({"file": "verdict_hostile_names.hex"})
        comm = json.loads(subscribe.line("edge/v1/gateway-7/verdict", payload))["subject"]["comm"]
        self.assertEqual(comm, r"\x1b[2Jsshd\x00\x7f\xff")

    def test_no_bytes_raise_anything_but_a_refusal(self):
        chance = random.Random(1486)
        for vector in BOOK["valid"]:
            payload = payload_of(vector)
            for end in range(len(payload)):
                subscribe.line("edge/v1/gateway-7/verdict", payload[:end])
                torn = bytearray(payload)
                torn[end] = chance.randrange(256)
                subscribe.line("edge/v1/gateway-7/verdict", bytes(torn))

    def test_the_example_is_at_most_75_lines(self):
        lines = Path(subscribe.__file__).read_text(encoding="utf-8").splitlines()
        self.assertLessEqual(len(lines), 75)
        self.assertLessEqual(max(map(len, lines)), 120)


if __name__ == "__main__":
    unittest.main(verbosity=2)
