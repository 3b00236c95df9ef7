/**
 * Several simulated machines on one network, in one event loop.
 *
 * @since 0.1.0
 */
import type * as Winsock from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Host from "./internal/Host.ts"
import * as MockRule from "./MockRule.ts"
import * as Layout from "./internal/Layout.ts"
import { type Given, Programs } from "./internal/Programs.ts"
import type * as MockNetstat from "./MockNetstat.ts"
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
export interface Options<Name extends string, LinkName extends string = never> extends Behaviour {
  readonly hosts: { readonly [N in Name]: MachineOptions }
  /**
   * What lies between machines. Without a route two of them are neighbours.
   *
   * @default none
   */
  readonly routes?: ReadonlyArray<Route<NoInfer<Name>>> | undefined
  /**
   * The links that join the machines. With them a machine gets an interface for each link that it is on, and reaches
   * others over common links and routers only.
   *
   * @default none: every machine reaches every other
   */
  readonly links?: { readonly [L in LinkName]: Link<NoInfer<Name>> } | undefined
  /** What joins links, by name. */
  readonly routers?: { readonly [router: string]: Router<NoInfer<LinkName>> } | undefined
}

/**
 * A link: a cable, a switch, a radio. Who is on it hears its broadcasts and reaches the others without a router.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link<Name extends string> {
  /** The networks on it, that do not overlap: `"10.0.0.0/24"`, `["10.0.0.0/24", "fd00::/64"]`. */
  readonly subnets: string | ReadonlyArray<string>
  /**
   * Who is on it. In a list the first has address number 1 of each network (`10.0.0.1`, `fd00::1`), the second number 2;
   * else each by its addresses.
   */
  readonly hosts: ReadonlyArray<Name> | { readonly [N in Name]?: Attachment | undefined }
  /**
   * Largest IP packet in bytes that it carries: 68 or more, with a network of IPv6 1280. What is larger and may be cut
   * arrives all the same; of what may not, and of IPv6, the sender's machine is told the MTU by the router before the link
   * (ICMP fragmentation needed, packet too big), and knows it by itself of its own link. TCP cuts its segments then.
   *
   * @default 1500
   */
  readonly mtu?: number | undefined
}

/**
 * How a machine is on a link: by its addresses, or with more about its interface. `mtu` is the interface's, 576 or more.
 * Without `addresses` it gets those of its place among the link's hosts; without `index` the one after its last; its name is
 * the link's.
 *
 * @category models
 * @since 0.1.0
 */
export type Attachment =
  | string
  | ReadonlyArray<string>
  | {
      readonly addresses?: string | ReadonlyArray<string> | undefined
      readonly mtu?: number | undefined
      readonly index?: number | undefined
      readonly name?: string | undefined
    }

/**
 * What joins two links or more. In a list it has address number 254 of each network (`10.0.0.254`, `fd00::fe`), the second
 * router 253, and the last ones of networks of less room; else its addresses are said by link. It takes one off a
 * datagram's hop limit and speaks ICMP as the routers of `Route` do; without an address of a family it says nothing in it.
 *
 * @category models
 * @since 0.1.0
 */
export type Router<LinkName extends string> =
  | ReadonlyArray<LinkName>
  | { readonly [L in LinkName]?: string | ReadonlyArray<string> | undefined }

