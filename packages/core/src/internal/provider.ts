/** What a transport provider can do: asked of its first socket, then remembered for the layer. */
import { SOL_SOCKET, XP1_IFS_HANDLES } from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import { SIO_GET_EXTENSION_FUNCTION_POINTER } from "@effect-winsock/schema/Ioctls"
import { pointerSize, readPointer } from "@effect-winsock/schema/Layout"
import { SO_PROTOCOL_INFOW } from "@effect-winsock/schema/Options"
import { WSAPROTOCOL_INFOW } from "@effect-winsock/schema/Structs"
import type { Extensions, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"

export interface DatagramProvider {
  readonly WSARecvMsg: Extensions["WSARecvMsg"]
  readonly WSASendMsg: Extensions["WSASendMsg"]
  /** Whether its sockets are file handles: without that, CancelIoEx has nothing to cancel. */
  readonly ifsHandles: boolean
}

// extension functions differ by provider, so by address family
const extension = <K extends "WSARecvMsg" | "WSASendMsg">(
  engine: Engine,
  socket: SocketHandle,
  name: K
): Extensions[K] | undefined => {
  const { calls, scratch, seam } = engine
  const size = pointerSize(seam.abi)
  scratch.bytes.set(Guids.toBytes(Guids.extensions[name]), 0)
  scratch.view.setUint32(32, 0, true)
  const rc = calls.WSAIoctl(
    socket,
    SIO_GET_EXTENSION_FUNCTION_POINTER,
    scratch.address,
    16,
    scratch.address + 16,
    size,
    scratch.address + 32,
    0,
    0
  )
  return rc === 0 ? seam.bind(name, readPointer(seam.abi, scratch.view, 16)) : undefined
}

const hasIfsHandles = (engine: Engine, socket: SocketHandle): boolean => {
  const { calls, scratch, seam } = engine
  const size = WSAPROTOCOL_INFOW.size[seam.abi]
  scratch.view.setInt32(size, size, true)
  const rc = calls.getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, scratch.address, scratch.address + size)
  // a provider that does not tell is the system's own
  if (rc !== 0) return true
  return (scratch.view.getUint32(WSAPROTOCOL_INFOW.offsets[seam.abi].dwServiceFlags1, true) & XP1_IFS_HANDLES) !== 0
}

const providers = new WeakMap<Engine, Map<number, DatagramProvider>>()

/** Asks the provider of `socket`, of an address family, or remembers what it said. */
export const datagramProvider = (
  engine: Engine,
  family: number,
  socket: SocketHandle
): DatagramProvider | WinsockError => {
  let known = providers.get(engine)
  if (known === undefined) providers.set(engine, (known = new Map()))
  const found = known.get(family)
  if (found !== undefined) return found
  const provider = ask(engine, socket)
  if (!(provider instanceof WinsockErrors.WinsockError)) known.set(family, provider)
  return provider
}

const ask = (engine: Engine, socket: SocketHandle): DatagramProvider | WinsockError => {
  const WSARecvMsg = extension(engine, socket, "WSARecvMsg")
  if (WSARecvMsg === undefined) return engine.lastError("WSAIoctl")
  const WSASendMsg = extension(engine, socket, "WSASendMsg")
  if (WSASendMsg === undefined) return engine.lastError("WSAIoctl")
  return { WSARecvMsg, WSASendMsg, ifsHandles: hasIfsHandles(engine, socket) }
}
