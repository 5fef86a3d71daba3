"""How many requests run at once (B10)."""

from __future__ import annotations

import asyncio

import pytest

from adapter.pull.transport.limiter import Limiter


async def most_at_once(limiter: Limiter, tasks: int) -> int:
    busy, most = 0, 0

    async def work() -> None:
        nonlocal busy, most
        async with limiter.slot():
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            busy -= 1

    await asyncio.gather(*(work() for _ in range(tasks)))
    return most


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_more_than_the_limit_and_all_in_the_end(limit: int):
    assert asyncio.run(most_at_once(Limiter(limit), 200)) == limit


def test_each_429_halves_and_one_is_left():
    limiter = Limiter(5)
    limits = []
    for _ in range(4):
        limiter.slower()
        limits.append(limiter.limit)
    assert limits == [2, 1, 1, 1]
    assert asyncio.run(most_at_once(limiter, 20)) == 1


def test_it_grows_again_by_one_after_a_hundred_good_answers_in_a_row():
    limiter = Limiter(5)
    limiter.slower()
    for _ in range(99):
        limiter.went_well()
    limiter.slower()
    assert limiter.limit == 1
    for expected in (2, 3, 4, 5, 5):
        for _ in range(100):
            limiter.went_well()
        assert limiter.limit == expected


def test_a_limit_that_grows_lets_more_in():
    async def grown() -> int:
        limiter = Limiter(2)
        limiter.slower()
        entered = 0

        async def wait(until: asyncio.Event) -> None:
            nonlocal entered
            async with limiter.slot():
                entered += 1
                await until.wait()

        done = asyncio.Event()
        tasks = [asyncio.create_task(wait(done)) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert entered == 1
        for _ in range(100):
            limiter.went_well()
        await asyncio.sleep(0.01)
        found = entered
        done.set()
        await asyncio.gather(*tasks)
        return found

    assert asyncio.run(grown()) == 2


def test_who_is_cancelled_while_waiting_takes_no_slot():
    async def tried() -> int:
        limiter = Limiter(1)
        async with limiter.slot():
            waiting = [asyncio.create_task(most_at_once(limiter, 1)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        # The slot is free now, and the second task was told; it is cancelled before it runs.
        waiting[1].cancel()
        async with asyncio.timeout(5):
            return await waiting[2]

    assert asyncio.run(tried()) == 1
