/** A process of its own: idle connections on the simulated ws2_32, and what they take in it without the library. */
import { AF_INET, SOCK_STREAM, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED } from "@effect-winsock/schema/Flags"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { FIONBIO } from "@effect-winsock/schema/Ioctls"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Memory } from "./idle.ts"
import { each, measure, memory } from "./idle.ts"
import { localhost } from "./rig.ts"

const behaviour = { trace: false, guard: "off" } as const

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
// its blocks are array buffers
const nothing = async () => 0

/** The same SOCKETs by the functions alone. */
const plain = async (connections: number): Promise<Memory> => {
  const scope = Scope.makeUnsafe()
  const { seam } = await Effect.runPromise(MockWinsock.make(behaviour).pipe(Effect.provideService(Scope.Scope, scope)))
  const { calls } = seam
  const { address, view } = seam.memory.alloc(1024)
  const must = (ok: boolean): void => {
    if (!ok) throw new Error(`a call of the mock failed with ${calls.WSAGetLastError()}`)
  }
  must(calls.WSAStartup(0x0202, address) === 0)
  const port = calls.CreateIoCompletionPort(-1, 0, 0, 1)
  const own = (socket: SocketHandle): void => {
    view.setUint32(0, 1, true)
    must(calls.ioctlsocket(socket, FIONBIO, address) === 0)
    must(calls.CreateIoCompletionPort(socket, port, 1, 0) !== 0)
  }
  const bound = (): SocketHandle => {
    const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
    const socket = calls.WSASocketW(AF_INET, SOCK_STREAM, 0, 0, 0, flags)
    must(socket !== -1 && calls.bind(socket, address, SockAddr.write(view, 0, localhost)) === 0)
    own(socket as SocketHandle)
    return socket as SocketHandle
  }
  const listener = bound()
  must(calls.listen(listener, 100) === 0)
  const name = seam.memory.alloc(128)
  name.view.setInt32(64, 64, true)
  must(calls.getsockname(listener, name.address, name.address + 64) === 0)
  const make = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      calls.connect(bound(), name.address, 16)
      let accepted = calls.accept(listener, 0, 0)
      for (let turns = 0; accepted === -1 && turns < 100; turns++) {
        await turn()
        accepted = calls.accept(listener, 0, 0)
      }
      must(accepted !== -1)
      own(accepted as SocketHandle)
    }
  }
  await make(connections / 10)
  const before = await memory(nothing)
  await make(connections)
  const after = await memory(nothing)
  await Effect.runPromise(Scope.close(scope, Exit.void))
  return each(after, before, connections)
}

const connections = Number(process.argv[2])
const kernel = await plain(connections)
const measured = await measure(MockWinsock.layer(behaviour), connections, true)
process.stdout.write(JSON.stringify({ ...measured, kernel }))
