/**
 * What the tests run: the server's program, the client's, and how both are explored.
 */
import { MockDisturbance, type MockExplorer, MockNetwork } from "@effect-winsock/mock"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Careless from "./carelessClient.ts"
import * as Client from "./client.ts"
import { serve } from "./server.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("10.0.0.1", 4000)

export const server = serve(address)

export class WrongAnswer extends Data.TaggedError("WrongAnswer")<{ readonly message: string }> {}

interface Asks {
  readonly ask: (question: string) => Effect.Effect<string | undefined, unknown>
}

type Make = (server: NetAddress.InetAddress) => Effect.Effect<Asks, WinsockError, Scope.Scope | Winsock>

/** Asks a question a second, and fails at the first wrong answer. */
export const questions = (make: Make, count: number) =>
  Effect.gen(function* () {
    const { ask } = yield* make(address)
    for (let n = 0; n < count; n++) {
      const answer = yield* ask(`question ${n}`)
      if (answer !== `QUESTION ${n}`) {
        return yield* new WrongAnswer({ message: `"${answer}" is no answer to "question ${n}"` })
      }
      yield* Effect.sleep("1 second")
    }
  })

export type Name = "server" | "client"

const explored = (make: Make): MockExplorer.Options<Name> => ({
  network: { hosts: MockNetwork.twoHosts },
  // each seed draws some of these, with a time and a duration for each
  disturbances: [
    ...MockDisturbance.crashes("server"),
    ...MockDisturbance.outages("client", "server"),
    ...MockDisturbance.harsh
  ],
  seeds: 50,
  program: (network: MockNetwork.MockNetwork<Name>) =>
    Effect.gen(function* () {
      yield* network.host("server", server)
      yield* network.run("client", questions(make, 10))
    })
})

export const careful = explored(Client.make)
export const careless = explored(Careless.make)
