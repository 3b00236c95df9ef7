/** One of Node's servers, whose listening is done by a TcpServer: it is what `net.Server` has for it. */
import type * as Servers from "@effect-winsock/core/TcpServer"
import { listen } from "@effect-winsock/core/TcpServer"
import type { Winsock } from "@effect-winsock/core/Winsock"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as http from "node:http"
import type { ServerHttp2Session } from "node:http2"
import type { AddressInfo, ListenOptions } from "node:net"
import process from "node:process"
import type { Options } from "../TcpDuplex.ts"
import { resolve } from "./connecting.ts"
import { Connection } from "./connection.ts"
import * as NodeAddresses from "./nodeAddresses.ts"
import * as NodeErrors from "./nodeErrors.ts"
import { acceptInto } from "./owning.ts"

/** What is said of TcpServers and of the streams of their connections, beside Node's options. */
export interface Extras {
  readonly server?: Servers.Options | undefined
  readonly stream?: Options | undefined
}

/** What a `http.Server` asks for that is not a TCP address. */
const refused: ReadonlyArray<readonly [key: string, why: string]> = [
  ["path", "is a pipe or a file; a TcpServer listens at an address"],
  ["reusePort", "is not known to Winsock: see reuseAddress of TcpServer"]
]

const refusalOf = (options: ListenOptions): Error | undefined => {
  const found = refused.find(([key]) => ![undefined, null, false].includes(Reflect.get(options, key)))
  if (found !== undefined) return new TypeError(`listen: ${found[0]} ${found[1]}`)
  const port = Number(options.port ?? 0)
  return Number.isInteger(port) && port >= 0 && port < 65_536
    ? undefined
    : new RangeError(`listen: port is ${options.port}, not an integer from 0 to 65535`)
}

const listenAt = (address: NetAddress.InetAddress, options: ListenOptions, extras: Extras) =>
  Effect.mapError(
    listen(address, {
      // as Node has it, an IPv6 server takes both
      ...(NetAddress.isInetAddressV6(address) ? { ipv6Only: options.ipv6Only ?? false } : undefined),
      ...(options.backlog === undefined ? undefined : { backlog: options.backlog }),
      ...extras.server
    }),
    (error) => NodeErrors.fromAddress(error, "listen", address)
  )

const anywhere = (port: number) => [
  NetAddress.inetAddressFromIpStringUnsafe("::", port),
  NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", port)
]

/** Listens as `net.Server` does: with no host at all addresses, of both families if there are two. */
const open = (options: ListenOptions, extras: Extras): Effect.Effect<Servers.TcpServer, Error, Winsock | Scope.Scope> =>
  Effect.suspend(() => {
    const refusal = refusalOf(options)
    if (refusal !== undefined) return Effect.fail(refusal)
    const port = Number(options.port ?? 0)
    if (options.host === undefined || options.host === "") {
      const [both, one] = anywhere(port)
      return Effect.catch(listenAt(both, options, extras), () => listenAt(one, options, extras))
    }
    return Effect.flatMap(resolve({ host: options.host, port }), ([address]) => listenAt(address, options, extras))
  })

/** What Node has made a socket of. Neither of the ways to it is documented: without them there is no address to tell. */
const connectionOf = (socket: object): Connection | undefined => {
  // its socket over a stream, which HTTP/2 without TLS runs on
  const { _handle: handle, stream } = socket as { stream?: unknown; _handle?: { _parentWrap?: { stream?: unknown } } }
  const found = stream ?? handle?._parentWrap?.stream
  return found instanceof Connection ? found : undefined
}

const tellAddresses = (socket: object): void => {
  const connection = connectionOf(socket)
  if (connection !== undefined) NodeAddresses.tell(socket, connection)
}

const nothing = () => {}

// the socket of a session is a proxy of the one that requests are asked about
const tellAddressesOf = ({ socket }: ServerHttp2Session): void => tellAddresses(socket.off("close", nothing))

interface Listener {
  readonly scope: Scope.Closeable
  address: AddressInfo | undefined
}

const addressOf = ({ address }: Servers.TcpServer): AddressInfo => ({
  address: NetAddress.formatIp(address.address),
  family: NetAddress.isInetAddressV4(address) ? "IPv4" : "IPv6",
  port: address.port
})

