// The second family of scenarios: calls of which Wine is known to do what Windows does. Their numbers are drawn among those
// below, and nothing looks at what a call gives: the first family (Generate.ts) has the hostile rest.
import { Chance } from "../model/Chance.ts"
import { connected, step } from "./Generate.ts"
import { type Call, kinds, type Scenario } from "./Steps.ts"

interface Drawn {
  readonly weight: number
  readonly a?: ReadonlyArray<number>
  readonly b?: ReadonlyArray<number>
  readonly c?: ReadonlyArray<number>
}

type Table = { readonly [K in Call]?: Drawn }

/** From nothing to 200 bytes, to the other socket, overlapped or not. */
const small = [0, 1, 2, 3, 4, 5]
const peer = [0]
/** Room for all of it; overlapped or at once, never a peek. */
const room = [5]
const noPeek = [0, 1, 2, 3]
/** Of one operation, ended or not, or of none; not of all. */
const one = [0, 1, 2, 4]

const common: Table = {
  cancel: { weight: 8, b: one },
  result: { weight: 5 },
  getsockname: { weight: 3, a: [0] },
  // time-outs; of what is read also the switches of addresses, the type and the error
  setsockopt: { weight: 3, a: [5, 6], b: [0, 1, 2, 3], c: [0] },
  getsockopt: { weight: 4, a: [0, 1, 5, 6, 12, 13], c: [0] },
  ioctl: { weight: 2, a: [1, 7], b: [0] }
}

const datagrams: Table = {
  ...common,
  sendto: { weight: 24, a: small, b: peer },
  sendmsg: { weight: 10, a: small, b: peer },
  recv: { weight: 5, a: room, c: noPeek },
  recvfrom: { weight: 16, a: room, c: noPeek },
  recvmsg: { weight: 8, a: room, c: noPeek },
  recvcontrol: { weight: 14, a: room, c: noPeek },
  getpeername: { weight: 2, a: [0] }
}

const streams: Table = {
  ...common,
  send: { weight: 22, a: small },
  recv: { weight: 26, c: noPeek },
  getpeername: { weight: 4, a: [0] },
  shutdown: { weight: 3, a: [1] },
  DisconnectEx: { weight: 1 },
  closesocket: { weight: 2 }
}

/** Switches of control data by family: where a datagram went, and its hop limit. */
const switches = { 4: [17, 18], 6: [22, 23] } as const

export const plainOf = (seed: number): Scenario => {
  const chance = new Chance(Math.imul(seed, 0x85eb_ca6b))
  const kind = chance.one(kinds)
  const stream = kind.startsWith("tcp")
  const table = stream ? streams : datagrams
  const names = Object.keys(table) as ReadonlyArray<Call>
  const weights = Object.fromEntries(names.map((name) => [name, table[name]?.weight ?? 0])) as Record<Call, number>
  const number = (among: ReadonlyArray<number> | undefined): number =>
    among === undefined ? chance.below(720) : chance.one(among)
  const opening = stream
    ? connected
    : [0, 1].flatMap((s) =>
        [step("bind", s)].concat(
          switches[kind === "udp6" ? 6 : 4]
            .filter(() => chance.percent(50))
            .map((option) => step("setsockopt", s, 0, option, 1, 0))
        )
      )
  const steps = Array.from({ length: 5 + chance.below(10) }, () => {
    // of streams the two that are connected
    const s = chance.below(2) + (stream ? 1 : 0)
    const call = chance.weighted(weights)
    const { a, b, c } = table[call] ?? {}
    return step(call, s, stream ? 3 - s : 1 - s, number(a), number(b), number(c))
  })
  return { seed, way: chance.percent(75) ? "port" : "event", sockets: [kind, kind], steps: [...opening, ...steps] }
}
