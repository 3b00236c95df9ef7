/**
 * A client that asks until it is answered: over UDP, where questions and answers get lost, come late and come twice. A
 * question keeps its number when it is asked again, and only an answer with that number is one to it.
 */
import { UdpSocket } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Schedule from "effect/Schedule"
import { decode, encode } from "./message.ts"

/** Waits longer each time, up to 5 seconds, and never as long as others who wait. */
const patience = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.jittered
)

/** Makes a client that asks one question at a time. */
export const make = (server: NetAddress.InetAddress) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", 0))
    let last = 0
    const ask = (question: string) =>
      Effect.suspend(() => {
        const id = ++last
        const answer = socket.receive.pipe(
          Effect.map(({ payload }) => decode(payload)),
          Effect.repeat({ until: (message) => message?.id === id })
        )
        return socket.send(encode({ id, text: question }), server).pipe(
          Effect.andThen(answer),
          Effect.timeout("1 second"),
          Effect.retry(patience),
          Effect.map((message) => message!.text)
        )
      })
    return { ask }
  })
