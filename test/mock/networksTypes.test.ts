import type { Winsock } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { MockNetwork, type MockNetstat, type MockWinsock } from "@effect-winsock/mock"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

declare const network: MockNetwork.MockNetwork<"server" | "client">
declare const program: Effect.Effect<number, "failure", Winsock.Winsock | MockWinsock.MockWinsock | Scope.Scope | Clock>
declare const own: Effect.Effect<number, never, Winsock.Winsock>

/** A service that the network knows nothing of. */
interface Clock {
  readonly isClock: true
}

// never run: only the type checker reads it
const unsound = () => {
  // @ts-expect-error no host of this network
  void network.run("printer", own)
  // @ts-expect-error no host of this network
  void network.crash("printer")
  // @ts-expect-error no host of this network
  void network.hosts.printer
  // @ts-expect-error a link has hosts of this network
  void MockNetwork.make({ hosts: { a: {} }, links: { lan: { subnets: "10.0.0.0/24", hosts: ["b"] } } })
  // @ts-expect-error also those that it gives addresses to
  void MockNetwork.make({ hosts: { a: {} }, links: { lan: { subnets: "10.0.0.0/24", hosts: { b: "10.0.0.1" } } } })
  void MockNetwork.make({
    hosts: { a: {} },
    links: { lan: { subnets: "10.0.0.0/24", hosts: ["a"] } },
    // @ts-expect-error a router joins links of this network
    routers: { gateway: ["lan", "wan"] }
  })
  // @ts-expect-error a route has ends in this network
  void MockNetwork.make({ hosts: { a: {}, b: {} }, routes: [{ between: ["a", "c"], routers: [] }] })
}
void unsound

describe("MockNetwork: types", () => {
  it("programs are given Winsock, their machine and a scope, and keep what else they need", () => {
    expectTypeOf(() => network.run("server", program)).returns.toEqualTypeOf<
      Effect.Effect<number, "failure" | WinsockError, Clock>
    >()
    expectTypeOf(() => network.fork("server", program)).returns.toEqualTypeOf<
      Effect.Effect<Fiber.Fiber<number, "failure" | WinsockError>, never, Clock | Scope.Scope>
    >()
    expectTypeOf(() => network.host("server", own)).returns.toEqualTypeOf<
      Effect.Effect<Fiber.Fiber<never, WinsockError>, never, Scope.Scope>
    >()
    expectTypeOf<typeof network.crash>().returns.toEqualTypeOf<Effect.Effect<void>>()
  })

  it("hosts are those that were declared", () => {
    const make = () =>
      MockNetwork.make({ hosts: { a: {}, b: {} }, links: { lan: { subnets: "10.0.0.0/24", hosts: ["a"] } } })
    expectTypeOf(make).returns.toEqualTypeOf<Effect.Effect<MockNetwork.MockNetwork<"a" | "b">, never, Scope.Scope>>()
    expectTypeOf<typeof network.netstat>().toEqualTypeOf<Effect.Effect<Array<MockNetstat.HostSockets>>>()
  })

  it("servers have their numbers in their names, as far as the number is known", () => {
    expectTypeOf<MockNetwork.ServerName<3>>().toEqualTypeOf<"server1" | "server2" | "server3">()
    expectTypeOf<MockNetwork.ServerName<number>>().toEqualTypeOf<`server${number}`>()
    expectTypeOf(() => MockNetwork.makeServers(2)).returns.toEqualTypeOf<
      Effect.Effect<MockNetwork.MockNetwork<"server1" | "server2" | "client">, never, Scope.Scope>
    >()
  })
})
