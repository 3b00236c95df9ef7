/** The error of a datagram operation, made of the one number that the engine keeps of its failure. */
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"

/** `code` is a code of Winsock's or, negative, a failing NTSTATUS. */
export const datagramError = (operation: "WSARecvMsg" | "WSASendMsg", code: number): WinsockError =>
  code < 0
    ? WinsockErrors.fromStatus(operation, code >>> 0, "datagram")
    : WinsockErrors.fromCode(operation, code, "datagram")
