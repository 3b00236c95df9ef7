/**
 * A service of meters over UDP, and its clients, written for @effect/platform-node's `NodeDatagramSocket`: readings are
 * sent, and each is answered with how many there were of that meter and their mean. Nothing here knows of Winsock.
 */
import type { NodeDatagramSocket } from "@effect/platform-node"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import { DatagramSocket } from "effect/socket/DatagramSocket"

/** `NodeDatagramSocket.layer`, or what takes its place. */
export type SocketLayer<R> = (options: NodeDatagramSocket.Options) => Layer.Layer<DatagramSocket, never, R>

const Reading = Schema.fromJsonString(Schema.Struct({ meter: Schema.String, value: Schema.Number }))
const Answer = Schema.fromJsonString(Schema.Struct({ meter: Schema.String, count: Schema.Number, mean: Schema.Number }))
const readReading = Schema.decodeUnknownOption(Reading)
const readAnswer = Schema.decodeUnknownEffect(Answer)
const writeReading = Schema.encodeSync(Reading)
const writeAnswer = Schema.encodeSync(Answer)

const decoder = new TextDecoder()

/** Answers readings until it is interrupted; `ready` is told where. What is no reading gets no answer. */
export const serve = Effect.fnUntraced(function* <R>(
  ready: (at: NetAddress.InetAddress) => Effect.Effect<void, never, R>
) {
  const socket = yield* DatagramSocket
  const reader = yield* socket.reader
  const writer = yield* socket.writer
  const meters = new Map<string, { count: number; sum: number }>()
  yield* ready(reader.address)
  while (true) {
    for (const received of yield* reader.pull) {
      const reading = readReading(decoder.decode(received.payload))
      if (reading._tag === "None") continue
      const { meter, value } = reading.value
      const seen = meters.get(meter) ?? { count: 0, sum: 0 }
      meters.set(meter, { count: seen.count + 1, sum: seen.sum + value })
      const answer = { meter, count: seen.count + 1, mean: (seen.sum + value) / (seen.count + 1) }
      yield* writer.write({ payload: writeAnswer(answer), address: received })
    }
  }
}, Effect.scoped)

/** Sends readings of a meter to the peer of its socket, and gives the mean of them as the service has it. */
export const report = Effect.fnUntraced(function* (meter: string, values: ReadonlyArray<number>) {
  const socket = yield* DatagramSocket
  const reader = yield* socket.reader
  const writer = yield* socket.writer
  let mean = Number.NaN
  for (const value of values) {
    yield* writer.write({ payload: writeReading({ meter, value }) })
    // a datagram may be lost: who waits for an answer has to say for how long
    const [answer] = yield* Effect.timeout(reader.pull, "10 seconds")
    mean = (yield* readAnswer(decoder.decode(answer.payload))).mean
  }
  // no datagram is as long as this, and the socket is none the worse for it
  const tooLong = yield* writer.write({ payload: "x".repeat(70_000) }).pipe(
    Effect.as("sent"),
    Effect.catchReason("DatagramSocketError", "DatagramSocketWriteError", ({ kind }) => Effect.succeed(kind))
  )
  return `${meter}: ${values.length} readings, mean ${mean}; 70,000 bytes: ${tooLong}`
}, Effect.scoped)
