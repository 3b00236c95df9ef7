// Closing a socket.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import { type Bench, describe, nameOfCode } from "../bench.ts"
import type { Group, Observation } from "../model.ts"

/** Ends a socket with a pending receive, and tells how the receive ends. */
const closing = (receive: "WSARecvMsg" | "WSARecv", end: (b: Bench, s: SocketHandle) => string) => async (b: Bench) => {
  const { s } = b.bound()
  const completions = b.port(s)
  const overlapped = b.overlapped()
  const options = { overlapped, bytesAt: 0 }
  const call = receive === "WSARecv" ? b.recv(s, b.message(), options) : b.recvMsg(s, b.message(), options)
  if (call !== "WSA_IO_PENDING") return { call }
  const ended = end(b, s)
  const packets = await b.packets(completions, 1, 1000)
  // WSAGetOverlappedResult wants a socket, any socket
  const observation: Observation = {
    close: ended,
    packets: describe(packets),
    result: b.overlappedResult(b.socket(), overlapped)
  }
  return observation
}

export const group: Group = {
  title: "Closing",
  rows: [
    {
      id: "open 2",
      title: "closesocket with a pending WSARecvMsg on UDP",
      evidence: "unknown",
      source: "not documented (fact 60: TCP 1236, documented 995)",
      probe: closing("WSARecvMsg", (b, s) => b.close(s))
    },
    {
      id: "open 2 WSARecv",
      title: "The same of WSARecv",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: closing("WSARecv", (b, s) => b.close(s))
    },
    {
      id: "fact 60 CloseHandle",
      title: "CloseHandle with a pending receive",
      evidence: "unknown",
      source: "of TCP: as closesocket",
      probe: async (b) => {
        const { s } = b.bound()
        const overlapped = b.overlapped()
        b.recv(s, b.message(), { overlapped })
        // the socket's number is left to the end: closesocket of it only forgets it then
        const call = b.success(b.calls.CloseHandle(s))
        return { call, status: await b.completion(overlapped, 1000) }
      }
    },
    {
      id: "fact 62",
      title: "closesocket with a pending SIO_ADDRESS_LIST_CHANGE",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", packets: "A STATUS_CANCELLED 0" },
      probe: async (b) => {
        const { s } = b.bound()
        const completions = b.port(s)
        const { address } = b.overlapped()
        const code = Ioctls.SIO_ADDRESS_LIST_CHANGE
        const call = b.result(b.calls.WSAIoctl(s, code, 0, 0, 0, 0, b.bytes.address, address, 0))
        b.close(s)
        return { call, packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "fact 62 cancelled",
      title: "CancelIoEx of it",
      evidence: "documented",
      source: "CancelIoEx",
      windows: { call: "ok", packets: "A STATUS_CANCELLED 0" },
      probe: async (b) => {
        const { s } = b.bound()
        const completions = b.port(s)
        const { address } = b.overlapped()
        b.calls.WSAIoctl(s, Ioctls.SIO_ADDRESS_LIST_CHANGE, 0, 0, 0, 0, b.bytes.address, address, 0)
        const call = b.success(b.calls.CancelIoEx(s, address))
        return { call, packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "fact 63",
      title: "closesocket with nothing pending queues nothing",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok", packets: "none" },
      probe: async (b) => {
        const { s } = b.bound()
        const completions = b.port(s)
        const call = b.close(s)
        return { call, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "§1.9 closed",
      title: "Calls on a closed socket",
      evidence: "documented",
      source: "closesocket: WSAENOTSOCK",
      windows: { getsockname: "WSAENOTSOCK", closesocket: "WSAENOTSOCK" },
      probe: async (b) => {
        const { s } = b.bound()
        b.close(s)
        return { getsockname: b.nameText(s), closesocket: b.result(b.calls.closesocket(s)) }
      }
    },
    {
      id: "P17",
      title: "Is the number of a closed SOCKET given to the next one?",
      evidence: "unknown",
      source: "seen on Wine",
      probe: async (b) => {
        const s = b.socket()
        b.close(s)
        return { "next socket": b.socket() === s ? "the same number" : "another number" }
      }
    },
    {
      id: "§1.9 WSASendDisconnect",
      title: "WSASendDisconnect of a UDP socket",
      evidence: "unknown",
      source: "documented for connection-oriented sockets",
      probe: async (b) => {
        const { s } = b.bound()
        b.connect(s, "127.0.0.1", b.bound().port)
        return { call: b.result(b.calls.WSASendDisconnect(s, 0)) }
      }
    },
    {
      id: "P1",
      title: "ICMP port unreachable after a send of an unconnected socket: its pending receive",
      evidence: "documented",
      source: "SIO_UDP_CONNRESET, WSARecvFrom: WSAECONNRESET",
      windows: { receive: "STATUS_PORT_UNREACHABLE", result: "WSAECONNRESET" },
      probe: unreachable(true)
    },
    {
      id: "P1 off",
      title: "The same after SIO_UDP_CONNRESET FALSE",
      evidence: "documented",
      source: "SIO_UDP_CONNRESET",
      windows: { ioctl: "ok", receive: "nothing", next: "STATUS_SUCCESS" },
      probe: unreachable(false)
    },
    {
      id: "P1 at once",
      title: "ICMP port unreachable with no receive posted: the next receive without an OVERLAPPED",
      evidence: "documented",
      source: "WSARecvFrom: WSAECONNRESET",
      windows: { receive: "WSAECONNRESET", next: "WSAEWOULDBLOCK" },
      probe: async (b) => {
        const { s } = b.bound()
        b.send(s, "x", "127.0.0.1", b.deadPort())
        await b.settle()
        const receive = await b.until(() => {
          const call = b.recvFrom(s, b.message())
          return call === "WSAEWOULDBLOCK" ? undefined : call
        }, 300)
        return { receive: receive ?? "nothing", next: b.recvFrom(s, b.message()) }
      }
    }
  ]
}

/** Sends to a dead port with a receive posted; a datagram of its own ends the receive when no report does. */
function unreachable(reports: boolean) {
  return async (b: Bench): Promise<Observation> => {
    const { port, s } = b.bound()
    const ioctl = b.ioctl(s, Ioctls.SIO_UDP_CONNRESET, [reports ? 1 : 0, 0, 0, 0])
    const overlapped = b.overlapped()
    b.recvFrom(s, b.message(), { overlapped, bytesAt: 0 })
    b.send(s, "x", "127.0.0.1", b.deadPort())
    await b.settle()
    const status = await b.completion(overlapped, 300)
    const receive = status === "STATUS_PENDING" ? "nothing" : status
    if (status === "STATUS_PENDING") b.send(b.bound().s, "own", "127.0.0.1", port)
    const next = await b.completion(overlapped)
    return reports
      ? { receive, result: b.overlappedResult(s, overlapped) }
      : { ioctl: typeof ioctl === "string" ? ioctl : nameOfCode(0), receive, next }
  }
}