/**
 * The routers between two machines, in both directions. Each takes one off a datagram's hop limit; the one that finds
 * nothing left answers with ICMP time exceeded. They answer echo requests, and say which hosts and networks there are
 * none of. Segments of TCP are treated as datagrams are.
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
   * How long a packet takes from one to the next, in milliseconds of Effect's `Clock`, 0 or more.
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
  partition(
    a: Name | ReadonlyArray<Name>,
    b: Name | ReadonlyArray<Name>,
    options?: { readonly oneWay?: boolean | undefined }
  ): Effect.Effect<void, never, Scope.Scope>
  /** Lets nothing pass between a host and all others until the scope closes: `MockRule.cut`. */
  cut(host: Name): Effect.Effect<void, never, Scope.Scope>
  /**
   * Runs a program on a machine: with the machine's `Winsock` and `MockWinsock`, and a scope that closes when it ends. Its
   * result is the program's. A crash of the machine interrupts it, so that this ends as interrupted; on a machine that is down
   * it fails with `SystemNotReady`.
   */
  run<A, E, R>(host: Name, program: Effect.Effect<A, E, R>): Effect.Effect<A, E | WinsockError, Exclude<R, Given>>
  /** As `run`, in a fiber of its own, which is interrupted when the scope closes. It has begun when this returns. */
  fork<A, E, R>(
    host: Name,
    program: Effect.Effect<A, E, R>
  ): Effect.Effect<Fiber.Fiber<A, E | WinsockError>, never, Exclude<R, Given> | Scope.Scope>
  /**
   * Has a machine run a program whenever it is up, until the scope closes: at once, and anew after each restart, also where it
   * had ended by itself. The fiber ends when the program fails, with its failure; a program that a crash ended has not failed.
   */
  host<A, E, R>(
    host: Name,
    program: Effect.Effect<A, E, R>
  ): Effect.Effect<Fiber.Fiber<never, E | WinsockError>, never, Exclude<R, Given> | Scope.Scope>
  /**
   * Takes the power from a machine: its programs are interrupted, nothing leaves it any more and nothing arrives. Its sockets,
   * ports, connections and groups are gone, and nobody is told: a peer hears nothing until the machine is up again and answers
   * with a RST. What had left the machine arrives. Waits until the programs of `run`, `fork` and `host` have ended: their
   * finalizers run, and calls in them that need the network fail with `WSAENETDOWN`. The guard says nothing about what is left
   * behind. Nothing happens to a machine that is down.
   */
  crash(host: Name): Effect.Effect<void>
  /**
   * Starts a machine again, after a crash if it is up: with its addresses, its files and what a test asked of it (`fault`,
   * `addAddress`), and nothing else. Programs of `host` begin anew. (A program cannot restart its own machine: it ends with
   * the crash.)
   */
  restart(host: Name): Effect.Effect<void>
  isUp(host: Name): Effect.Effect<boolean>
  /** The sockets of all machines, for `MockNetstat.networkTable`. */
  readonly netstat: Effect.Effect<Array<MockNetstat.HostSockets>>
  /** As `Mock.settled`: waits until nothing is under way, on any machine. */
  readonly settled: Effect.Effect<void>
}

