// Two machines, a socket on each, and what came through between them: when, and what.
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type * as MockRule from "@effect-winsock/mock/MockRule"
import type * as MockTrace from "@effect-winsock/mock/MockTrace"
import type * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { type Lab, labOf } from "./support.ts"

export const textOf = ({ payload }: { readonly payload: Uint8Array }): string => String.fromCharCode(...payload)

/** `0 ask`, `50 answer`: when datagrams were delivered to a machine, and what they say. */
export const deliveries = (events: ReadonlyArray<MockTrace.Event>, host: string): Array<string> =>
  events.flatMap((event) =>
    event._tag === "Delivered" && event.host === host ? [`${Number(event.at.toFixed(3))} ${textOf(event)}`] : []
  )

/** Why datagrams were dropped. */
export const drops = (events: ReadonlyArray<MockTrace.Event>): Array<string> =>
  events.flatMap((event) => (event._tag === "Dropped" ? [event.reason] : []))

export const letters = (n: number): Array<string> => Array.from({ length: n }, (_, i) => `p${i}`)

export class Scene {
  readonly client: Lab
  readonly server: Lab
  readonly a: ReturnType<Lab["bound"]>
  readonly b: ReturnType<Lab["bound"]>
  constructor(client: Lab, server: Lab, ips: readonly [client: string, server: string]) {
    this.client = client
    this.server = server
    this.a = client.bound(ips[0])
    this.b = server.bound(ips[1])
    this.ips = ips
  }
  private readonly ips: readonly [string, string]
  /** The client says it to the server. */
  ask(...texts: ReadonlyArray<string>): void {
    for (const text of texts) this.client.send(this.a.s, text, this.ips[1], this.b.port)
  }
  answer(...texts: ReadonlyArray<string>): void {
    for (const text of texts) this.server.send(this.b.s, text, this.ips[0], this.a.port)
  }
  get settled() {
    return this.client.mock.settled
  }
  rules(...rules: ReadonlyArray<MockRule.Rule>) {
    return this.client.mock.rules(...rules)
  }
  /** Lets time pass, so many milliseconds at once, and all that happens in it happen. */
  pass(milliseconds: number, step = 1) {
    const { settled } = this
    return Effect.gen(function* () {
      yield* settled
      for (let at = 0; at < milliseconds; at += step) {
        yield* TestClock.adjust(step)
        yield* settled
      }
    })
  }
  /** What reached the server, and when. */
  get asked() {
    return Effect.map(this.client.mock.trace, (events) => deliveries(events, "server"))
  }
  get answered() {
    return Effect.map(this.client.mock.trace, (events) => deliveries(events, "client"))
  }
  get dropped() {
    return Effect.map(this.client.mock.trace, drops)
  }
}

export const scene = (
  behaviour: MockWinsock.Behaviour = {},
  ips: readonly [client: string, server: string] = ["10.0.0.2", "10.0.0.1"]
) =>
  Effect.gen(function* () {
    const { hosts } = yield* MockNetwork.makeTwoHosts(behaviour)
    return new Scene(yield* labOf(hosts.client), yield* labOf(hosts.server), ips)
  })
