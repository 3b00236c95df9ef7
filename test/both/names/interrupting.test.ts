// An interrupted lookup ends when the provider has given it up, and leaves nothing behind.
import { Names } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import { hold } from "../../support/names.ts"
import { interruptSoon, law, layerName, loopback, random, start } from "../../support/rig.ts"

const reasonOf = (exit: Exit.Exit<unknown, { readonly reason: { readonly _tag: string } }>) =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

const tagOf = (exit: Exit.Exit<unknown, { readonly reason: { readonly _tag: string } }>) => {
  const error = reasonOf(exit) as { readonly reason?: { readonly _tag: string } } | undefined
  return error?.reason?._tag
}

const local = Names.lookup("localhost", 80)

// looks at it in every turn of the event loop
const until = (holds: () => boolean | Promise<boolean>) =>
  Effect.promise(async () => {
    for (let i = 0; i < 20_000; i++) {
      if (await holds()) return
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    throw new Error("it never came")
  })

// whatever is to happen in the next turns of the event loop has happened
const turns = Effect.promise(async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
})

describe("before its turn", () => {
  const held = hold()
  law(
    "an interruption makes no call",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const first = yield* start(local)
        const second = yield* start(local)
        const third = yield* start(local)
        assert.strictEqual((yield* statistics).waiters, 3)
        yield* Fiber.interrupt(second)
        assert.strictEqual((yield* statistics).waiters, 2)
        held.release()
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(first)))
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(third)))
        assert.strictEqual(recorder.count("GetAddrInfoExW"), 2)
        assert.strictEqual(recorder.count("GetAddrInfoExCancel"), 0)
        assert.strictEqual((yield* statistics).operations.lookup.submitted, 2)
      }),
    { lookups: 1, decorate: held.decorate }
  )
})

describe("under way", () => {
  const held = hold()
  law(
    "an interruption cancels once, and ends when the lookup was seen to end",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const fiber = yield* start(local)
        const other = yield* start(local)
        const blocks = (yield* statistics).blocks.count
        yield* interruptSoon(fiber)
        const ended = yield* start(Fiber.await(fiber))
        assert.isUndefined(ended.pollUnsafe())
        assert.strictEqual(recorder.count("GetAddrInfoExCancel"), 1)
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), 0)
        // its memory is the provider's until then
        assert.strictEqual((yield* statistics).blocks.count, blocks)
        assert.strictEqual((yield* statistics).pending, 2)
        held.release()
        const exit = yield* Fiber.join(ended)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        // the other one does not notice
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(other)))
        const { cancels, operations, pending, recovered } = yield* statistics
        const { aborted, completed, submitted } = operations.lookup
        assert.deepStrictEqual({ cancels, pending, submitted }, { cancels: 1, pending: 0, submitted: 2 })
        // the simulated provider cancels; one that does not lets it win
        assert.deepStrictEqual([aborted, completed, recovered], layerName === "mock" ? [1, 1, 0] : [0, 2, 1])
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), completed)
      }),
    { decorate: held.decorate }
  )

  const winning = hold()
  law(
    "what wins against its cancellation is freed",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const fiber = yield* start(local)
        yield* interruptSoon(fiber)
        winning.release()
        yield* Fiber.await(fiber)
        const { operations, recovered } = yield* statistics
        assert.deepStrictEqual(operations.lookup, { submitted: 1, completed: 1, failed: 0, aborted: 0 })
        assert.strictEqual(recovered, 1)
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), 1)
      }),
    { decorate: winning.decorate, mock: { names: { cancellation: "ignored" } } }
  )
})

describe("after it has ended", () => {
  const held = hold()
  law(
    "an interruption ends at once, and the answer is freed",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        // both end in one look at the events; the first is told first, and interrupts the second
        let second: Fiber.Fiber<unknown, unknown> | undefined
        const first = yield* start(
          Effect.andThen(
            local,
            Effect.sync(() => second!.interruptUnsafe())
          )
        )
        second = yield* start(local)
        held.release()
        yield* Fiber.await(first)
        const exit = yield* Fiber.await(second)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), 2)
        assert.strictEqual((yield* statistics).operations.lookup.completed, 2)
      }),
    { decorate: held.decorate }
  )
})

describe("a cancellation that the provider ignores", () => {
  const held = hold()
  law(
    "is waited for no longer than cancelGrace; what ends later is given back",
    ({ statistics }) =>
      Effect.gen(function* () {
        const fiber = yield* start(local)
        yield* Fiber.interrupt(fiber)
        assert.deepInclude(yield* statistics, { pending: 1, waiters: 0, leaked: 0 })
        // its place is free
        const next = yield* start(local)
        assert.strictEqual((yield* statistics).operations.lookup.submitted, 2)
        held.release()
        yield* Fiber.join(next)
        for (let i = 0; i < 1000 && (yield* statistics).pending > 0; i++) yield* Effect.sleep("1 millis")
        const { blocks, handles, leaked, pending } = yield* statistics
        assert.deepStrictEqual({ events: handles.events, leaked, pending }, { events: 0, leaked: 0, pending: 0 })
        assert.strictEqual(blocks.count, 3)
      }),
    { decorate: held.decorate, lookups: 1, cancelGrace: "40 millis", mock: { names: { cancellation: "ignored" } } }
  )

  const forGood = hold()
  law(
    "costs the layer's release one grace period, and is reported",
    ({ release, statistics }) =>
      Effect.gen(function* () {
        yield* Fiber.interrupt(yield* start(local))
        const waiting = yield* start(local)
        const begin = performance.now()
        yield* release
        assert.isBelow(performance.now() - begin, 2000)
        assert.strictEqual(tagOf(yield* Fiber.await(waiting)), "OperationAborted")
        const { handles, leaked, pending } = yield* statistics
        assert.deepStrictEqual({ events: handles.events, leaked, pending }, { events: 0, leaked: 2, pending: 0 })
      }),
    { decorate: forGood.decorate, cancelGrace: "40 millis", leaked: 2, mock: { names: { cancellation: "ignored" } } }
  )
})