/**
 * Makes a network. Without `links` every machine reaches every other: the one that owns a datagram's destination gets it,
 * whatever the prefixes; broadcasts reach the machines that have an address in the sender's network. With `links` a machine
 * reaches who is on one with it, and who is behind routers, on the way with the fewest. Closing the scope ends the simulation
 * as `MockWinsock.make` says.
 *
 * Dies of a `RangeError` that names the field and the value for what cannot be: a host or link that there is none of, an
 * address that is used twice on a link or is in none of its networks, an MTU that is too small, a prefix, a router of one
 * link, interfaces or routes beside links.
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
 * **Example** (Two links and a router)
 *
 * ```ts
 * import { make } from "@effect-winsock/mock/MockNetwork"
 *
 * const network = make({
 *   hosts: { client: {}, server: {} },
 *   links: {
 *     office: { subnets: ["10.0.0.0/24", "fd00::/64"], hosts: ["client"] },
 *     internet: { subnets: "192.0.2.0/24", hosts: { server: "192.0.2.80" }, mtu: 1400 }
 *   },
 *   routers: { gateway: ["office", "internet"] }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Name extends string, LinkName extends string = never>(
  options: Options<Name, LinkName>
): Effect.Effect<MockNetwork<Name>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const names = Object.keys(options.hosts) as Array<Name>
    const machines = Host.distinct(names.map((name) => Host.machine(name, options.hosts[name])))
    const routes = (options.routes ?? []).map((route) => Host.route(names, route))
    const { links, routers } = options
    if (links === undefined && routers !== undefined) throw new RangeError("routers join links, and there are none")
    const joined = links === undefined ? undefined : Layout.make(machines, links, routers ?? {})
    if (joined !== undefined && routes.length > 0) throw new RangeError("routes are for networks without links")
    if (names.length === 0) throw new RangeError("hosts are none")
    return Effect.map(makeMachines(options, machines, routes, joined), networkOf<Name>)
  })

const networkOf = <Name extends string>(mocks: ReadonlyArray<Mock>): MockNetwork<Name> => {
  const programs = new Map(mocks.map((mock) => [mock.name, new Programs(Host.powerOf(mock), () => layer(mock))]))
  const of = (name: Name): Programs => {
    const found = programs.get(name)
    if (found === undefined) throw new RangeError(`not a host of this network: ${name}`)
    return found
  }
  return {
    hosts: Object.fromEntries(mocks.map((mock) => [mock.name, mock])) as { readonly [N in Name]: Mock },
    run: (host, program) => Effect.suspend(() => of(host).run(program)),
    fork: (host, program) => Effect.suspend(() => of(host).fork(program)),
    host: (host, program) => Effect.suspend(() => of(host).host(program)),
    crash: (host) => Effect.suspend(() => of(host).crash),
    restart: (host) => Effect.suspend(() => of(host).restart),
    isUp: (host) => Effect.sync(() => of(host).isUp),
    netstat: Effect.forEach(mocks, (mock) =>
      Effect.map(mock.sockets, (sockets) => ({ host: mock.name as Name, isUp: of(mock.name as Name).isUp, sockets }))
    ),
    settled: mocks[0].settled,
    rules: mocks[0].rules,
    partition: (a, b, options) => Effect.suspend(() => mocks[0].rules(MockRule.partition(a, b, options))),
    cut: (host) => mocks[0].rules(MockRule.cut(host))
  }
}

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

/**
 * Makes a network of one machine, `localhost`, that has the loopback interface only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLoopback = (behaviour: Behaviour = {}): Effect.Effect<MockNetwork<"localhost">, never, Scope.Scope> =>
  make({ ...behaviour, hosts: { localhost: {} } })

const lan = ["10.0.0.0/16", "fd00::/64"]

/**
 * Makes a network of a `server` and a `client` on one link, `lan`.
 *
 * - `server`: `10.0.0.1/16`, `fd00::1/64`
 * - `client`: `10.0.0.2/16`, `fd00::2/64`
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClientServer = (
  behaviour: Behaviour = {}
): Effect.Effect<MockNetwork<"server" | "client">, never, Scope.Scope> =>
  make({
    ...behaviour,
    hosts: { server: {}, client: {} },
    links: { lan: { subnets: lan, hosts: ["server", "client"] } }
  })

/**
 * The names of `n` servers: `"server1" | "server2"` of 2.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerName<N extends number> = number extends N ? `server${number}` : `server${UpTo<N>}`

type UpTo<N extends number, Seen extends ReadonlyArray<0> = [], Found = never> = Seen["length"] extends N
  ? Found & number
  : UpTo<N, [...Seen, 0], Found | [...Seen, 0]["length"]>

/**
 * Makes a network of so many servers, 1 to 250, and a `client` on one link, `lan`.
 *
 * - `server1`: `10.0.0.1/16`, `fd00::1/64`; `server2`: `10.0.0.2/16`, `fd00::2/64`; and so on, all numbers decimal but in
 *   IPv6 (`server10`: `fd00::a`)
 * - `client`: `10.0.1.1/16`, `fd00::101/64`
 *
 * Dies of a `RangeError` for another number.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeServers = <const N extends number>(
  n: N,
  behaviour: Behaviour = {}
): Effect.Effect<MockNetwork<ServerName<N> | "client">, never, Scope.Scope> =>
  Effect.suspend(() => {
    if (!Number.isInteger(n) || n < 1 || n > mostServers) {
      throw new RangeError(`the number of servers must be an integer from 1 to ${mostServers}: ${n}`)
    }
    const names = Array.from({ length: n }, (_, i) => `server${i + 1}` as ServerName<N>)
    const hosts = Object.fromEntries([...names, "client"].map((name) => [name, {}]))
    const attached = Object.fromEntries(names.map((name): [string, Attachment] => [name, {}]))
    return make<ServerName<N> | "client", "lan">({
      ...behaviour,
      hosts: hosts as { readonly [K in ServerName<N> | "client"]: MachineOptions },
      links: { lan: { subnets: lan, hosts: { ...attached, client: ["10.0.1.1", "fd00::101"] } as never } }
    })
  })

const mostServers = 250
