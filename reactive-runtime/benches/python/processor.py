"""The performance test of the original Python design, as straightforward asyncio programs.

100,000 items of an id and a text, which is put in upper case; a buffer of 10,000 and 20 operations at a time. Once with a
queue and 20 workers, once with a task for each item behind a semaphore. Its Rust counterpart is `../processor.rs`.

    python3 processor.py [runs]

prints nanoseconds of processor time per item, the best and the median of the runs.
"""

import asyncio
import statistics
import sys
import time

ITEMS = 100_000
BUFFER = 10_000
WORKERS = 20
DONE = object()


def source():
    for i in range(ITEMS):
        yield {"id": i, "data": f"item_{i}"}


async def upper(item):
    return item["data"].upper()


async def queue_and_workers():
    items, results = asyncio.Queue(BUFFER), asyncio.Queue(BUFFER)

    async def produce():
        for item in source():
            await items.put(item)
        for _ in range(WORKERS):
            await items.put(DONE)

    async def work():
        while (item := await items.get()) is not DONE:
            await results.put(await upper(item))
        await results.put(DONE)

    tasks = [asyncio.create_task(produce())]
    tasks += [asyncio.create_task(work()) for _ in range(WORKERS)]
    letters, working = 0, WORKERS
    while working:
        result = await results.get()
        if result is DONE:
            working -= 1
        else:
            letters += len(result)
    await asyncio.gather(*tasks)
    return letters


async def task_per_item():
    places = asyncio.Semaphore(WORKERS)

    async def operate(item):
        async with places:
            return await upper(item)

    letters, buffer = 0, []
    for item in source():
        buffer.append(asyncio.create_task(operate(item)))
        if len(buffer) == BUFFER:
            letters += sum(map(len, await asyncio.gather(*buffer)))
            buffer.clear()
    return letters + sum(map(len, await asyncio.gather(*buffer)))


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    letters = sum(len(item["data"]) for item in source())
    for program in (queue_and_workers, task_per_item):
        times = []
        for _ in range(runs):
            start = time.process_time()
            assert asyncio.run(program()) == letters
            times.append((time.process_time() - start) * 1e9 / ITEMS)
        print(f"{program.__name__:20} best {min(times):6.0f} median {statistics.median(times):6.0f} ns per item")


main()