/**
 * Has a server listen by a TcpServer until the scope closes, which ends all that is left of it. All else of the server is
 * Node's own: it is given connections, as it is by its own handle.
 */
export const install = Effect.fnUntraced(function* (server: http.Server, extras: Extras) {
  const context = yield* Effect.context<Winsock>()
  const fork = Effect.runForkWith(context)
  const outer = yield* Effect.scope
  // all of them are ended at the same time
  const connections = Scope.forkUnsafe(outer, "parallel")
  const closeOfNode = server.close
  let listener: Listener | undefined = undefined
  // from the beginning of its end to 'close', and when its listener is gone
  let ending = false
  let gone = false
  let count = 0

  /** Node's own emits 'close', and ends the watch over slow requests, which goes on as long as there are any. */
  const finish = () => {
    if (!gone || count > 0) return
    ending = gone = false
    closeOfNode.call(server)
  }

  const left = () => {
    count--
    finish()
  }

  const seen = (connection: Connection): boolean => {
    if (server.maxConnections != null && count >= server.maxConnections) {
      const { localAddress, localFamily, localPort, remoteAddress, remoteFamily, remotePort } = connection
      const about = { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily }
      connection.destroy()
      process.nextTick(() => server.emit("drop", about))
      return false
    }
    count++
    connection.once("close", left)
    return true
  }

  const fail = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : server.listenerCount("error") > 0
        ? Effect.sync(() => process.nextTick(() => server.emit("error", Cause.squash(cause))))
        : Effect.logError("the server accepts no more", cause)

  const accept = (tcp: Servers.TcpServer) =>
    Effect.catchCause(
      Effect.mapError(acceptInto(connections, tcp, server, extras.stream ?? {}, seen), (error) =>
        NodeErrors.fromWinsock(error, "accept")
      ),
      fail
    )

  const stop = () => server.close()

  const listen = (options: ListenOptions, callback?: () => void): http.Server => {
    if (listener !== undefined || ending) throw new Error("listen: the server listens, or is about to be closed")
    if (callback !== undefined) server.once("listening", callback)
    const mine: Listener = (listener = { scope: Scope.forkUnsafe(outer), address: undefined })
    const opening = fork(Scope.provide(open(options, extras), mine.scope))
    Fiber.runIn(opening, mine.scope)
    opening.addObserver((exit) => {
      if (listener !== mine) return
      if (Exit.isSuccess(exit)) {
        mine.address = addressOf(exit.value)
        Fiber.runIn(fork(accept(exit.value)), mine.scope)
        options.signal?.addEventListener("abort", stop, { once: true })
        server.emit("listening")
        if (options.signal?.aborted) stop()
      } else {
        listener = undefined
        fork(Scope.close(mine.scope, Exit.void))
        if (!Cause.hasInterruptsOnly(exit.cause)) server.emit("error", Cause.squash(exit.cause))
      }
    })
    return server
  }

  const close = (callback?: (error?: Error) => void): http.Server => {
    const mine = listener
    listener = undefined
    // Node's own says that it was not listening
    if (mine?.address === undefined) closeOfNode.call(server, callback)
    else if (callback !== undefined) server.once("close", callback)
    if (mine === undefined) return server
    // HTTP/2 has none
    server.closeIdleConnections?.()
    ending = mine.address !== undefined
    const ended = fork(Scope.close(mine.scope, Exit.void))
    if (ending) {
      ended.addObserver(() => {
        gone = true
        finish()
      })
    }
    return server
  }

  const parts: PropertyDescriptorMap = {
    listen: { value: listen },
    close: { value: close },
    listening: { get: () => listener?.address !== undefined },
    address: { value: () => listener?.address ?? null },
    getConnections: {
      value: (callback: (error: Error | null, count: number) => void) => {
        process.nextTick(callback, null, count)
        return server
      }
    }
  }
  const undo = Effect.sync(() => {
    server.off("secureConnection", tellAddresses)
    server.off("session", tellAddressesOf)
    for (const name of Object.keys(parts)) Reflect.deleteProperty(server, name)
  })
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      for (const [name, part] of Object.entries(parts)) {
        Object.defineProperty(server, name, { ...part, configurable: true })
      }
      server.prependListener("secureConnection", tellAddresses)
      server.prependListener("session", tellAddressesOf)
    }),
    () => undo
  )
})
