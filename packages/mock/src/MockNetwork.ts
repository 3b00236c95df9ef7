/**
 * Several simulated machines on one network, in one event loop.
 *
 * @since 0.1.0
 */
import type * as Winsock from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Host from "./internal/Host.ts"
import * as MockRule from "./MockRule.ts"
import {
  type Behaviour,
  type LayerOptions,
  layerOf,
  type MachineOptions,
  makeMachines,
  type Mock,
  type MockWinsock
} from "./MockWinsock.ts"

/**
 * Options of a network: its machines by name, and how the simulation behaves.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Name extends string> extends Behaviour {
  readonly hosts: { readonly [N in Name]: MachineOptions }
  /**
   * What lies between machines. Without a route two of them are neighbours.
   *
   * @default none
   */
  readonly routes?: ReadonlyArray<Route<NoInfer<Name>>> | undefined
}

/**
 * The routers between two machines, in both directions. Each takes one off a datagram's hop limit; the one that finds
 * nothing left answers with ICMP time exceeded. They answer echo requests, and say which hosts and networks there are
 * none of. Segments of TCP pass them unnoticed and without delay.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route<Name extends string> {
  readonly between: readonly [Name, Name]
  /**
   * From the first machine to the second, each by its addresses: `["10.0.0.254", "fd00::fe"]`. Of several in a family
   * it speaks from the first; one without any says nothing.
   */
  readonly routers: ReadonlyArray<ReadonlyArray<string>>
  /**
   * How long a datagram takes from one to the next, in milliseconds of Effect's `Clock`, 0 or more.
   *
   * @default 0
   */
  readonly delay?: number | undefined
}

/**
 * A network: its machines, by name. They share the trace, the seed and `settled`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MockNetwork<Name extends string> {
  readonly hosts: { readonly [N in Name]: Mock }
  /** Installs rules until the scope closes, as `Mock.rules` does. */
  readonly rules: (...rules: ReadonlyArray<MockRule.Rule>) => Effect.Effect<void, never, Scope.Scope>
  /** Lets nothing pass between hosts, or groups of them, until the scope closes: `MockRule.partition`. */
  readonly partition: (
    a: Name | ReadonlyArray<Name>,
    b: Name | ReadonlyArray<Name>,
    options?: { readonly oneWay?: boolean | undefined }
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Lets nothing pass between a host and all others until the scope closes: `MockRule.cut`. */
  readonly cut: (host: Name) => Effect.Effect<void, never, Scope.Scope>
}

const rulesOf = <Name extends string>([mock]: ReadonlyArray<Mock>): Omit<MockNetwork<Name>, "hosts"> => ({
  rules: (...rules) => mock.rules(...rules),
  partition: (a, b, options) => Effect.suspend(() => mock.rules(MockRule.partition(a, b, options))),
  cut: (host) => mock.rules(MockRule.cut(host))
})

/**
 * Makes a network. Every machine reaches every other: the one that owns a datagram's destination gets it, whatever the
 * prefixes; broadcasts reach the machines that have an address in the sender's network. Closing the scope ends the
 * simulation as `MockWinsock.make` says.
 *
 * **Example** (A client and a server)
 *
 * ```ts
 * import { make } from "@effect-winsock/mock/MockNetwork"
 *
 * const network = make({
 *   hosts: {
 *     client: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24"] }] },
 *     server: { interfaces: [{ index: 7, name: "Ethernet", addresses: ["10.0.0.1/24", "10.0.0.9/24"] }] }
 *   },
 *   seed: 42
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Name extends string>(
  options: Options<Name>
): Effect.Effect<MockNetwork<Name>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const names = Object.keys(options.hosts) as Array<Name>
    const machines = names.map((name) => Host.machine(name, options.hosts[name]))
    const routes = (options.routes ?? []).map((route) => Host.route(names, route))
    return Effect.map(makeMachines(options, machines, routes), (mocks) => ({
      ...rulesOf(mocks),
      hosts: Object.fromEntries(mocks.map((mock) => [mock.name, mock])) as { readonly [N in Name]: Mock }
    }))
  })

/**
 * Layer that provides `Winsock` over one machine of a network, and `MockWinsock`, the machine.
 *
 * **Example** (A program per machine)
 *
 * ```ts
 * import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
 * import * as Winsock from "@effect-winsock/core/Winsock"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { hosts } = yield* MockNetwork.makeTwoHosts()
 *   const count = Effect.flatMap(Winsock.Winsock, (winsock) => winsock.statistics)
 *   return yield* Effect.all([
 *     Effect.provide(count, MockNetwork.layer(hosts.server)),
 *     Effect.provide(count, MockNetwork.layer(hosts.client))
 *   ])
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  mock: Mock,
  options: Pick<LayerOptions, "decorate" | "winsock"> = {}
): Layer.Layer<Winsock.Winsock | MockWinsock, WinsockError> => layerOf(Effect.succeed(mock), options)

/**
 * The machines of `makeTwoHosts`.
 *
 * - `server`: interface 7 "Ethernet" with `10.0.0.1/24`, `10.0.0.101/24`, `fd00::1/64`, `fd00::101/64`; interface 8
 *   "Ethernet 2" with `10.0.1.1/24`
 * - `client`: interface 4 "Ethernet" with `10.0.0.2/24`, `fd00::2/64`
 *
 * @category constants
 * @since 0.1.0
 */
export const twoHosts = {
  server: {
    interfaces: [
      { index: 7, name: "Ethernet", addresses: ["10.0.0.1/24", "10.0.0.101/24", "fd00::1/64", "fd00::101/64"] },
      { index: 8, name: "Ethernet 2", addresses: ["10.0.1.1/24"] }
    ]
  },
  client: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] }
} as const satisfies { readonly [name: string]: MachineOptions }

/**
 * Makes the network of `twoHosts`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTwoHosts = (
  behaviour: Behaviour = {}
): Effect.Effect<MockNetwork<"server" | "client">, never, Scope.Scope> => make({ ...behaviour, hosts: twoHosts })
