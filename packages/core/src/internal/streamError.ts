/** The error of an operation of a stream, made of the one number that the engine keeps of its failure. */
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"

/** `code` is a code of Winsock's or, negative, a failing NTSTATUS. */
export const streamError = (operation: string, code: number): WinsockError =>
  code < 0
    ? WinsockErrors.fromStatus(operation, code >>> 0, "stream")
    : WinsockErrors.fromCode(operation, code, "stream")
