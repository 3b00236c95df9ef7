/**
 * What this simulation does not have, and the code that a call for it fails with: never a pretended success. Each is
 * a code that Windows itself gives for something that a system or a socket does not support.
 */
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Kernel } from "./Kernel.ts"

export const codes = {
  /** WSASocketW(SOCK_STREAM): the machine has no TCP. */
  stream: sdk.WSAESOCKTNOSUPPORT,
  /** WSASocketW(SOCK_RAW): as for a user who is no administrator. */
  raw: sdk.WSAEACCES,
  /** WSASocketW with a WSAPROTOCOL_INFOW, WSADuplicateSocketW: sockets cannot be shared. */
  protocolInfo: sdk.WSAEOPNOTSUPP,
  /** CreateFileW: there are no files. */
  files: sdk.ERROR_FILE_NOT_FOUND
} as const

type Implementation = (kernel: Kernel, ...args: ReadonlyArray<number>) => number

// what Windows answers for a datagram socket
const datagram =
  (code: number): Implementation =>
  (kernel, s) =>
    kernel.socket(s) === undefined ? 0 : kernel.fail(code)

export const listen = datagram(sdk.WSAEOPNOTSUPP)
export const accept = datagram(sdk.WSAEOPNOTSUPP)
export const AcceptEx = datagram(sdk.WSAEINVAL)
export const ConnectEx = datagram(sdk.WSAEINVAL)
export const DisconnectEx = datagram(sdk.WSAENOTCONN)
export const TransmitFile = datagram(sdk.WSAENOTCONN)
export const WSADuplicateSocketW = datagram(codes.protocolInfo)

// there is no accepted connection to describe: the outputs stay as they are
export const GetAcceptExSockaddrs: Implementation = () => 0

export const CreateFileW: Implementation = (kernel) => kernel.fail(codes.files)
// no handle is a file's
export const GetFileSizeEx: Implementation = (kernel) => kernel.fail(sdk.WSA_INVALID_HANDLE)
