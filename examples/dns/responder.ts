/** Answers DNS queries on UDP sockets, each from the address that was asked. */
import { UdpSocket } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Authority from "./authority.ts"
import type { Zone } from "./zone.ts"

export interface Options {
  readonly zones: ReadonlyArray<Zone>
  /** Port 0 is any free port. A wildcard address answers on all of the machine's; `::` on IPv4 as well. */
  readonly address: NetAddress.InetAddress
  /** How many queries of one socket are answered at a time. */
  readonly handlers?: number | undefined
  /** Is told of every answer. */
  readonly log?: ((line: string) => void) | undefined
}

/** What became of the datagrams. */
export interface Counters {
  readonly answered: number
  readonly truncated: number
  /** No DNS query. */
  readonly malformed: number
  /** Answers that could not be sent. */
  readonly failed: number
}

export interface Responder {
  readonly address: NetAddress.InetAddress
  /** Answers until it is interrupted, or until the socket fails. */
  readonly serve: Effect.Effect<never, WinsockError>
  readonly counters: () => Counters
}

const describe = (message: Datagram, response: Authority.Response): string => {
  const { control, from } = message
  const info = isControlIssue(control) ? undefined : control.packetInfo
  const sender = from === undefined ? "?" : NetAddress.formatInet(NetAddress.toCanonical(from))
  const asked = info === undefined ? "" : ` at ${NetAddress.formatIp(info.address)}`
  return `${sender}${asked}: ${response.question} -> ${response.rcode}${response.truncated ? ", truncated" : ""}`
}

/** Binds a responder's socket, which is closed with the scope. */
export const make = (options: Options) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(options.address, {
      control: ["packetInfo"],
      ipv6Only: false,
      // no query is longer; what is longer is cut, and no query any more
      maxMessageSize: 4096
    })
    const answer = Authority.make(options.zones)
    const counters = { answered: 0, truncated: 0, malformed: 0, failed: 0 }

    const handle = (message: Datagram) => {
      const response = message.truncated ? undefined : answer(message.payload)
      if (response === undefined) {
        counters.malformed++
        return Effect.void
      }
      return Effect.match(socket.reply(message, response.bytes), {
        onSuccess: () => {
          counters.answered++
          if (response.truncated) counters.truncated++
          options.log?.(describe(message, response))
        },
        // a client that cannot be reached is no reason to leave the others alone
        onFailure: () => {
          counters.failed++
        }
      })
    }

    // each handler waits for a query of its own: so many are in work at most, and all end together
    const handler = Effect.forever(Effect.flatMap(socket.receive, handle))
    const handlers = Array.from({ length: options.handlers ?? 16 }, () => handler)
    const responder: Responder = {
      address: socket.address,
      serve: Effect.andThen(Effect.all(handlers, { concurrency: "unbounded", discard: true }), Effect.never),
      counters: () => ({ ...counters })
    }
    return responder
  })
