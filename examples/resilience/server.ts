/**
 * A server that answers each message with the same number and its text in capitals, until it is interrupted.
 */
import { UdpSocket } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import { decode, encode } from "./message.ts"

export const serve = (address: NetAddress.InetAddress) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(address)
    const answer = Effect.flatMap(socket.receive, (datagram) => {
      const question = decode(datagram.payload)
      if (question === undefined) return Effect.void
      return socket.reply(datagram, encode({ id: question.id, text: question.text.toUpperCase() }))
    })
    return yield* Effect.forever(answer)
  }).pipe(Effect.scoped)
