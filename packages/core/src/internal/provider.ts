/** What a provider of sockets has: extension functions, by their GUIDs, and whether its sockets are file handles. */
import { SOCK_DGRAM, SOL_SOCKET, XP1_IFS_HANDLES } from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import { SIO_GET_EXTENSION_FUNCTION_POINTER } from "@effect-winsock/schema/Ioctls"
import { pointerSize, readPointer } from "@effect-winsock/schema/Layout"
import { SO_PROTOCOL_INFOW } from "@effect-winsock/schema/Options"
import { WSAPROTOCOL_INFOW } from "@effect-winsock/schema/Structs"
import type { Extensions, SocketHandle } from "../Seam.ts"
import type { ExtensionName } from "../Signatures.ts"
import type { SocketKind, WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"

/**
 * The provider of the sockets of one family and type. Extension functions differ by provider, so they are asked for by
 * family and type, once.
 */
export class Provider {
  /** Whether its sockets are file handles: without that, CancelIoEx has nothing to cancel. */
  readonly ifsHandles: boolean
  private readonly engine: Engine
  private readonly known = new Map<ExtensionName, Extensions[ExtensionName]>()
  private readonly addresses = new Map<ExtensionName, number>()

  constructor(engine: Engine, socket: SocketHandle) {
    this.engine = engine
    this.ifsHandles = hasIfsHandles(engine, socket)
  }

  /** The function, or `undefined` when the call that asks for it fails. */
  get<K extends ExtensionName>(name: K, socket: SocketHandle): Extensions[K] | undefined {
    const known = this.known.get(name)
    if (known !== undefined) return known as Extensions[K]
    const address = this.addressOf(name, socket)
    if (address === undefined) return undefined
    const found = this.engine.seam.bind(name, address)
    this.known.set(name, found)
    return found
  }

  /** Where the function is, for calls off the JS thread. */
  addressOf(name: ExtensionName, socket: SocketHandle): number | undefined {
    const known = this.addresses.get(name)
    if (known !== undefined) return known
    const address = ask(this.engine, socket, name)
    if (address !== undefined) this.addresses.set(name, address)
    return address
  }
}

const ask = (engine: Engine, socket: SocketHandle, name: ExtensionName): number | undefined => {
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
  return rc === 0 ? readPointer(seam.abi, scratch.view, 16) : undefined
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

const providers = new WeakMap<Engine, Map<string, Provider>>()

/** Asks the provider of `socket`, of a family and type, or remembers what it said. */
export const providerOf = (engine: Engine, family: number, type: number, socket: SocketHandle): Provider => {
  let known = providers.get(engine)
  if (known === undefined) providers.set(engine, (known = new Map()))
  const key = `${family} ${type}`
  let provider = known.get(key)
  if (provider === undefined) known.set(key, (provider = new Provider(engine, socket)))
  return provider
}

/** Why `get` has just found nothing. */
export const extensionMissing = (engine: Engine, name: ExtensionName, kind: SocketKind): WinsockError =>
  WinsockErrors.extensionMissing(name, engine.calls.WSAGetLastError(), kind)

/** What datagram sockets need of theirs. */
export interface DatagramProvider {
  readonly WSARecvMsg: Extensions["WSARecvMsg"]
  readonly WSASendMsg: Extensions["WSASendMsg"]
  readonly ifsHandles: boolean
}

export const datagramProvider = (
  engine: Engine,
  family: number,
  socket: SocketHandle,
  type: number = SOCK_DGRAM
): DatagramProvider | WinsockError => {
  const provider = providerOf(engine, family, type, socket)
  const WSARecvMsg = provider.get("WSARecvMsg", socket)
  if (WSARecvMsg === undefined) return extensionMissing(engine, "WSARecvMsg", "datagram")
  const WSASendMsg = provider.get("WSASendMsg", socket)
  if (WSASendMsg === undefined) return extensionMissing(engine, "WSASendMsg", "datagram")
  return { WSARecvMsg, WSASendMsg, ifsHandles: provider.ifsHandles }
}
