import { UdpSocket } from "@effect-winsock/core"
import { MockNetwork } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"

const at = NetAddress.inetAddressFromIpStringUnsafe

// two ways into one network: which is taken shows in the source address
const hosts = {
  server: {
    interfaces: [
      { index: 7, name: "Ethernet", addresses: ["10.0.0.1/24", "fd00::1/64"] },
      { index: 300, name: "Ethernet 2", addresses: ["10.0.0.5/24", "fd00::5/64"] }
    ]
  },
  client: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] }
}

const cases = [
  ["IPv4", "0.0.0.0", "10.0.0.2", true, 7, "10.0.0.1"],
  ["IPv4", "0.0.0.0", "10.0.0.2", true, 300, "10.0.0.5"],
  ["IPv6", "::", "fd00::2", true, 7, "fd00::1"],
  ["IPv6", "::", "fd00::2", true, 300, "fd00::5"],
  ["IPv4 on a dual-stack socket", "::", "10.0.0.2", false, 300, "10.0.0.5"]
] as const

describe("UdpSocket: the interface to send by", () => {
  it.effect.each(cases)("decides the source address: %s, %s to %s", ([, bound, peer, ipv6Only, index, source]) =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.make({ hosts })
      const client = yield* Layer.build(MockNetwork.layer(network.hosts.client))
      const server = yield* Layer.build(MockNetwork.layer(network.hosts.server))
      const to = yield* Effect.provide(UdpSocket.bind(at(peer, 0)), client)
      const socket = yield* Effect.provide(UdpSocket.bind(at(bound, 0), { interface: index, ipv6Only }), server)
      yield* socket.send(new Uint8Array([1]), to.address)
      const { from } = yield* to.receive
      assert.strictEqual(NetAddress.formatIp(from!.address), source)
    }).pipe(Effect.scoped)
  )
})
