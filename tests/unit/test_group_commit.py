"""What arrives while a commit is running shares the next one."""

import asyncio
import threading

import pytest

from fun_local.errors import Conflict
from fun_local.store.group_commit import GroupCommit


class Disk:
    """A commit that takes as long as the test wants, and remembers its batches."""

    def __init__(self):
        self.batches = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.started = threading.Semaphore(0)

    def commit(self, items):
        self.batches.append(items)
        self.started.release()
        assert self.is_open.wait(10)
        return [item() if callable(item) else f"{item} done" for item in items]

    async def has_started(self):
        """Wait until a commit is running."""
        assert await asyncio.to_thread(self.started.acquire, timeout=10)


def run(story):
    async def main():
        disk = Disk()
        group = GroupCommit("test", disk.commit)
        try:
            return await asyncio.wait_for(story(disk, group), 20)
        finally:
            disk.is_open.set()
            await group.close()

    return asyncio.run(main())


def test_each_item_gets_its_answer():
    async def story(disk, group):
        answers = await asyncio.gather(*(group.add(n) for n in range(5)))
        assert answers == [f"{n} done" for n in range(5)]

    run(story)


def test_what_one_turn_of_the_loop_adds_is_one_batch():
    async def story(disk, group):
        await asyncio.gather(*(group.add(n) for n in range(5)))
        assert disk.batches == [[0, 1, 2, 3, 4]]

    run(story)


def test_what_arrives_during_a_commit_shares_the_next_in_order():
    async def story(disk, group):
        disk.is_open.clear()
        first = group.add("a")
        await disk.has_started()
        later = []
        for item in "bcd":
            later.append(group.add(item))
            await asyncio.sleep(0)
        assert disk.batches == [["a"]]
        disk.is_open.set()
        assert await asyncio.gather(first, *later) == ["a done", "b done", "c done", "d done"]
        assert disk.batches == [["a"], ["b", "c", "d"]]

    run(story)


def test_nothing_is_answered_before_it_is_committed():
    async def story(disk, group):
        disk.is_open.clear()
        first = group.add("a")
        await disk.has_started()
        second = group.add("b")
        await asyncio.sleep(0.01)
        assert not first.done() and not second.done()
        disk.is_open.set()
        assert await first == "a done"

    run(story)


def test_the_next_commit_starts_before_the_answers_are_acted_upon():
    async def story(disk, group):
        disk.is_open.clear()
        batches_seen = []
        first = group.add("a")
        first.add_done_callback(lambda _: batches_seen.append(group._pending == []))
        await disk.has_started()
        second = group.add("b")
        disk.is_open.set()
        await asyncio.gather(first, second)
        assert batches_seen == [True]  # "b" had left the line when "a" was told

    run(story)


def test_commits_never_overlap():
    async def story(disk, group):
        inside = 0
        most = 0

        def commit_one():
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            inside -= 1

        async def many():
            for _ in range(50):
                await group.add(commit_one)

        await asyncio.gather(*(many() for _ in range(4)))
        assert most == 1
        assert sum(map(len, disk.batches)) == 200

    run(story)


def test_an_error_among_the_answers_fails_its_item_only():
    def commit(items):
        return [Conflict("Code", "no") if item == "bad" else item for item in items]

    async def main():
        group = GroupCommit("test", commit)
        answers = await asyncio.gather(*map(group.add, ["a", "bad", "b"]), return_exceptions=True)
        await group.close()
        return answers

    first, error, last = asyncio.run(main())
    assert (first, last) == ("a", "b")
    assert isinstance(error, Conflict)


def test_a_commit_that_raises_fails_its_batch_and_not_the_next():
    batches = []

    def commit(items):
        batches.append(items)
        if "bad" in items:
            raise OSError("no disk")
        return items

    async def main():
        group = GroupCommit("test", commit)
        answers = await asyncio.gather(*map(group.add, ["a", "bad"]), return_exceptions=True)
        assert [type(answer) for answer in answers] == [OSError] * 2
        assert await group.add("b") == "b"
        await group.close()

    asyncio.run(main())
    assert batches == [["a", "bad"], ["b"]]


def test_an_error_that_nobody_waits_for_is_no_warning():
    """Warnings are errors in these tests: a forgotten exception would be one."""

    def commit(items):
        raise OSError("no disk")

    problems = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        group = GroupCommit("test", commit)
        group.add("a")
        await group.close()

    asyncio.run(main())
    assert problems == []


def test_a_waiter_that_gives_up_does_not_disturb_the_others():
    async def story(disk, group):
        disk.is_open.clear()
        futures = [group.add(item) for item in "abc"]
        await disk.has_started()
        futures[1].cancel()
        disk.is_open.set()
        assert await futures[0] == "a done"
        assert await futures[2] == "c done"
        assert disk.batches == [["a", "b", "c"]]  # what is begun is finished

    run(story)


def test_closing_waits_for_what_is_pending():
    async def main():
        disk = Disk()
        disk.is_open.clear()
        group = GroupCommit("test", disk.commit)
        first = group.add("a")
        await disk.has_started()
        second = group.add("b")
        closing = asyncio.ensure_future(group.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
        disk.is_open.set()
        await closing
        assert disk.batches == [["a"], ["b"]]
        assert (await first, await second) == ("a done", "b done")

    asyncio.run(main())


def test_closing_at_once_is_closing():
    async def main():
        await asyncio.wait_for(GroupCommit("test", list).close(), 10)

    asyncio.run(main())


def test_the_loop_goes_on_during_a_commit():
    async def story(disk, group):
        disk.is_open.clear()
        future = group.add("a")
        await disk.has_started()
        turns = 0
        for _ in range(100):
            await asyncio.sleep(0)
            turns += 1
        assert turns == 100 and not future.done()
        disk.is_open.set()
        await future

    run(story)


def test_it_needs_a_running_loop():
    with pytest.raises(RuntimeError):
        GroupCommit("test", list)