describe("releasing the layer", () => {
  const held = hold()
  law(
    "aborts what waits, and waits for what is under way",
    ({ recorder, release }) =>
      Effect.gen(function* () {
        const pending = yield* start(local)
        const queued = yield* start(local)
        const closing = yield* start(release)
        assert.isUndefined(closing.pollUnsafe())
        assert.strictEqual(recorder.count("GetAddrInfoExCancel"), 1)
        assert.strictEqual(recorder.count("WSACleanup"), 0)
        held.release()
        yield* Fiber.join(closing)
        assert.strictEqual(tagOf(yield* Fiber.await(pending)), "OperationAborted")
        assert.strictEqual(tagOf(yield* Fiber.await(queued)), "OperationAborted")
        assert.strictEqual(recorder.count("GetAddrInfoExW"), 1)
        assert.strictEqual(tagOf(yield* Effect.exit(local)), "SocketClosed")
      }),
    { lookups: 1, decorate: held.decorate }
  )
})

describe("whatever is interrupted when", () => {
  law(
    "nothing is left",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const chance = random(7)
        let answered = 0
        for (let i = 0; i < 60; i++) {
          const name = ["localhost", "127.0.0.1", "no-such-host.invalid"][chance(3)]
          const fiber = yield* start(Effect.exit(Names.lookup(name, i)))
          for (let n = chance(4); n > 0; n--) yield* Effect.yieldNow
          if (chance(3) > 0) yield* interruptSoon(fiber)
          const exit = yield* Fiber.await(fiber)
          if (Exit.isSuccess(exit)) answered++
        }
        assert.isAbove(answered, 0)
        const { blocks, cancels, handles, operations, pending, waiters } = yield* statistics
        const { aborted, completed, failed, submitted } = operations.lookup
        assert.strictEqual(submitted, aborted + completed + failed)
        assert.strictEqual(recorder.count("GetAddrInfoExW"), submitted)
        assert.strictEqual(recorder.count("GetAddrInfoExCancel"), cancels)
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), completed)
        assert.deepStrictEqual({ events: handles.events, pending, waiters }, { events: 0, pending: 0, waiters: 0 })
        assert.strictEqual(blocks.count, 3)
      }),
    { lookups: 4 }
  )
})

describe("a lookup of an address", () => {
  const address = Effect.suspend(() =>
    Names.nameInfo(NetAddress.inetAddressUnsafe(loopback.address, 80), { flags: ["numericService"] })
  )

  const abandoning = hold()
  law(
    "is abandoned at once, and keeps its memory and its place until the call returns",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const fiber = yield* start(address)
        const queued = yield* start(address)
        const blocks = (yield* statistics).blocks.count
        yield* until(() => abandoning.returned === 1)
        yield* Fiber.interrupt(fiber)
        yield* turns
        assert.deepInclude(yield* statistics, { pending: 1, waiters: 1 })
        assert.strictEqual((yield* statistics).blocks.count, blocks)
        assert.strictEqual(recorder.count("GetNameInfoW"), 1)
        abandoning.release()
        assert.deepStrictEqual(yield* Fiber.join(queued), { host: "localhost", service: "80" })
        const { operations, pending } = yield* statistics
        assert.strictEqual(pending, 0)
        assert.deepStrictEqual(operations.reverse, { submitted: 2, completed: 1, failed: 0, aborted: 1 })
      }),
    { reverseLookups: 1, decorate: abandoning.decorate }
  )

  const waiting = hold()
  law(
    "that had no turn makes no call when it is interrupted",
    ({ recorder }) =>
      Effect.gen(function* () {
        const fibers = [yield* start(address), yield* start(address), yield* start(address)]
        yield* Fiber.interrupt(fibers[2])
        waiting.release()
        yield* Fiber.join(fibers[0])
        yield* Fiber.join(fibers[1])
        assert.strictEqual(recorder.count("GetNameInfoW"), 2)
      }),
    { decorate: waiting.decorate }
  )

  const releasing = hold()
  law(
    "holds the layer's release until the call has returned",
    ({ recorder, release }) =>
      Effect.gen(function* () {
        const fiber = yield* start(address)
        const queued = yield* start(address)
        yield* until(() => releasing.returned === 1)
        const closing = yield* start(release)
        assert.strictEqual(tagOf(yield* Fiber.await(fiber)), "OperationAborted")
        assert.strictEqual(tagOf(yield* Fiber.await(queued)), "OperationAborted")
        assert.isUndefined(closing.pollUnsafe())
        assert.strictEqual(recorder.count("WSACleanup"), 0)
        releasing.release()
        yield* Fiber.join(closing)
        assert.strictEqual(recorder.count("GetNameInfoW"), 1)
      }),
    { reverseLookups: 1, decorate: releasing.decorate }
  )
})
