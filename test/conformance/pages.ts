// The tables "Error code" of the two pages, code by code in their order, and the rows that provoke each.
import { toWsaError } from "@effect-winsock/schema/NtStatus"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as WsaError from "@effect-winsock/schema/WsaError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import type { PageFunction } from "./faults.ts"
import type { Outcome } from "./model.ts"

export interface PageCode {
  readonly function: PageFunction
  readonly code: string
  /** The ids of the rows that provoke it: one at least. */
  readonly rows: ReadonlyArray<string>
}

const page = (name: PageFunction, codes: { readonly [code: string]: ReadonlyArray<string> }): Array<PageCode> =>
  Object.entries(codes).map(([code, rows]) => ({ function: name, code, rows }))

export const pages: ReadonlyArray<PageCode> = [
  ...page("WSARecvMsg", {
    WSAECONNRESET: ["P1"],
    WSAEFAULT: ["fact 1", "WSARecvMsg WSAEFAULT"],
    WSAEINPROGRESS: ["WSARecvMsg WSAEINPROGRESS"],
    WSAEINTR: ["WSARecvMsg WSAEINTR"],
    WSAEINVAL: ["P3"],
    WSAEMSGSIZE: ["§1.9 truncated data", "fact 3"],
    WSAENETDOWN: ["WSARecvMsg WSAENETDOWN"],
    WSAENETRESET: ["WSARecvMsg WSAENETRESET"],
    WSAENOTCONN: ["WSARecvMsg WSAENOTCONN"],
    WSAETIMEDOUT: ["WSARecvMsg WSAETIMEDOUT"],
    WSAEOPNOTSUPP: ["WSARecvMsg WSAEOPNOTSUPP"],
    WSAEWOULDBLOCK: ["WSARecvMsg WSAEWOULDBLOCK"],
    WSANOTINITIALISED: ["WSARecvMsg WSANOTINITIALISED"],
    WSA_IO_PENDING: ["fact 4"],
    WSA_OPERATION_ABORTED: ["WSARecvMsg WSA_OPERATION_ABORTED", "open 2"]
  }),
  ...page("WSASend", {
    WSAECONNABORTED: ["WSASend WSAECONNABORTED"],
    WSAECONNRESET: ["WSASend WSAECONNRESET"],
    WSAEFAULT: ["WSASend WSAEFAULT"],
    WSAEINTR: ["WSASend WSAEINTR"],
    WSAEINPROGRESS: ["WSASend WSAEINPROGRESS"],
    WSAEINVAL: ["WSASend WSAEINVAL"],
    WSAEMSGSIZE: ["WSASend WSAEMSGSIZE datagram"],
    WSAENETDOWN: ["WSASend WSAENETDOWN"],
    WSAENETRESET: ["WSASend WSAENETRESET"],
    WSAENOBUFS: ["WSASend WSAENOBUFS"],
    WSAENOTCONN: ["WSASend WSAENOTCONN"],
    WSAENOTSOCK: ["WSASend WSAENOTSOCK"],
    WSAEOPNOTSUPP: ["WSASend WSAEOPNOTSUPP", "WSASend MSG_PARTIAL"],
    WSAESHUTDOWN: ["WSASend WSAESHUTDOWN"],
    WSAEWOULDBLOCK: ["WSASend WSAEWOULDBLOCK"],
    WSANOTINITIALISED: ["WSASend WSANOTINITIALISED"],
    WSA_IO_PENDING: ["WSASend WSA_IO_PENDING"],
    WSA_OPERATION_ABORTED: [
      "WSASend WSA_OPERATION_ABORTED",
      "WSASend closed",
      "WSASend SIO_FLUSH",
      "WSASend thread exit"
    ]
  })
]

const numberOf = (code: string): number => WsaError[code as keyof typeof WsaError] as number

/** The reason that the library gives a code of a page. */
export const reasonOf = ({ code, function: name }: PageCode): string =>
  WinsockErrors.fromCode(name, numberOf(code), name === "WSASend" ? "stream" : "datagram").reason._tag

const statuses = new Map(
  Object.entries(NtStatus).flatMap(([name, value]) => (typeof value === "number" ? [[name, value] as const] : []))
)

/** Whether an observation has the code, as itself or as the status that stands for it. */
export const shows = (outcome: Outcome, code: string): boolean =>
  outcome._tag === "Observed" &&
  Object.values(outcome.observation)
    .flatMap((value) => String(value).split(/[\s,;|]+/))
    .some((word) => word === code || toWsaError(statuses.get(word) ?? 0) === numberOf(code))
