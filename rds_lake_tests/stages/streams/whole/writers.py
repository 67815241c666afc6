"""Writers of the shop: rollbacks, savepoints, long transactions, key changes, cascades, and transfers of money between two tables."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pymysql

from rds_lake_tests.stages.streams.whole.shop import Shop

_REFUSED = (psycopg.errors.IntegrityError, pymysql.err.IntegrityError)
# Deadlocks and waits for locks.
_GIVEN_UP = (psycopg.errors.OperationalError, psycopg.errors.InFailedSqlTransaction, pymysql.err.OperationalError)
_KEYS = 160


@contextmanager
def writing(
    shop: Shop, *, seed: int, writers: int, bankers: int, added: threading.Event, longest: float, pause: float = 0.0
) -> Iterator[None]:
    """So many of each that write until the block ends; the first error that no writer may have is raised then.

    `added`: the added column may be written. `longest`: seconds that a transaction may stay open; `pause`: between two.
    """
    stop = threading.Event()

    def work(number: int) -> None:
        _write(shop, random.Random(f"{seed}-{number}"), stop, added, (longest, pause), is_banker=number < bankers)

    with ThreadPoolExecutor(writers + bankers) as pool:
        working = [pool.submit(work, number) for number in range(writers + bankers)]
        try:
            yield
        finally:
            stop.set()
    for one in working:
        one.result()


def _write(
    shop: Shop,
    rnd: random.Random,
    stop: threading.Event,
    added: threading.Event,
    waits: tuple[float, float],
    *,
    is_banker: bool,
) -> None:
    longest, pause = waits
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 4" if shop.is_mysql else "SET lock_timeout = '4s'")
        connection.commit()
        while not stop.wait(pause * rnd.random()):
            try:
                if is_banker:
                    _transfer(shop, rnd, cursor)
                else:
                    for _ in range(rnd.randint(1, 6)):
                        _statement(shop, rnd, cursor, added)
                if rnd.random() < 0.01:
                    stop.wait(rnd.random() * longest)
                connection.rollback() if rnd.random() < 0.2 else connection.commit()
            except _GIVEN_UP:
                connection.rollback()


def _transfer(shop: Shop, rnd: random.Random, cursor: Any) -> None:
    amount, one, other = rnd.randint(-9, 9), rnd.randint(1, 100), rnd.randint(1, 100)
    first, second = rnd.sample(("accounts", "savings"), 2)
    cursor.execute(f"UPDATE {first} SET amount = amount - %s WHERE id = %s", (amount, one))
    cursor.execute(f"UPDATE {second} SET amount = amount + %s WHERE id = %s", (amount, other))


def _statement(shop: Shop, rnd: random.Random, cursor: Any, added: threading.Event) -> None:
    cursor.execute("SAVEPOINT s")
    try:
        statement, arguments = _chosen(shop, rnd, added)
        cursor.execute(statement, arguments)
        keep = rnd.random() > 0.1
    except _REFUSED:
        keep = False
    if not keep:
        cursor.execute("ROLLBACK TO SAVEPOINT s")


def _chosen(shop: Shop, rnd: random.Random, added: threading.Event) -> tuple[str, tuple[Any, ...]]:
    details, order = shop.quoted("Order Details"), shop.quoted("order")
    key, line, other, dice = rnd.randint(1, _KEYS), rnd.randint(1, 3), rnd.randint(1, _KEYS), rnd.random()
    text = f"{rnd.random()}-ä\n\"'\\"
    where = f"WHERE {order} = %s AND line = %s"
    if dice < 0.25:
        flag = shop.flag(rnd.randint(0, 1))
        return f"INSERT INTO {details} VALUES (%s, %s, %s, %s, %s, {flag})", (key, line, other, text, rnd.randint(1, 9))
    if dice < 0.45:
        return f"UPDATE {details} SET note = %s, price = price + 1 {where}", (rnd.choice([text, None]), key, line)
    if dice < 0.55:
        return f"UPDATE {details} SET {order} = %s {where}", (other, key, line)
    if dice < 0.65:
        return f"DELETE FROM {details} {where}", (key, line)
    if dice < 0.67:
        return f"UPDATE {details} SET price = price * 1.01 WHERE {order} BETWEEN %s AND %s", (key, key + 9)
    if dice < 0.8:
        return "INSERT INTO customers (id, name, since) VALUES (%s, %s, '2026-02-03 04:05:06.789')", (key, text)
    if dice < 0.9:
        if added.is_set():
            return f"UPDATE customers SET {shop.quoted('addedLater')} = %s WHERE id = %s", (other, key)
        return "UPDATE customers SET name = %s WHERE id = %s", (text, key)
    if dice < 0.94:
        return "UPDATE customers SET id = %s WHERE id = %s", (other, key)  # with its orders, in PostgreSQL
    return "DELETE FROM customers WHERE id = %s", (key,)
