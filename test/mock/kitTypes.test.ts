import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as MockExpect from "@effect-winsock/mock/MockExpect"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import * as MockTest from "@effect-winsock/mock/MockTest"
import type * as MockTrace from "@effect-winsock/mock/MockTrace"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

type Provided = Winsock | MockWinsock.MockWinsock

// never run: only its types are looked at
const made = () => ({
  network: MockNetwork.make({
    hosts: { a: {}, b: {} },
    routes: [{ between: ["a", "b"], routers: [] }]
  }),
  // @ts-expect-error a route is between hosts of the network
  wrong: MockNetwork.make({ hosts: { a: {}, b: {} }, routes: [{ between: ["a", "c"], routers: [] }] }),
  it: MockTest.makeNetwork({ hosts: { a: {}, b: {} } })
})
type Made = ReturnType<typeof made>

declare const on: MockTest.NetworkContext<"a" | "b">["on"]
declare const program: Effect.Effect<1, "failure", Provided | "other">
const runs = () => ({
  a: on("a", program),
  // @ts-expect-error there is no such host
  c: on("c", program)
})

// what is misspelt would be called never, and `none` of it always hold
const misspelt = () => [
  // @ts-expect-error there is no such function
  MockExpect.call("WSASendMessage"),
  // @ts-expect-error there is no such function
  MockExpect.calls([], "closeSocket"),
  // @ts-expect-error there is no such function
  MockExpect.operations([], "WSARecvMessage"),
  // @ts-expect-error there is no such function
  MockExpect.allEnd("wsarecv", "aborted")
]

describe("the mock: types", () => {
  it("expectations are of functions that there are, exported and extensions", () => {
    expectTypeOf<MockExpect.CallName>().toEqualTypeOf<FunctionName | ExtensionName>()
    expectTypeOf(MockExpect.call).parameter(0).toEqualTypeOf<MockExpect.CallName>()
    expectTypeOf(MockExpect.allEnd).parameter(0).toEqualTypeOf<MockExpect.CallName>()
    expectTypeOf(misspelt).returns.items.not.toBeAny()
  })

  it("layers give a Winsock and the machine, and need nothing", () => {
    expectTypeOf(MockWinsock.layer).returns.toEqualTypeOf<Layer.Layer<Provided, WinsockError>>()
    expectTypeOf(MockWinsock.layerLoopback).toEqualTypeOf<Layer.Layer<Provided, WinsockError>>()
    expectTypeOf(MockNetwork.layer).returns.toEqualTypeOf<Layer.Layer<Provided, WinsockError>>()
    expectTypeOf(MockWinsock.make).returns.toEqualTypeOf<Effect.Effect<MockWinsock.Mock, never, Scope.Scope>>()
  })

  it("a network's machines have the names that they were given", () => {
    expectTypeOf<Made["network"]>().toEqualTypeOf<
      Effect.Effect<MockNetwork.MockNetwork<"a" | "b">, never, Scope.Scope>
    >()
    expectTypeOf<keyof MockNetwork.MockNetwork<"a" | "b">["hosts"]>().toEqualTypeOf<"a" | "b">()
    expectTypeOf(MockNetwork.makeTwoHosts).returns.toEqualTypeOf<
      Effect.Effect<MockNetwork.MockNetwork<"server" | "client">, never, Scope.Scope>
    >()
  })

  it("time and rest need the machine, and cannot fail", () => {
    expectTypeOf(MockWinsock.settled).toEqualTypeOf<Effect.Effect<void, never, MockWinsock.MockWinsock>>()
    expectTypeOf(MockWinsock.advance).returns.toEqualTypeOf<Effect.Effect<void, never, MockWinsock.MockWinsock>>()
    expectTypeOf<MockWinsock.Mock["advance"]>().returns.toEqualTypeOf<Effect.Effect<void>>()
  })

  it("tests may use what they are given, and nothing else", () => {
    type Machine = MockTest.Methods<Provided, MockTest.MachineContext>
    expectTypeOf(MockTest.make).returns.toEqualTypeOf<Machine>()
    expectTypeOf<Made["it"]>().toEqualTypeOf<
      MockTest.Methods<MockWinsock.MockWinsock, MockTest.NetworkContext<"a" | "b">>
    >()
    expectTypeOf<Machine["seeds"]>().returns.toEqualTypeOf<
      MockTest.Test<Provided | Scope.Scope, MockTest.MachineContext>
    >()
    expectTypeOf<MockTest.MachineContext>().toEqualTypeOf<{
      readonly seed: number
      readonly mock: MockWinsock.Mock
    }>()
  })

  it("on takes away what the host provides, and leaves the rest", () => {
    expectTypeOf<ReturnType<typeof runs>["a"]>().toEqualTypeOf<Effect.Effect<1, "failure", "other">>()
  })

  it("expectations fail with TraceMismatch; places are optional", () => {
    expectTypeOf<ReturnType<typeof MockExpect.holds>>().toEqualTypeOf<
      Effect.Effect<void, MockExpect.TraceMismatch, MockWinsock.MockWinsock>
    >()
    expectTypeOf(MockExpect.check).returns.toEqualTypeOf<Effect.Effect<void, MockExpect.TraceMismatch>>()
    expectTypeOf<MockTrace.Violated["callSite"]>().toEqualTypeOf<MockTrace.CallSite | undefined>()
    expectTypeOf<MockExpect.OverlappedOperation["outcome"]>().toEqualTypeOf<
      "succeeded" | "aborted" | "failed" | "pending"
    >()
  })
})
