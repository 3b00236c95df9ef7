// The WSARecvMsg page's table of codes, as far as no row of another group provokes them.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import type { Bench } from "../bench.ts"
import { byFault, notInitialised } from "../faults.ts"
import type { Group } from "../model.ts"
import * as Streams from "../streams.ts"

const bytesAt = (b: Bench): number => b.bytes.address

/** WSARecvMsg of a datagram socket's provider, on whatever socket. */
const recvMsg = (b: Bench, s: SocketHandle, message: number): string =>
  b.result(b.extension(b.socket(), "WSARecvMsg")(s, message, bytesAt(b), 0, 0))

export const group: Group = {
  title: "WSARecvMsg, code by code",
  rows: [
    {
      id: "WSARecvMsg WSAEFAULT",
      title: "A NULL name with a namelen, NULL control data with a length, neither a byte count nor an OVERLAPPED",
      evidence: "documented",
      source: "WSARecvMsg",
      windows: { name: "WSAEFAULT", control: "WSAEFAULT", "without both": "WSAEFAULT" },
      probe: async (b) => {
        const { s } = b.bound()
        const name = b.message()
        name.view.name = 0
        name.view.namelen = 16
        const control = b.message()
        control.view.Control.buf = 0
        control.view.Control.len = 16
        return {
          name: b.recvMsg(s, name),
          control: b.recvMsg(s, control),
          "without both": b.recvMsg(s, b.message(), { bytesAt: 0 })
        }
      }
    },
    byFault("WSARecvMsg", "WSAEINPROGRESS", "A blocking call is under way"),
    byFault("WSARecvMsg", "WSAEINTR", "A blocking call was cancelled through WSACancelBlockingCall"),
    byFault("WSARecvMsg", "WSAENETDOWN", "The network subsystem has failed"),
    byFault("WSARecvMsg", "WSAENETRESET", "A datagram's time to live has expired"),
    byFault("WSARecvMsg", "WSAENOTCONN", "A connection-oriented socket that is not connected"),
    {
      id: "WSARecvMsg WSAETIMEDOUT",
      title: "SO_RCVTIMEO 50 on a blocking socket, not overlapped",
      evidence: "documented",
      source: "WSARecvMsg",
      windows: { call: "WSAETIMEDOUT" },
      probe: async (b) => {
        const { s } = b.bound("127.0.0.1", { blocking: true })
        b.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVTIMEO, 50)
        return { call: b.recvMsg(s, b.message()) }
      }
    },
    {
      id: "WSARecvMsg WSAEOPNOTSUPP",
      title: "MSG_PEEK on a socket that is none of datagrams",
      evidence: "documented",
      source: "WSARecvMsg",
      windows: { call: "WSAEOPNOTSUPP" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const message = b.message()
        message.view.dwFlags = Flags.MSG_PEEK
        return { call: recvMsg(b, client, message.address) }
      }
    },
    {
      id: "WSARecvMsg WSAEWOULDBLOCK",
      title: "Non-blocking, not overlapped, and no datagram is there",
      evidence: "documented",
      source: "WSARecvMsg",
      windows: { call: "WSAEWOULDBLOCK" },
      probe: async (b) => ({ call: b.recvMsg(b.bound().s, b.message()) })
    },
    notInitialised("WSARecvMsg", (b) => {
      const { s } = b.bound()
      const call = b.extension(s, "WSARecvMsg")
      const { address } = b.message()
      b.close(s)
      return () => b.result(call(-1, address, bytesAt(b), 0, 0))
    }),
    {
      id: "WSARecvMsg WSA_OPERATION_ABORTED",
      title: "A receive that was cancelled while it pended (closed: open 2)",
      evidence: "documented",
      source: "WSARecvMsg; CancelIoEx",
      windows: { call: "WSA_IO_PENDING", cancel: "ok", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { s } = b.bound()
        const overlapped = b.overlapped()
        const call = b.recvMsg(s, b.message(), { overlapped, bytesAt: 0 })
        const cancel = b.success(b.calls.CancelIoEx(s, overlapped.address))
        await b.completion(overlapped)
        return { call, cancel, result: b.overlappedResult(s, overlapped) }
      }
    }
  ]
}
