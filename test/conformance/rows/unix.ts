// AF_UNIX streams: whether there are any, their files, and the calls that connect them.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import * as NetAddress from "effect/net/NetAddress"
import type { Bench } from "../bench.ts"
import { CannotRun, type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

const blog = "AF_UNIX comes to Windows (devblogs.microsoft.com)"

const made = (b: Bench, type: number): SocketHandle | -1 => {
  const s = b.calls.WSASocketW(Flags.AF_UNIX, type, 0, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
  return s === -1 ? -1 : b.nonBlocking(b.own(s))
}

const socket = (b: Bench): SocketHandle => {
  const s = made(b, Flags.SOCK_STREAM)
  if (s === -1) throw new CannotRun(`WSASocketW(AF_UNIX) answers ${b.error}`)
  return s
}

/** SOCKADDR_UN of a path; of an abstract name when it begins with a zero. */
const name = (b: Bench, path: string) => {
  const block = b.alloc(112)
  SockAddr.write(block.view, 0, NetAddress.unixPathAddress(path.replace("\0", "")))
  if (path.startsWith("\0")) {
    block.bytes.copyWithin(3, 2, 109)
    block.bytes[2] = 0
  }
  return { address: block.address, length: 110 }
}

const remove = (b: Bench, path: string): string => {
  const block = b.alloc(2 * path.length + 2)
  for (let i = 0; i < path.length; i++) block.view.setUint16(2 * i, path.charCodeAt(i), true)
  return b.success(b.calls.DeleteFileW(block.address))
}

const bind = (b: Bench, s: SocketHandle, path: string): string => {
  const to = name(b, path)
  return b.result(b.calls.bind(s, to.address, to.length))
}

/** A probe with a path of its own, whose file does not outlive it. */
const withPath = async <A>(b: Bench, id: string, probe: (path: string) => Promise<A>): Promise<A> => {
  const path = `effect-winsock-${id}.sock`
  remove(b, path)
  try {
    return await probe(path)
  } finally {
    remove(b, path)
  }
}

const listening = (b: Bench, path: string): SocketHandle => {
  const s = socket(b)
  const rc = bind(b, s, path)
  if (rc !== "ok") throw new CannotRun(`bind answers ${rc}`)
  b.calls.listen(s, 4)
  return s
}

const connectEx = async (b: Bench, s: SocketHandle, path: string, label: string) => {
  const to = name(b, path)
  const overlapped = b.overlapped(label)
  const ok = b.extension(s, "ConnectEx")(s, to.address, to.length, 0, 0, 0, overlapped.address)
  const call = b.success(ok)
  if (call !== "ok" && call !== "WSA_IO_PENDING") {
    Streams.over(overlapped)
    return { call, status: "none" }
  }
  return { call, status: await b.completion(overlapped, 5000) }
}

const pathOf = (b: Bench, s: SocketHandle, call: "getsockname" | "getpeername"): string => {
  const block = b.alloc(160)
  block.view.setInt32(128, 128, true)
  if (b.calls[call](s, block.address, block.address + 128) !== 0) return b.error
  const read = SockAddr.read(block.view, 0, block.view.getInt32(128, true))
  return read._tag !== "Unix" ? read._tag : read.address.path === "" ? "unnamed" : "the path"
}

export const group: Group = {
  title: "AF_UNIX",
  rows: [
    {
      id: "P32 AF_UNIX",
      title: "WSASocketW: a stream of AF_UNIX (Windows 10 1803 on)",
      evidence: "documented",
      source: blog,
      windows: { stream: "ok" },
      probe: async (b) => ({ stream: made(b, Flags.SOCK_STREAM) === -1 ? b.error : "ok" })
    },
    {
      id: "P32 AF_UNIX datagrams",
      title: "WSASocketW: datagrams of AF_UNIX, which Windows does not have, and their error",
      evidence: "unknown",
      source: blog,
      probe: async (b) => ({ datagrams: made(b, Flags.SOCK_DGRAM) === -1 ? b.error : "ok" })
    },
    {
      id: "P32 AF_UNIX bind",
      title: "bind makes the file, which is there until somebody deletes it",
      evidence: "documented",
      source: blog,
      windows: { bind: "ok", name: "the path", again: "WSAEADDRINUSE", closed: "WSAEADDRINUSE", deleted: "ok" },
      probe: (b) =>
        withPath(b, "bind", async (path) => {
          const s = socket(b)
          const first = bind(b, s, path)
          const named = pathOf(b, s, "getsockname")
          const again = bind(b, socket(b), path)
          b.close(s)
          const closed = bind(b, socket(b), path)
          remove(b, path)
          return { bind: first, name: named, again, closed, deleted: bind(b, socket(b), path) }
        })
    },
    {
      id: "P32 AF_UNIX ConnectEx",
      title: "ConnectEx on a SOCKET that is bound to no name",
      evidence: "seen",
      source: "grpc/grpc 34801, compio-rs/compio 212",
      windows: { bind: "ok", call: oneOf("ok", "WSA_IO_PENDING"), status: "STATUS_SUCCESS", peer: "the path" },
      probe: (b) =>
        withPath(b, "connect", async (path) => {
          listening(b, path)
          const s = socket(b)
          const unnamed = bind(b, s, "")
          const { call, status } = await connectEx(b, s, path, "A")
          Streams.updateConnect(b, s)
          return { bind: unnamed, call, status, peer: pathOf(b, s, "getpeername") }
        })
    },
    {
      id: "P32 AF_UNIX unbound",
      title: "ConnectEx on a SOCKET that is not bound",
      evidence: "seen",
      source: "compio-rs/compio 212",
      windows: { call: "WSAEINVAL", status: "none" },
      probe: (b) =>
        withPath(b, "unbound", async (path) => {
          listening(b, path)
          return connectEx(b, socket(b), path, "A")
        })
    },
    {
      id: "P32 AF_UNIX refused",
      title: "ConnectEx where there is no file, and where nobody listens any more",
      evidence: "unknown",
      source: "who asks: UnixSocket.connect",
      probe: (b) =>
        withPath(b, "refused", async (path) => {
          const first = socket(b)
          bind(b, first, "")
          const nothing = await connectEx(b, first, path, "A")
          b.close(listening(b, path))
          const second = socket(b)
          bind(b, second, "")
          const gone = await connectEx(b, second, path, "B")
          return { "no file": `${nothing.call} ${nothing.status}`, nobody: `${gone.call} ${gone.status}` }
        })
    },
    {
      id: "P32 AF_UNIX abstract",
      title: "connect to an abstract name, which the announcement promised",
      evidence: "seen",
      source: "microsoft/WSL 4240",
      windows: { connect: "WSAEINVAL" },
      probe: async (b) => {
        const to = name(b, "\0abstract")
        return { connect: b.result(b.calls.connect(socket(b), to.address, to.length)) }
      }
    },
    {
      id: "P32 AF_UNIX reuse",
      title: "DisconnectEx for reuse, and a connect after it",
      evidence: "seen",
      source: "dotnet/runtime 71291",
      windows: { disconnect: "STATUS_SUCCESS", again: "WSAEISCONN" },
      probe: (b) =>
        withPath(b, "reuse", async (path) => {
          const listener = listening(b, path)
          const s = socket(b)
          bind(b, s, "")
          await connectEx(b, s, path, "A")
          Streams.updateConnect(b, s)
          const server = await Streams.accepted(b, listener)
          b.close(server)
          const overlapped = b.overlapped("B")
          const call = b.extension(s, "DisconnectEx")(s, overlapped.address, Flags.TF_REUSE_SOCKET, 0)
          if (call === 0 && b.error !== "WSA_IO_PENDING") Streams.over(overlapped)
          const disconnect = await b.completion(overlapped, 5000)
          const again = await connectEx(b, s, path, "C")
          return { disconnect, again: again.call }
        })
    },
    {
      id: "P32 AF_UNIX peer",
      title: "SIO_AF_UNIX_GETPEERPID: this process is at both ends",
      evidence: "documented",
      source: "afunix.h",
      windows: { client: "a process", server: "the same" },
      probe: (b) =>
        withPath(b, "peer", async (path) => {
          const listener = listening(b, path)
          const s = socket(b)
          bind(b, s, "")
          await connectEx(b, s, path, "A")
          Streams.updateConnect(b, s)
          const server = await Streams.accepted(b, listener)
          const pid = (of: SocketHandle): number | string => {
            const out = b.ioctl(of, Ioctls.SIO_AF_UNIX_GETPEERPID, [], 4)
            return typeof out === "string" ? out : out.view.getUint32(0, true)
          }
          const [mine, its] = [pid(s), pid(server)]
          return {
            client: typeof mine === "number" && mine > 0 ? "a process" : String(mine),
            server: mine === its ? "the same" : String(its)
          }
        })
    },
    {
      id: "P32 AF_UNIX options",
      title: "options of TCP, IP and the port on AF_UNIX, urgent data",
      evidence: "unknown",
      source: "who asks: UnixSocket.Options",
      probe: async (b) => {
        const s = socket(b)
        return {
          SO_RCVBUF: b.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVBUF, 8192),
          TCP_NODELAY: b.setOption(s, Flags.IPPROTO_TCP, Options.TCP_NODELAY, 1),
          IP_TTL: b.setOption(s, Flags.IPPROTO_IP, Options.IP_TTL, 9),
          MSG_OOB: Streams.send(b, s, "x", { flags: Flags.MSG_OOB })
        }
      }
    }
  ]
}
