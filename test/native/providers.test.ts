// MockProvider.wine is Wine: what core finds out about the real DLL under Wine and about the simulated one, side by side.
// Each difference has its name here. On Windows there is nothing to compare.
import type { Winsock } from "@effect-winsock/core"
import { MockProvider, MockWinsock } from "@effect-winsock/mock"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { capabilitiesOf, hasUnix, places, unknownIoctls, unknownOptions } from "../support/providers.ts"
import { law } from "../support/rig.ts"

const isWine = Effect.map(capabilitiesOf("127.0.0.1", true), ({ peerErrorsOff }) => !peerErrorsOff.networkReset)

const onMock = <A, E>(body: Effect.Effect<A, E, Winsock.Winsock | MockWinsock.MockWinsock>) =>
  Effect.provide(body, MockWinsock.layer(MockProvider.wine), { local: true })

/** Where the two differ, as `a.b: real, simulated`. */
const differences = (real: unknown, simulated: unknown, path = ""): ReadonlyArray<string> => {
  if (typeof real !== "object" || real === null) {
    return Object.is(real, simulated) ? [] : [`${path}: ${real}, ${simulated}`]
  }
  return Object.entries(real).flatMap(([name, value]) =>
    differences(value, (simulated as Record<string, unknown>)[name], path === "" ? name : `${path}.${name}`)
  )
}

describe("MockProvider.wine is Wine", () => {
  law("in the capability record, but for what is named", () =>
    Effect.gen(function* () {
      if (!(yield* isWine)) return
      for (const [ip, ipv6Only] of places) {
        const real = yield* capabilitiesOf(ip, ipv6Only)
        const simulated = yield* onMock(capabilitiesOf(ip, ipv6Only))
        assert.deepStrictEqual(differences(real, simulated), [
          // Wine binds a socket of one IPv4 address to all of them
          ...(ip.includes(":") ? [] : ["send.sourceByBinding: false, true"]),
          // Wine knows IPv4 interfaces by their addresses only
          "multicast.interfaceByIndex: false, true",
          // Wine says of IPv6 what it says of IPv4
          ...(ip.includes(":") ? ["largestSend: 65507, 65527"] : [])
        ])
      }
    })
  )

  law("in the options, control codes and families that it does not know", ({ bare }) =>
    Effect.gen(function* () {
      if (!(yield* isWine)) return
      const simulated = yield* onMock(
        Effect.map(MockWinsock.MockWinsock, ({ seam }) => ({
          options: unknownOptions(seam),
          ioctls: unknownIoctls(seam),
          unix: hasUnix(seam)
        }))
      )
      const real = unknownOptions(bare)
      assert.deepStrictEqual(
        real.filter((name) => !simulated.options.includes(name)),
        // Wine takes these and forgets them
        ["SO_PORT_SCALABILITY", "SO_RANDOMIZE_PORT", "SO_REUSE_MULTICASTPORT", "SO_REUSE_UNICASTPORT"]
      )
      assert.deepStrictEqual(
        simulated.options.filter((name) => !real.includes(name)),
        // Wine has WSAEINVAL for these
        ["UDP_CHECKSUM_COVERAGE", "UDP_NOCHECKSUM", "UDP_RECV_MAX_COALESCED_SIZE", "UDP_SEND_MSG_SIZE"]
      )
      assert.deepStrictEqual(unknownIoctls(bare), simulated.ioctls)
      assert.isAbove(simulated.ioctls.length, 3)
      assert.strictEqual(hasUnix(bare), simulated.unix)
    })
  )
})
