// Scenarios of calls that complete at once, at the level of the seam: what they are, and how a provider answers them.
import type { Seam, SocketHandle } from "@effect-winsock/core/Seam"

export interface Step {
  readonly call:
    | "bind"
    | "connect"
    | "listen"
    | "shutdown"
    | "getsockname"
    | "getpeername"
    | "setsockopt"
    | "closesocket"
  readonly socket: number
  readonly value: number
}

/** Two sockets, and calls to them one after the other. */
export interface Scenario {
  readonly seed: number
  readonly sockets: ReadonlyArray<"udp" | "tcp">
  readonly steps: ReadonlyArray<Step>
}

const calls: ReadonlyArray<Step["call"]> = [
  "bind",
  "bind",
  "connect",
  "listen",
  "shutdown",
  "getsockname",
  "getsockname",
  "getpeername",
  "setsockopt",
  "closesocket"
]

export const scenarioOf = (seed: number): Scenario => {
  let state = seed >>> 0
  const random = (below: number): number => {
    state = (state + 0x6d2b_79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below)
  }
  const kind = () => (random(2) === 0 ? ("udp" as const) : ("tcp" as const))
  const sockets = [kind(), kind()]
  const steps = Array.from({ length: 4 + random(9) }, () => {
    const call = calls[random(calls.length)]
    return { call, socket: random(2), value: random(8) }
  })
  // a stream socket would block in connect
  return { seed, sockets, steps: steps.filter(({ call, socket }) => call !== "connect" || sockets[socket] === "udp") }
}

/** The lines of what `seam` answers. Ports are told only as given or not, handles not at all. */
export const traceOf = (seam: Seam, scenario: Scenario): ReadonlyArray<string> => {
  const block = seam.memory.alloc(1024)
  const address = (length: number, port: number): number => {
    block.bytes.fill(0)
    block.view.setUint16(0, 2, true)
    block.view.setUint16(2, port)
    block.view.setUint32(4, 0x7f00_0001)
    block.view.setInt32(64, length, true)
    return block.address
  }
  const handles: Array<SocketHandle> = scenario.sockets.map((kind) =>
    seam.calls.WSASocketW(2, kind === "udp" ? 2 : 1, 0, 0, 0, 0x81)
  )
  const open = handles.map(() => true)
  const run = ({ call, socket, value }: Step): number => {
    const s = open[socket] ? handles[socket] : -1
    if (call === "bind") return seam.calls.bind(s, address(0, 0), value === 0 ? 8 : 16)
    if (call === "connect") return seam.calls.connect(s, address(0, value === 1 ? 0 : 9), value === 0 ? 8 : 16)
    if (call === "listen") return seam.calls.listen(s, value)
    if (call === "shutdown") return seam.calls.shutdown(s, value)
    if (call === "setsockopt") return seam.calls.setsockopt(s, 0xffff, 0x1002, address(0, 0), value)
    if (call === "closesocket") {
      open[socket] = false
      return seam.calls.closesocket(s)
    }
    return seam.calls[call](s, address(value === 0 ? 8 : 16, 0), block.address + 64)
  }
  const lines = scenario.steps.map((step) => {
    const result = run(step)
    const code = result === 0 ? "0" : String(seam.calls.WSAGetLastError())
    const name = result === 0 && step.call === "getsockname"
    const port = name ? ` port ${block.view.getUint16(2) === 0 ? "none" : "given"}` : ""
    return `${scenario.sockets[step.socket]} s${step.socket} ${step.call} ${step.value}: ${code}${port}`
  })
  handles.forEach((s, i) => {
    if (open[i]) seam.calls.closesocket(s)
  })
  seam.memory.free(block)
  return lines
}
