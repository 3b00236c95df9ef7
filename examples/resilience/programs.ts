/**
 * What the tests run: a server on one machine, a client on another, and a minute of questions.
 */
import { MockDisturbance, MockNetwork } from "@effect-winsock/mock"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Careless from "./carelessClient.ts"
import * as Client from "./client.ts"
import { serve } from "./server.ts"

export type Network = MockNetwork.MockNetwork<"server" | "client">

const address = NetAddress.inetAddressFromIpStringUnsafe("10.0.0.1", 4000)

export class WrongAnswer extends Data.TaggedError("WrongAnswer")<{ readonly message: string }> {}

interface Asks {
  readonly ask: (question: string) => Effect.Effect<string | undefined, unknown>
}

type Make = (server: NetAddress.InetAddress) => Effect.Effect<Asks, WinsockError, Scope.Scope | Winsock>

/** The server on its machine, until it is interrupted: its socket is closed then, as the system does after a crash. */
export const server = ({ hosts }: Network) => Effect.provide(serve(address), MockNetwork.layer(hosts.server))

/** Asks a question a second, and fails at the first wrong answer. */
export const questions = (make: Make, { hosts }: Network, count: number) =>
  Effect.gen(function* () {
    const { ask } = yield* make(address)
    for (let n = 0; n < count; n++) {
      const answer = yield* ask(`question ${n}`)
      if (answer !== `QUESTION ${n}`) {
        return yield* new WrongAnswer({ message: `"${answer}" is no answer to "question ${n}"` })
      }
      yield* Effect.sleep("1 second")
    }
  }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))

const explored = (make: Make) => ({
  network: { hosts: MockNetwork.twoHosts },
  // what a bad network does to datagrams: loses them, doubles them, delays them, holds them all back
  disturbances: MockDisturbance.harsh,
  seeds: 50,
  program: (network: Network) => Effect.raceFirst(server(network), questions(make, network, 10))
})

export const careful = explored(Client.make)
export const careless = explored(Careless.make)
