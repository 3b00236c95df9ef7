import { UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { law } from "../support/rig.ts"
import { at } from "../support/udp.ts"

const control = ["packetInfo", "hopLimit", "trafficClass", "ecn", "originalArrivalInterface"] as const

describe("UdpSocket: the capability record of the real DLL", () => {
  law("is Wine's exactly, or that of a Windows which has everything", () =>
    Effect.gen(function* () {
      for (const [ip, ipv6Only] of [
        ["127.0.0.1", true],
        ["0.0.0.0", true],
        ["::1", true],
        ["::", false]
      ] as const) {
        const socket = yield* UdpSocket.bind(at(ip), { control, coalesce: 65_535, ipv6Only })
        const { version, ...record } = yield* socket.capabilities
        // Wine has no SIO_UDP_NETRESET
        const wine = !record.peerErrorsOff.networkReset
        assert.strictEqual(version.major, 10)
        if (wine) {
          assert.deepStrictEqual(record, {
            receive: {
              packetInfo: true,
              hopLimit: true,
              trafficClass: true,
              ecn: false,
              originalArrivalInterface: false
            },
            ecnFromTrafficClass: true,
            send: {
              source: false,
              sourceByBinding: ip.includes(":"),
              hopLimit: false,
              trafficClass: false,
              ecn: false
            },
            segmentation: false,
            coalescing: false,
            offloadFault: false,
            peerErrorsOff: { connectionReset: true, networkReset: false },
            multicast: { interfaceByIndex: false, sources: !ip.includes(":") },
            mtuDiscovery: false,
            timestamps: { receive: false, transmit: false },
            largestSend: 65_507,
            cancelOne: true
          })
        } else {
          assert.isTrue(record.receive.packetInfo && record.receive.hopLimit && record.receive.trafficClass)
          assert.isTrue(record.send.source && record.send.sourceByBinding && record.send.hopLimit)
          assert.isTrue(record.peerErrorsOff.connectionReset && record.cancelOne)
        }
      }
    })
  )
})
