/**
 * node bench/observed.ts: what spans cost, per send and per receive of a message that is there already, on the fake provider:
 * without the layer, with it and no span around, and with a span around. The least of many rounds, in nanoseconds.
 */
import * as Winsock from "@effect-winsock/core/Winsock"
import * as WinsockTracing from "@effect-winsock/core/WinsockTracing"
import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as FakeSeam from "./fakeSeam.ts"
import { finish, localhost, makeRig, payloadSize } from "./rig.ts"

const burst = 64
const rounds = 400

const machine = await FakeSeam.make()
const rig = makeRig(machine, "loop")
const payload = new Uint8Array(payloadSize)

const open = (traced: boolean) => {
  const winsock = Winsock.layer(Effect.succeed(rig.seam))
  const layer = traced ? Layer.provideMerge(WinsockTracing.layer, winsock) : winsock
  const scope = Scope.makeUnsafe()
  const socket = finish(
    rig,
    Effect.flatMap(Layer.buildWithScope(layer, scope), (context) =>
      UdpSocket.bind(localhost, { maxMessageSize: payloadSize, lookAhead: burst, maxPosted: burst }).pipe(
        Effect.provideContext(Context.add(context, Scope.Scope, scope))
      )
    )
  )
  return socket.then((socket) => ({ socket, close: () => finish(rig, Scope.close(scope, Exit.void)) }))
}

const times = <A, E>(body: () => Effect.Effect<A, E>): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    let left = burst
    return Effect.whileLoop({ while: () => left-- > 0, body, step: () => {} })
  })

const least = (prepare: () => void, effect: Effect.Effect<unknown, unknown>): number => {
  let best = Infinity
  for (let round = 0; round < rounds; round++) {
    prepare()
    const begin = performance.now()
    Effect.runSync(effect)
    best = Math.min(best, performance.now() - begin)
  }
  return Math.round((best * 1_000_000) / burst)
}

const nothing = (): void => {}

for (const [name, traced, spanned] of [
  ["without the layer", false, false],
  ["with it, outside of spans", true, false],
  ["with it, in a span", true, true]
] as const) {
  const { close, socket } = await open(traced)
  const arrive = (): void => {
    machine.deliver(socket.address.port, burst)
    rig.turn()
    rig.turn()
  }
  const in_ = <A, E>(effect: Effect.Effect<A, E>) => (spanned ? Effect.withSpan(effect, "program") : effect)
  const send = least(nothing, in_(times(() => socket.send(payload, machine.sink))))
  const receive = least(arrive, in_(times(() => socket.receive)))
  console.log(`${name}: send ${send} ns, receive ${receive} ns`)
  await close()
}
