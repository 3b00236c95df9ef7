/**
 * How the cost of one operation grows with how much there is: the same at a size and at ten times of it.
 */
import type { Scaled, ScaleOrder } from "./scale.ts"

export interface Comparison {
  readonly name: string
  readonly title: string
  readonly small: ScaleOrder
  readonly large: ScaleOrder
}

const plain: ScaleOrder = {
  of: "calls",
  sockets: 1000,
  pending: 10_000,
  hosts: 1,
  guard: "strict",
  trace: true,
  seeded: false,
  completion: "port"
}

const comparison = (
  name: string,
  title: string,
  small: Partial<ScaleOrder>,
  grown: Partial<ScaleOrder> = {}
): Comparison => {
  const from = { ...plain, ...small }
  return {
    name,
    title,
    small: from,
    large: { ...from, sockets: from.sockets * 10, pending: from.pending * 10, ...grown }
  }
}

/** To 10,000 sockets (of TCP with both ends) and 100,000 receives that wait. */
export const comparisons: ReadonlyArray<Comparison> = [
  comparison("scale-calls", "the functions alone, guard and trace on", {}),
  comparison("scale-calls-bare", "the functions alone, neither guard nor trace", { guard: "off", trace: false }),
  comparison("scale-calls-seeded", "the functions alone, packets and cancellations in any order", { seeded: true }),
  comparison("scale-hosts", "the functions alone, 10 and 100 machines", { hosts: 10 }, { hosts: 100 }),
  comparison("scale-udp", "UdpSocket", { of: "udp" }),
  comparison("scale-udp-deep", "UdpSocket, 10 sockets", { of: "udp", sockets: 10 }, { sockets: 10 }),
  comparison("scale-udp-seeded", "UdpSocket, packets and cancellations in any order", { of: "udp", seeded: true }),
  comparison("scale-udp-event", "UdpSocket, by events", { of: "udp", completion: "event", pending: 1000 }),
  comparison("scale-udp-routine", "UdpSocket, by routines", { of: "udp", completion: "routine" }),
  comparison("scale-tcp", "TcpSocket, both ends", { of: "tcp", pending: 1000 })
]

const less = (order: ScaleOrder, by: number): ScaleOrder => ({
  ...order,
  sockets: Math.max(2, order.sockets / by),
  pending: Math.max(2, order.pending / by),
  hosts: Math.max(1, order.hosts / 10)
})

/** Little of it, to show that it runs. */
export const quickly = ({ large, small, ...rest }: Comparison): Comparison => {
  return { ...rest, small: less(small, 50), large: less(large, 100) }
}

export interface Growth extends Comparison {
  readonly phases: ReadonlyArray<{
    readonly phase: string
    /** Nanoseconds an operation, at both sizes, and how many times the one is of the other. */
    readonly small: number
    readonly large: number
    readonly factor: number
  }>
  readonly bytes: Scaled["bytes"]
}

export const growthOf = (of: Comparison, [small, large]: readonly [Scaled, Scaled]): Growth => ({
  ...of,
  phases: Object.entries(large.nanoseconds).map(([phase, figure]) => ({
    phase,
    small: small.nanoseconds[phase],
    large: figure,
    factor: figure / small.nanoseconds[phase]
  })),
  bytes: large.bytes
})

const figures = (of: ScaleOrder): string =>
  `${of.sockets} sockets, ${of.pending} receives${of.hosts > 1 ? `, ${of.hosts} machines` : ""}`

const micro = (nanoseconds: number): string => (nanoseconds / 1000).toFixed(1)

/** For each comparison what an operation takes at the larger size, and how many times what it takes at the smaller. */
export const growthText = (all: ReadonlyArray<Growth>): string =>
  all
    .map(({ bytes, large, phases, small, title }) => {
      const held = Object.entries(bytes).map(([what, figure]) => `${what} ${figure.toFixed(0)} bytes`)
      const times = phases.map(({ factor, large, phase }) => `${phase} ${micro(large)} us (x${factor.toFixed(2)})`)
      return `${title}: ${figures(small)} -> ${figures(large)}\n  ${times.join(", ")}\n  held: ${held.join(", ")}`
    })
    .join("\n")

/** The phase whose operations grew most, in a line. */
export const growthSummary = (all: ReadonlyArray<Growth>): string => {
  const worst = all
    .flatMap(({ name, phases }) => phases.map((phase) => ({ name, ...phase })))
    .reduce((most, one) => (one.factor > most.factor ? one : most))
  return `of ten times as much an operation takes at most x${worst.factor.toFixed(2)} (${worst.name}: ${worst.phase})`
}
