/** A group of procedures of every kind, and what a program expects of them over whatever sockets. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Rpc, type RpcClient, type RpcClientError, RpcGroup, RpcServer } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export class NoSuchName extends Schema.Error<NoSuchName>("NoSuchName")({
  _tag: Schema.tag("NoSuchName"),
  name: Schema.String
}) {}

export const Procedures = RpcGroup.make(
  Rpc.make("Greet", { payload: { name: Schema.String }, success: Schema.String, error: NoSuchName }),
  Rpc.make("Numbers", { payload: { count: Schema.Int }, success: Schema.Int, stream: true }),
  Rpc.make("Echo", { payload: { bytes: Schema.Uint8Array }, success: Schema.Uint8Array }),
  Rpc.make("Wait", {}),
  Rpc.make("Break", {})
)

/** How many calls of `Wait` are on, and when the next begins and ends. */
export const makeWaits = Effect.map(
  Effect.all({ begun: Deferred.make<void>(), ended: Deferred.make<Exit.Exit<void>>() }),
  (moments) => ({ ...moments, count: 0 })
)

type Waits = Effect.Success<typeof makeWaits>

export const live = (waits: Waits) =>
  RpcServer.layer(Procedures).pipe(
    Layer.provide(
      Procedures.toLayer({
        Greet: ({ name }) => (name === "" ? Effect.fail(new NoSuchName({ name })) : Effect.succeed(`hello, ${name}`)),
        Numbers: ({ count }) => Stream.range(1, count),
        Echo: ({ bytes }) => Effect.succeed(bytes),
        Wait: () =>
          Effect.sync(() => void waits.count++).pipe(
            Effect.andThen(Deferred.succeed(waits.begun, undefined)),
            Effect.andThen(Effect.never),
            Effect.onExit((exit) => {
              waits.count--
              return Deferred.succeed(waits.ended, exit)
            })
          ),
        Break: () => Effect.die(new Error("broken on purpose"))
      })
    )
  )

type Client = RpcClient.RpcClient<RpcGroup.Rpcs<typeof Procedures>, RpcClientError.RpcClientError>

/** What each call gives, over one connection. */
export const promises: {
  readonly [title: string]: (client: Client, waits: Waits) => Effect.Effect<void, unknown>
} = {
  "a call is answered": Effect.fnUntraced(function* (client) {
    assert.strictEqual(yield* client.Greet({ name: "you" }), "hello, you")
  }),
  "an error is the caller's, typed": Effect.fnUntraced(function* (client) {
    const error = yield* Effect.flip(client.Greet({ name: "" }))
    assert.instanceOf(error, NoSuchName)
  }),
  "a defect is the caller's, and the connection goes on": Effect.fnUntraced(function* (client) {
    const exit = yield* Effect.exit(client.Break())
    assert.isTrue(Exit.hasDies(exit))
    assert.strictEqual(yield* client.Greet({ name: "again" }), "hello, again")
  }),
  "a stream comes whole and in order": Effect.fnUntraced(function* (client) {
    const numbers = yield* Stream.runCollect(client.Numbers({ count: 5000 }))
    assert.deepStrictEqual(
      [...numbers],
      Array.from({ length: 5000 }, (_, n) => n + 1)
    )
  }),
  "a stream that is left is ended at the server": Effect.fnUntraced(function* (client) {
    const numbers = yield* client.Numbers({ count: 1_000_000_000 }).pipe(Stream.take(3), Stream.runCollect)
    assert.deepStrictEqual([...numbers], [1, 2, 3])
    assert.strictEqual(yield* client.Greet({ name: "you" }), "hello, you")
  }),
  "a megabyte goes there and back": Effect.fnUntraced(function* (client) {
    const bytes = Uint8Array.from({ length: 1 << 20 }, (_, n) => n * 7 + (n >>> 8))
    assert.deepStrictEqual(yield* client.Echo({ bytes }), bytes)
  }),
  "a hundred calls at once have each its own answer": Effect.fnUntraced(function* (client) {
    const names = Array.from({ length: 100 }, (_, n) => `number ${n}`)
    const answers = yield* Effect.forEach(names, (name) => client.Greet({ name }), { concurrency: "unbounded" })
    assert.deepStrictEqual(
      answers,
      names.map((name) => `hello, ${name}`)
    )
  }),
  "an interruption goes to the server": Effect.fnUntraced(function* (client, waits) {
    const fiber = yield* Effect.forkChild(client.Wait())
    yield* Deferred.await(waits.begun)
    assert.strictEqual(waits.count, 1)
    yield* Fiber.interrupt(fiber)
    assert.isTrue(Exit.hasInterrupts(yield* Deferred.await(waits.ended)))
    assert.strictEqual(waits.count, 0)
  })
}
