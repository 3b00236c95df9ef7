// What the tests of raw sockets share. On the real machine such a socket also gets what others send and are sent, so
// that every test knows its own packets by their identifier.
import { RawSocket } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"

export const ip = (text: string): NetAddress.IpAddress => NetAddress.ipFromStringUnsafe(text)

/** An identifier that nobody else has, in all likelihood. */
export const ownIdentifier = (): number => Math.floor(Math.random() * 0x1_0000)

export const request = (identifier: number, sequence: number, data: Uint8Array = new Uint8Array(8)): Uint8Array =>
  Icmp.encode(4, { _tag: "EchoRequest", identifier, sequence, data })

export interface Received {
  readonly header: Ipv4Header.Ipv4Header
  readonly message: Icmp.IcmpMessage
  readonly datagram: Datagram
}

/** What a packet of ICMP says; undefined for one that is none. */
export const read = (datagram: Datagram): Received | undefined => {
  const packet = Ipv4Header.decode(datagram.payload)
  if (Ipv4Header.isIpv4HeaderIssue(packet)) return undefined
  const message = Icmp.decode(4, packet.payload)
  return Icmp.isIcmpIssue(message) ? undefined : { header: packet.header, message, datagram }
}

/** Waits for the next echo reply with the identifier. */
export const reply = (socket: RawSocket.RawSocket, identifier: number) =>
  Effect.gen(function* () {
    while (true) {
      const received = read(yield* socket.receive)
      if (received?.message._tag !== "EchoReply" || received.message.identifier !== identifier) continue
      return { ...received, message: received.message }
    }
  })

export const openIcmp = (options: Partial<RawSocket.Options> = {}, address = "127.0.0.1") =>
  RawSocket.open(ip(address), { protocol: "icmp", ...options })
