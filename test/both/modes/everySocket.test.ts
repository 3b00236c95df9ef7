// The layer's way of completion is that of sockets which are not UDP's or TCP's too, and their own option comes first.
import type { Winsock } from "@effect-winsock/core"
import { Interfaces, UnixServer } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Rig } from "../../support/rig.ts"
import { interruptSoon, law, start } from "../../support/rig.ts"
import { text, utf8 } from "../../support/tcp.ts"
import { refuses } from "../../support/udp.ts"
import { lawWhereSupported, pair } from "../../support/unix.ts"

const modes: ReadonlyArray<Winsock.Completion> = ["port", "event", "routine"]

/** How many SOCKETs are the port's. */
const ported = ({ recorder }: Rig): number =>
  recorder.count("CreateIoCompletionPort", ({ args }) => args.ExistingCompletionPort !== 0)

/** How many overlapped calls were given a routine, and how many none. */
const routines = ({ recorder }: Rig) => {
  const calls = [...recorder.of("WSARecv"), ...recorder.of("WSASend"), ...recorder.of("WSAIoctl")]
  const overlapped = calls.filter(({ args }) => args.lpOverlapped !== 0)
  const given = overlapped.filter(({ args }) => args.lpCompletionRoutine !== 0).length
  return { given, none: overlapped.length - given }
}

const assertWay = (rig: Rig, completion: Winsock.Completion): void => {
  const { given, none } = routines(rig)
  assert.isAbove(given + none, 0)
  assert.strictEqual(ported(rig) > 0, completion === "port")
  assert.strictEqual(given > 0, completion === "routine")
  assert.strictEqual(none > 0, completion !== "routine")
}

/** Both ends wait, are written to, and one is interrupted. */
const exchange = Effect.fnUntraced(function* (rig: Rig, name: string, completion?: Winsock.Completion) {
  const server = yield* UnixServer.listen(rig.path(name), { completion })
  const { accepted, client } = yield* pair(server, { completion })
  for (const [here, there] of [
    [accepted, client],
    [client, accepted]
  ] as const) {
    const waiting = yield* start(here.receiveExactly(5))
    yield* there.send(utf8("Hello"))
    assert.strictEqual(text(yield* Fiber.join(waiting)), "Hello")
    const interrupted = yield* start(here.receive)
    yield* interruptSoon(interrupted)
    yield* Fiber.await(interrupted)
    yield* there.send(utf8("again"))
    assert.strictEqual(text(yield* here.receiveExactly(5)), "again")
  }
})

describe("the layer's way of completion", () => {
  for (const completion of modes) {
    lawWhereSupported(
      `is that of UnixSocket and UnixServer: ${completion}`,
      (rig) => Effect.tap(exchange(rig, "way.sock"), () => Effect.sync(() => assertWay(rig, completion))),
      { completion }
    )

    lawWhereSupported(`gives way to the sockets' own: ${completion}`, (rig) =>
      Effect.tap(exchange(rig, "own.sock", completion), () => Effect.sync(() => assertWay(rig, completion)))
    )

    law(
      `is that of Interfaces, asked once and waiting for changes: ${completion}`,
      (rig) =>
        Effect.gen(function* () {
          const list = yield* Interfaces.list
          assert.isAbove(list.length, 0)
          const changes = yield* start(Stream.runDrain(Interfaces.changes("IPv4")))
          while ((yield* rig.statistics).pending === 0) yield* Effect.sleep(1)
          assertWay(rig, completion)
          yield* Fiber.interrupt(changes)
          assert.strictEqual((yield* rig.statistics).pending, 0)
        }),
      { completion }
    )
  }

  lawWhereSupported("what is no way is refused, by name", (rig) =>
    Effect.gen(function* () {
      const completion = "poll" as "port"
      yield* refuses(UnixServer.listen(rig.path("poll.sock"), { completion }), "completion", completion)
      const server = yield* UnixServer.listen(rig.path("some.sock"))
      yield* refuses(pair(server, { completion }), "completion", completion)
    })
  )
})
