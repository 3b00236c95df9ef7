// Two simulated machines, each with a Winsock of its own, and handles to see its calls and make them fail. At the end
// neither holds anything, and the guard found no breach.
import { Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { held, nothing } from "./rig.ts"
import { at } from "./udp.ts"

export interface Host {
  readonly mock: MockWinsock.Mock
  readonly recorder: Decorators.Recorder
  readonly failing: Decorators.Failing
  readonly gate: Decorators.Gate
  readonly statistics: Effect.Effect<Winsock.Statistics>
  readonly bind: (
    ip: string,
    options?: UdpSocket.Options,
    port?: number
  ) => Effect.Effect<UdpSocket.UdpSocket, UdpSocketError, Scope.Scope>
}

type UdpSocketError = Effect.Error<ReturnType<typeof UdpSocket.bind>>

export interface Hosts {
  readonly server: Host
  readonly client: Host
}

const open = Effect.fnUntraced(function* (mock: MockWinsock.Mock, scope: Scope.Scope) {
  const recorder = Decorators.record()
  const failing = Decorators.fail()
  const gate = Decorators.gate()
  const seam = recorder.decorate(gate.decorate(failing.decorate(mock.seam)))
  const winsock = yield* Scope.provide(Winsock.make(seam), scope)
  const host: Host = {
    mock,
    recorder,
    failing,
    gate,
    statistics: winsock.statistics,
    bind: (ip, options, port) => Effect.provideService(UdpSocket.bind(at(ip, port), options), Winsock.Winsock, winsock)
  }
  return host
})

export const withHosts = <A, E>(
  body: (hosts: Hosts) => Effect.Effect<A, E, Scope.Scope>,
  behaviour: MockWinsock.Behaviour = {}
): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts(behaviour)
      const scope = yield* Scope.make()
      const server = yield* open(hosts.server, scope)
      const client = yield* open(hosts.client, scope)
      const exit = yield* Effect.exit(Effect.scoped(body({ server, client })))
      yield* Scope.close(scope, Exit.void)
      yield* exit
      for (const host of [server, client]) {
        const statistics = yield* host.statistics
        assert.deepStrictEqual(held(statistics), nothing, `what ${host.mock.name} still holds`)
        assert.strictEqual(statistics.leaked, 0)
      }
    })
  )

/** A test on two machines. */
export const hosts = <A, E>(
  name: string,
  body: (hosts: Hosts) => Effect.Effect<A, E, Scope.Scope>,
  behaviour?: MockWinsock.Behaviour
): void => it.live(name, () => withHosts(body, behaviour))
