// What a scenario is: sockets, and calls to them one after the other, each with a few small numbers whose meaning the
// table of calls (Calls.ts) knows.

export const kinds = ["udp4", "udp6", "tcp4", "tcp6"] as const

export type Kind = (typeof kinds)[number]

/** How the operations of a socket end: with a packet of the completion port, or with an event. */
export type Way = "port" | "event"

export const calls = [
  "bind",
  "connect",
  "listen",
  "accept",
  "getsockname",
  "getpeername",
  "shutdown",
  "closesocket",
  "setsockopt",
  "getsockopt",
  "ioctl",
  "send",
  "sendto",
  "sendmsg",
  "recv",
  "recvfrom",
  "recvmsg",
  "recvcontrol",
  "AcceptEx",
  "ConnectEx",
  "DisconnectEx",
  "update",
  "cancel",
  "result"
] as const

export type Call = (typeof calls)[number]

/** `s` and `t` are sockets, `a`, `b` and `c` what the call makes of them. */
export interface Step {
  readonly call: Call
  readonly s: number
  readonly t: number
  readonly a: number
  readonly b: number
  readonly c: number
}

export interface Scenario {
  readonly seed: number
  readonly way: Way
  readonly sockets: ReadonlyArray<Kind>
  readonly steps: ReadonlyArray<Step>
}

/** What a step gave: the call's line first, then those of the operations that ended with it. */
export interface Outcome {
  readonly call: string
  readonly ended: ReadonlyArray<{ readonly operation: number; readonly line: string }>
}
