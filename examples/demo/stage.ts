/** Where the story plays: two simulated machines on one network, or this machine's own loopback interface. */
import type { Seam } from "@effect-winsock/core/Seam"
import type { UdpSocket } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import process from "node:process"
import type { Speaker } from "./screen.ts"

/** A question of the client's: from which of its addresses, to which of the server's, and what it says of itself. */
export interface Question {
  readonly from: NetAddress.IpAddress
  readonly to: NetAddress.IpAddress
  readonly options?: UdpSocket.SendOptions | undefined
}

export interface Stage {
  readonly title: string
  readonly hosts: { readonly [S in Speaker]: { readonly seam: Seam; readonly addresses: string } }
  /** The server's port; 0 for any. */
  readonly port: number
  readonly questions: ReadonlyArray<Question>
  readonly interfaceName: (index: number) => string
}

const question = (from: string, to: string, options?: UdpSocket.SendOptions): Question => ({
  from: NetAddress.ipFromStringUnsafe(from),
  to: NetAddress.ipFromStringUnsafe(to),
  options
})

interface Named {
  readonly index: number
  readonly name: string
  readonly addresses: ReadonlyArray<string>
}

const addressesOf = (interfaces: ReadonlyArray<Named>): string =>
  interfaces
    .map(({ addresses, name }) => `${addresses.map((one) => one.replace(/\/.*/, "")).join(", ")} on ${name}`)
    .join("; ")

export const simulated: Effect.Effect<Stage, never, Scope.Scope> = Effect.gen(function* () {
  const { MockNetwork } = yield* Effect.promise(() => import("@effect-winsock/mock"))
  const { hosts } = yield* MockNetwork.makeTwoHosts()
  const { client, server } = MockNetwork.twoHosts
  const names = new Map(server.interfaces.map(({ index, name }): [number, string] => [index, name]))
  return {
    title: "ws2_32 is simulated: two machines on one network",
    hosts: {
      server: { seam: hosts.server.seam, addresses: addressesOf(server.interfaces) },
      client: { seam: hosts.client.seam, addresses: addressesOf(client.interfaces) }
    },
    port: 5300,
    questions: [
      question("10.0.0.2", "10.0.0.1"),
      question("10.0.0.2", "10.0.0.101", { hopLimit: 17, ecn: 2 }),
      question("10.0.0.2", "10.0.1.1"),
      question("fd00::2", "fd00::101", { ecn: 1 })
    ],
    interfaceName: (index) => names.get(index) ?? "unknown"
  }
})

// the launcher's environment says so
const wine = process.env.WINEPREFIX !== undefined

/** Two layers in one process, on loopback: 127.0.0.9 is an address of every machine's own, like all of 127.0.0.0/8. */
export const native = Effect.gen(function* () {
  const { NativeWinsock } = yield* Effect.promise(() => import("@effect-winsock/native"))
  const addresses = "127.0.0.1, 127.0.0.9 and ::1, which are all this machine"
  const stage: Stage = {
    title: `ws2_32 is ${wine ? "Wine's" : "Windows' own"}: both ends on this machine's loopback interface`,
    hosts: {
      server: { seam: yield* NativeWinsock.seam, addresses },
      client: { seam: yield* NativeWinsock.seam, addresses: "127.0.0.1 and ::1" }
    },
    port: 0,
    questions: [
      question("127.0.0.1", "127.0.0.1"),
      question("127.0.0.1", "127.0.0.9", { hopLimit: 17, ecn: 2 }),
      question("::1", "::1", { ecn: 1 })
    ],
    interfaceName: () => "loopback"
  }
  return stage
})
