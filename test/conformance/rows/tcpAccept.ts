// listen and accept.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import type { Bench } from "../bench.ts"
import type { Group } from "../model.ts"
import * as Streams from "../streams.ts"

const listen = (b: Bench, s: SocketHandle, backlog = 5): string => b.result(b.calls.listen(s, backlog))

export const group: Group = {
  title: "Streams: listening and accepting",
  rows: [
    {
      id: "§1.9 listen",
      title: "listen: unbound, of datagrams, connected, twice, on what is no socket",
      evidence: "documented",
      source: "listen",
      windows: {
        unbound: "WSAEINVAL",
        datagram: "WSAEOPNOTSUPP",
        connected: "WSAEISCONN",
        twice: "ok",
        "no socket": "WSAENOTSOCK"
      },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return {
          unbound: listen(b, Streams.socket(b)),
          datagram: listen(b, b.bound().s),
          connected: listen(b, client),
          twice: listen(b, Streams.listener(b).s),
          "no socket": b.result(b.calls.listen(-1, 5))
        }
      }
    },
    {
      id: "§1.9 accept",
      title: "accept: nothing there, no listener, of datagrams, too little room for the address",
      evidence: "documented",
      source: "accept",
      windows: {
        nothing: "WSAEWOULDBLOCK",
        "no listener": "WSAEINVAL",
        datagram: "WSAEOPNOTSUPP",
        "short address": "WSAEFAULT"
      },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        const nothing = Streams.accept(b, s)
        await Streams.connected(b, port)
        const block = b.alloc(40)
        block.view.setInt32(32, 4, true)
        const short = await b.until(() => {
          const found = b.calls.accept(s, block.address, block.address + 32)
          const call = found === -1 ? b.error : "ok"
          if (found !== -1) b.own(found)
          return call === "WSAEWOULDBLOCK" ? undefined : call
        }, 500)
        const text = (found: SocketHandle | string): string => (typeof found === "string" ? found : "ok")
        return {
          nothing: text(nothing),
          "no listener": text(Streams.accept(b, Streams.bound(b).s)),
          datagram: text(Streams.accept(b, b.bound().s)),
          "short address": short ?? "nothing"
        }
      }
    },
    {
      id: "§1.9 accept address",
      title: "accept tells the peer's address and its length; the socket knows both ends",
      evidence: "documented",
      source: "accept",
      windows: { ip: "127.0.0.1", port: "the client's", length: 16, local: "127.0.0.1, a port", peer: "connected" },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        const client = Streams.bound(b)
        await Streams.connected(b, port, client.s)
        const block = b.alloc(40)
        block.view.setInt32(32, 32, true)
        const found = await b.until(() => {
          const found = b.calls.accept(s, block.address, block.address + 32)
          return found === -1 ? undefined : found
        })
        if (found === undefined) return { accept: b.error }
        b.own(found)
        const from = b.readAddress(block, 0)
        return {
          ip: from.ip,
          port: from.port === client.port ? "the client's" : "another",
          length: block.view.getInt32(32, true),
          local: b.nameText(found),
          peer: Streams.peerOf(b, found)
        }
      }
    },
    {
      id: "§1.9 accept inherits",
      title: "A socket that accept made is non-blocking when its listener is, and has its options",
      evidence: "documented",
      source: "accept: the same properties as the listener",
      windows: { receive: "WSAEWOULDBLOCK", SO_KEEPALIVE: 1, TCP_NODELAY: 1 },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        b.setOption(s, Flags.SOL_SOCKET, Options.SO_KEEPALIVE, 1)
        b.setOption(s, Flags.IPPROTO_TCP, Options.TCP_NODELAY, 1)
        await Streams.connected(b, port)
        const found = await b.until(() => {
          const found = b.calls.accept(s, 0, 0)
          return found === -1 ? undefined : found
        })
        if (found === undefined) return { accept: b.error }
        b.own(found)
        const keepAlive = b.option(found, Flags.SOL_SOCKET, Options.SO_KEEPALIVE)
        const noDelay = b.option(found, Flags.IPPROTO_TCP, Options.TCP_NODELAY)
        return {
          receive: await blockingOf(b, s, port),
          SO_KEEPALIVE: typeof keepAlive === "number" ? Math.min(keepAlive & 255, 1) : keepAlive,
          TCP_NODELAY: typeof noDelay === "number" ? Math.min(noDelay & 255, 1) : noDelay
        }
      }
    },
    {
      id: "§1.2 SO_ACCEPTCONN",
      title: "SO_ACCEPTCONN before and after listen, and of a connection",
      evidence: "documented",
      source: "SO_ACCEPTCONN",
      windows: { before: 0, after: 1, connection: 0 },
      probe: async (b) => {
        const { client, listener } = await Streams.pair(b)
        const of = (s: SocketHandle): number | string => b.option(s, Flags.SOL_SOCKET, Options.SO_ACCEPTCONN)
        return { before: of(Streams.bound(b).s), after: of(listener.s), connection: of(client) }
      }
    },
    {
      id: "§1.9 backlog",
      title: "A backlog of 1, and eight connections that nobody accepts: some are refused",
      evidence: "documented",
      source: "listen: with the queue full the client receives WSAECONNREFUSED",
      windows: { connected: "some", refused: "some" },
      probe: async (b) => {
        const { port } = Streams.listener(b, 1)
        const attempts = Array.from({ length: 8 }, (_, i) => b.overlapped(String(i)))
        for (const overlapped of attempts) Streams.connectEx(b, Streams.bound(b).s, port, overlapped)
        await b.until(() => (attempts.every((a) => b.status(a) !== "STATUS_PENDING") ? true : undefined))
        const some = (status: string): string => (attempts.some((a) => b.status(a) === status) ? "some" : "none")
        return { connected: some("STATUS_SUCCESS"), refused: some("STATUS_CONNECTION_REFUSED") }
      }
    },
    {
      id: "§1.9 backlog order",
      title: "Connections are accepted in the order in which they came",
      evidence: "documented",
      source: "accept: the first of the queue",
      windows: { order: "A, B, C" },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        for (const label of ["A", "B", "C"]) await Streams.connected(b, port, Streams.bound(b).s, { data: label })
        const texts: Array<string> = []
        for (let i = 0; i < 3; i++) texts.push(await Streams.take(b, await Streams.accepted(b, s), 1))
        return { order: texts.join(", ") }
      }
    },
    {
      id: "§1.9 reset in backlog",
      title: "A connection that is reset before it is accepted",
      evidence: "unknown",
      source: "accept: WSAECONNRESET is documented, of which state is not",
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        Streams.reset(b, await Streams.connected(b, port))
        await b.settle()
        const found = Streams.accept(b, s)
        if (typeof found === "string") return { accept: found }
        return { accept: "ok", receive: Streams.receive(b, found) }
      }
    },
    {
      id: "§1.9 ended in backlog",
      title: "A connection that sent and was closed before it is accepted",
      evidence: "documented",
      source: "accept",
      windows: { received: "Hello!<end>" },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        b.close(await Streams.connected(b, port, Streams.bound(b).s, { data: "Hello!" }))
        return { received: await Streams.take(b, await Streams.accepted(b, s), 100) }
      }
    },
    {
      id: "§1.9 listener closes",
      title: "The listener is closed: what was accepted goes on",
      evidence: "documented",
      source: "accept: the listener is not part of the connection",
      windows: { accepted: "Hello!" },
      probe: async (b) => {
        const { client, listener, server } = await Streams.pair(b)
        b.close(listener.s)
        Streams.send(b, server, "Hello!")
        return { accepted: await Streams.take(b, client, 6) }
      }
    },
    {
      id: "§1.9 listener closes waiting",
      title: "The listener is closed: a connection that waits in it, with a receive pending at the client",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        const { overlapped } = Streams.posted(b, await Streams.connected(b, port))
        b.close(s)
        return { client: await b.completion(overlapped, 1000) }
      }
    },
    {
      id: "§1.9 accept dual",
      title: "A listener for both families: the peer over IPv4",
      evidence: "documented",
      source: "Dual-Stack Sockets: IPv4-mapped IPv6 addresses",
      windows: { peer: "::ffff:127.0.0.1" },
      probe: async (b) => {
        const s = Streams.socket(b, { dual: true })
        b.bind(s, "::")
        const name = b.name(s)
        if (typeof name === "string") return { bind: name }
        listen(b, s)
        await Streams.connected(b, name.port)
        const server = await Streams.accepted(b, s)
        const block = b.alloc(40)
        block.view.setInt32(32, 32, true)
        const rc = b.calls.getpeername(server, block.address, block.address + 32)
        return { peer: rc === 0 ? b.readAddress(block, 0).ip : b.error }
      }
    }
  ]
}

/** What a receive answers on a socket as accept made it: on another thread where it may block. */
async function blockingOf(b: Bench, listening: SocketHandle, port: number): Promise<string> {
  await Streams.connected(b, port)
  const found = await b.until(() => {
    const found = b.calls.accept(listening, 0, 0)
    return found === -1 ? undefined : found
  })
  if (found === undefined) return b.error
  b.own(found)
  b.setOption(found, Flags.SOL_SOCKET, Options.SO_RCVTIMEO, 500)
  const { lpBuffers } = b.message().view
  const call = await b.offThread("WSARecv", found, lpBuffers, 1, b.bytes.address, b.u32(0).address, 0, 0)
  return call.result === 0 ? "ok" : call.error
}
