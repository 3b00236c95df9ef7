/**
 * What this simulation does not have, and the code that a call for it fails with: never a pretended success. Each is
 * a code that Windows itself gives for something that a system or a socket does not support.
 */
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Kernel } from "./Kernel.ts"

export const codes = {
  /** WSASocketW with a WSAPROTOCOL_INFOW, WSADuplicateSocketW: sockets cannot be shared. */
  protocolInfo: sdk.WSAEOPNOTSUPP
} as const

type Implementation = (kernel: Kernel, ...args: ReadonlyArray<number>) => number

// what Windows answers for a datagram socket
const datagram =
  (code: number): Implementation =>
  (kernel, s) =>
    kernel.socket(s) === undefined ? 0 : kernel.fail(code)

export const WSADuplicateSocketW = datagram(codes.protocolInfo)
