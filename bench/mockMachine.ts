/** The simulated ws2_32 as a provider of the cases: nothing recorded, nothing guarded, datagrams arrive within the call. */
import { AF_INET, SOCK_DGRAM, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { SO_RCVBUF } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSABUF } from "@effect-winsock/schema/Structs"
import { writePointer } from "@effect-winsock/schema/Layout"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type { Machine } from "./rig.ts"
import { localhost, payloadSize } from "./rig.ts"

export const make = async (): Promise<Machine> => {
  const scope = Scope.makeUnsafe()
  const { seam } = await Effect.runPromise(
    MockWinsock.make({ trace: false, guard: "off", delivery: "immediate" }).pipe(
      Effect.provideService(Scope.Scope, scope)
    )
  )
  const { calls, memory } = seam
  const must = (ok: boolean): void => {
    if (!ok) throw new Error(`a call of the mock failed with ${calls.WSAGetLastError()}`)
  }
  const block = memory.alloc(1024)
  const { address, view } = block
  const at = { wsabuf: 512, sent: 576, option: 584, length: 592, payload: 640 }
  must(calls.WSAStartup(0x0202, address) === 0)

  const bound = () => {
    const socket = calls.WSASocketW(AF_INET, SOCK_DGRAM, 0, 0, 0, 0)
    must(calls.bind(socket, address, SockAddr.write(view, 0, localhost)) === 0)
    view.setInt32(at.length, 128, true)
    must(calls.getsockname(socket, address, address + at.length) === 0)
    const name = SockAddr.read(view, 0, view.getInt32(at.length, true))
    return { socket, name: name._tag === "Inet" ? name.address : localhost }
  }
  // a socket that nobody reads, and that is full at once
  const sink = bound()
  view.setInt32(at.option, 1, true)
  must(calls.setsockopt(sink.socket, SOL_SOCKET, SO_RCVBUF, address + at.option, 4) === 0)
  const sender = bound()

  view.setUint32(at.wsabuf + WSABUF.offsets[seam.abi].len, payloadSize, true)
  writePointer(seam.abi, view, at.wsabuf + WSABUF.offsets[seam.abi].buf, address + at.payload)
  return {
    seam,
    sink: sink.name,
    deliver: (port, n) => {
      const length = SockAddr.write(view, 0, NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port))
      for (let i = 0; i < n; i++) {
        const sent = calls.WSASendTo(sender.socket, address + at.wsabuf, 1, address + at.sent, 0, address, length, 0, 0)
        must(sent === 0)
      }
    }
  }
}
