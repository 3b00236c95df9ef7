/**
 * The client with a mistake: whatever comes is taken for an answer to the question that was asked last. That goes well
 * until a question is answered more than once: the network doubles it, or it was asked again because its answer was late.
 */
import { UdpSocket } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { decode, encode } from "./message.ts"

export const make = (server: NetAddress.InetAddress) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", 0))
    let last = 0
    const ask = (question: string) =>
      Effect.suspend(() =>
        socket.send(encode({ id: ++last, text: question }), server).pipe(
          Effect.andThen(socket.receive),
          Effect.timeout("1 second"),
          Effect.retry({ times: 100 }),
          Effect.map(({ payload }) => decode(payload)?.text)
        )
      )
    return { ask }
  })
