"""DynamoDB exports to measure with: nested orders, wide sparse items, narrow events, as gz files of DynamoDB JSON.

    python -m bench.ddb_data /tmp/ddb [--scale 1.0] [--files 8]

At scale 1 about 1 GB of JSON: `orders` 460 MB, `sparse` 260 MB, `events` 300 MB. Every file has its own seed, so the
same arguments give the same bytes. The line's shape was compared with a file that DynamoDB wrote.

Reading it is `bench/convert.py`.
"""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

Item = dict[str, Any]

_CITIES = ["Berlin", "Zürich", "São Paulo", "New York", "東京", "Paris", "London", "Łódź", "Austin", "Sydney"]
_TEXT = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore magna"
_WORDS = _TEXT.split()
_STATUS = ["PENDING", "PAID", "SHIPPED", "DELIVERED", "RETURNED", "CANCELLED"]
_SPARSE_KINDS = ("S", "N", "BOOL", "S", "N", "S", "D", "M", "SS", "L")
_SHARES = (0.02, 0.05, 0.10, 0.30, 0.60)
_LATE = 56  # attributes from here on appear in the last file only
_BATCH = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One data file: its path, compressed and plain bytes, and items."""

    path: str
    bytes: int
    json_bytes: int
    items: int


def text(value: str) -> Item:
    return {"S": value}


def number(value: object) -> Item:
    return {"N": str(value)}


def hexadecimal(dice: random.Random, digits: int) -> str:
    return f"{dice.getrandbits(4 * digits):0{digits}x}"


def moment(dice: random.Random) -> str:
    day = f"202{dice.randrange(6)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
    return f"{day}T{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.randrange(60):02}.{dice.randrange(1000):03}Z"


def money(dice: random.Random) -> str:
    return "{}.{:02}".format(*divmod(dice.randrange(1, 100_000), 100)).rstrip("0").rstrip(".")


def words(dice: random.Random, count: int) -> str:
    """`count` words; one in ten texts has something to escape or to decode."""
    found = " ".join(dice.choices(_WORDS, k=count))
    chance = dice.random()
    if chance < 0.05:
        return found + ' "quoted" \\ and\nnewline'
    return found + " — ünïcödé 漢字 😀" if chance < 0.10 else found


def binary(dice: random.Random, size: int) -> str:
    return base64.b64encode(dice.randbytes(size)).decode()


def word_set(dice: random.Random, most: int) -> Item:
    return {"SS": sorted(set(dice.choices(_WORDS, k=most)))}


def customer(dice: random.Random) -> Item:
    address: Item = {
        "street": text(words(dice, 2)),
        "city": text(dice.choice(_CITIES)),
        "zip": text(f"{dice.randrange(99_999):05}"),
        "country": text(dice.choice(["DE", "US", "BR", "CH", "JP"])),
    }
    if dice.random() < 0.5:
        where = {"lat": number(round(dice.uniform(-90, 90), 6)), "lon": number(round(dice.uniform(-180, 180), 6))}
        address["geo"] = {"M": where}
    found = {
        "id": text(hexadecimal(dice, 32)),
        "name": text(words(dice, 2)),
        "email": text(hexadecimal(dice, 8) + "@example.com"),
        "address": {"M": address},
    }
    if dice.random() < 0.2:
        found["phone"] = {"NULL": True}
    elif dice.random() < 0.5:
        found["phone"] = text(f"+49{dice.randrange(10**9):09}")
    return found


def line_item(dice: random.Random) -> Item:
    found: Item = {
        "sku": text(f"SKU-{dice.randrange(10**6):06}"),
        "qty": number(dice.randrange(1, 9)),
        "price": number(money(dice)),
        "title": text(words(dice, 4)),
    }
    if dice.random() < 0.3:
        options = {"color": text(dice.choice(["red", "green", "blue"])), "size": number(dice.randrange(30, 50))}
        found["options"] = {"M": options}
    if dice.random() < 0.3:
        found["tags"] = word_set(dice, 3)
    return {"M": found}


def order(dice: random.Random, _number: int, *, last: bool) -> Item:
    """About 1.1 KB: maps three levels deep, lists of maps, all sets, an attribute of two types in one item of a hundred."""
    del last
    item: Item = {
        "pk": text(f"CUST#{dice.randrange(500_000)}"),
        "sk": text("ORDER#" + hexadecimal(dice, 32)),
        "status": text(dice.choice(_STATUS)),
        "created_at": text(moment(dice)),
        "updated_at": number(1_600_000_000_000 + dice.randrange(10**11)),
        "total": number(money(dice)),
        "version": number(dice.randrange(1, 40)),
        "paid": {"BOOL": dice.random() < 0.7},
        "currency": text(dice.choice(["EUR", "USD", "GBP", "JPY"])),
        "customer": {"M": customer(dice)},
        "items": {"L": [line_item(dice) for _ in range(dice.randrange(1, 6))]},
    }
    rare: list[tuple[float, str, Callable[[], Item]]] = [
        (0.4, "tags", lambda: word_set(dice, 4)),
        (0.2, "scores", lambda: {"NS": [str(score) for score in {dice.randrange(100) for _ in range(3)}]}),
        (0.1, "receipt", lambda: {"B": binary(dice, 24)}),
        (0.02, "sigs", lambda: {"BS": [binary(dice, 12) for _ in range(2)]}),
        (0.3, "notes", lambda: text(words(dice, 15))),
        (0.6, "coupon", lambda: {"NULL": True} if dice.random() < 0.5 else text(f"C{hexadecimal(dice, 6).upper()}")),
        (0.4, "discount", lambda: text("10%") if dice.random() < 0.025 else number(money(dice))),
    ]
    item |= {name: make() for share, name, make in rare if dice.random() < share}
    mixed = [number(dice.randrange(10)), text("x"), {"BOOL": True}, {"NULL": True}]
    return item | {"mixed": {"L": mixed if dice.random() < 0.05 else []}}


def sparse(dice: random.Random, _number: int, *, last: bool) -> Item:
    """About 540 bytes: 60 optional attributes, four of them in the last file only, one in ten items shuffled."""
    item: Item = {"pk": text(hexadecimal(dice, 32)), "sk": text(f"V{dice.randrange(10)}")}
    for place in range(60 if last else _LATE):
        if dice.random() < _SHARES[place % 5]:
            item[f"attr_{place:02}"] = {"NULL": True} if dice.random() < 0.01 else sparse_value(dice, place)
    if dice.random() < 0.1:
        names = list(item)
        dice.shuffle(names)
        item = {name: item[name] for name in names}
    return item


def sparse_value(dice: random.Random, place: int) -> Item:
    match _SPARSE_KINDS[place % 10]:
        case "S":
            return text(words(dice, 1 + place % 6) if place % 3 else moment(dice))
        case "N" if place == 44 and dice.random() < 0.01:
            return text("n/a")
        case "N":
            return number(dice.randrange(10 ** (1 + place % 15)))
        case "BOOL":
            return {"BOOL": dice.random() < 0.5}
        case "D" if place == 36:
            return number(f"{dice.randrange(1, 10**20)}.{dice.randrange(1, 10**9)}")
        case "D":
            return number(repr(dice.uniform(1, 1000)))
        case "M":
            inner = {"c": {"M": {"d": {"BOOL": True}}}, "b": number(dice.randrange(100))}
            return {"M": {"a": text(hexadecimal(dice, 6)), **inner}}
        case "SS":
            return word_set(dice, 3)
        case _:
            return {"L": [number(dice.randrange(1000)) for _ in range(dice.randrange(5))]}


def event(dice: random.Random, place: int, *, last: bool) -> Item:
    """About 174 bytes: seven or eight scalars."""
    del last
    item: Item = {
        "device": text(f"dev-{dice.randrange(20_000):05}"),
        "ts": number(1_700_000_000_000 + place * 37 + dice.randrange(37)),
        "type": text(dice.choice(["temp", "hum", "press", "volt"])),
        "value": number(round(dice.gauss(20, 8), 3)),
        "ok": {"BOOL": dice.random() < 0.98},
        "seq": number(place),
        "ttl": number(1_800_000_000 + place // 20),
    }
    return item | {"err": text(f"E{dice.randrange(400):03}")} if dice.random() < 0.05 else item


SHAPES: dict[str, tuple[Callable[..., Item], int]] = {
    "orders": (order, 400_000),
    "sparse": (sparse, 480_000),
    "events": (event, 1_700_000),
}
KEYS = {"orders": ("pk", "sk"), "sparse": ("pk", "sk"), "events": ("device", "seq")}


def write_file(shape: str, place: int, files: int, items: int, path: Path) -> Written:
    """One data file of `items` lines, compressed as DynamoDB does."""
    dice, make = random.Random(f"{shape}/{place}"), SHAPES[shape][0]
    squeeze, total = zlib.compressobj(6, zlib.DEFLATED, 31), 0
    with path.open("wb") as sink:
        for start in range(0, items, _BATCH):
            numbers = range(place * items + start, place * items + min(start + _BATCH, items))
            made = (make(dice, one, last=place == files - 1) for one in numbers)
            lines = [json.dumps({"Item": item}, ensure_ascii=False, separators=(",", ":")) for item in made]
            batch = ("\n".join(lines) + "\n").encode()
            total += len(batch)
            sink.write(squeeze.compress(batch))
        sink.write(squeeze.flush())
    return Written(path=str(path), bytes=path.stat().st_size, json_bytes=total, items=items)


def generate(folder: Path, *, scale: float = 1.0, files: int = 8) -> dict[str, list[Written]]:
    """The data files by shape, made once: a folder that has them already is taken as it is."""
    record = folder / f"data-{scale}-{files}.json"
    if not record.exists():
        jobs: list[tuple[str, int, int, int, Path]] = []
        for shape, (_, count) in SHAPES.items():
            (folder / shape).mkdir(parents=True, exist_ok=True)
            jobs += [
                (shape, n, files, max(1, int(count * scale / files)), folder / shape / f"{n:04}.json.gz")
                for n in range(files)
            ]
        with ProcessPoolExecutor() as pool:
            done = list(pool.map(write_file, *zip(*jobs, strict=True)))
        made = {
            shape: [asdict(one) for job, one in zip(jobs, done, strict=True) if job[0] == shape] for shape in SHAPES
        }
        record.write_text(json.dumps(made), encoding="utf-8")
    found = json.loads(record.read_text(encoding="utf-8"))
    return {shape: [Written(**one) for one in ones] for shape, ones in found.items()}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--scale", default=1.0, show_default=True)
@click.option("--files", default=8, show_default=True)
def main(folder: Path, scale: float, files: int) -> None:
    """Write the data and say how much it is."""
    for shape, ones in generate(folder, scale=scale, files=files).items():
        plain, packed, items = (sum(getattr(one, what) for one in ones) for what in ("json_bytes", "bytes", "items"))
        click.echo(f"{shape}: {items:,} items, {plain / 1e6:.0f} MB of JSON, {packed / 1e6:.0f} MB gz")


if __name__ == "__main__":
    main()
