/** What disturbs a run of the network's model, and what the model may expect of each. */
import { MockFault, MockRule } from "@effect-winsock/mock"
import type { Disturbance } from "@effect-winsock/mock/MockDisturbance"
import type { Plan } from "@effect-winsock/mock/MockExplorer"
import { WSAENOBUFS, WSAENOPROTOOPT } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { Chance } from "../Chance.ts"
import type { HostName, Ledger, Say } from "./Ledger.ts"
import { harmless } from "./Ledger.ts"

type Making = (ledger: () => Ledger) => Disturbance<HostName>

const all = (packet: MockRule.Packet): boolean => packet.from !== packet.to

// what a machine says to itself, and so what an engine tries there, is left alone
const between: MockRule.Match = { predicate: all, description: "between machines" }

// damage that no checksum finds would be a stream's own, too
const datagrams: MockRule.Match = { ...between, protocol: "UDP" }

const rule = (
  rule: MockRule.Rule,
  say: Partial<Say>,
  applies: Say["applies"] = all,
  { breaks = false, match = between }: { readonly breaks?: boolean; readonly match?: MockRule.Match } = {}
): Making => {
  const whole: Say = { ...harmless, ...say, applies }
  return (ledger) => {
    const { description } = rule
    return {
      description,
      code: `/* ${description} */`,
      begin: (network) =>
        Effect.suspend(() => {
          if (breaks) ledger().breaks = true
          return network.rules(ledger().before(whole), MockRule.when(rule, match))
        })
    }
  }
}

const percents = [0.05, 0.2, 0.5, 1] as const

const rules: Record<string, (chance: Chance) => Making> = {
  latency: (chance) => {
    const most = 1 + chance.below(60)
    return chance.percent(50)
      ? rule(MockRule.latency(most), { delay: [most, most] })
      : rule(MockRule.latency({ min: 0, max: most }), { delay: [0, most] })
  },
  loss: (chance) => {
    const share = chance.one(percents)
    return rule(MockRule.loss(share), { drops: share === 1 ? "always" : "sometimes" })
  },
  bursts: () => rule(MockRule.loss({ begin: 0.1, end: 0.3 }), { drops: "sometimes" }),
  duplication: (chance) => {
    const copies = 1 + chance.below(3)
    const after = chance.one([0, 0, 30])
    return rule(MockRule.duplication(chance.one(percents), { copies, after }), { copies })
  },
  echo: (chance) => {
    const delay = 1 + chance.below(30)
    const after = chance.one([0, 10, 40])
    return rule(MockRule.all(MockRule.latency(delay), MockRule.duplication(0.7, { after })), {
      delay: [delay, delay],
      copies: 1
    })
  },
  reordering: (chance) => {
    const by = 1 + chance.below(50)
    return rule(MockRule.reordering(chance.one(percents), by), { delay: [0, by] })
  },
  corruption: (chance) => {
    const bits = 1 + chance.below(3)
    const undetected = chance.percent(50)
    return rule(MockRule.corruption(chance.one([0.3, 1]), { bits, undetected }), { bits, undetected }, all, {
      match: undetected ? datagrams : between
    })
  },
  bandwidth: (chance) => {
    const queueBytes = chance.one([undefined, 400])
    return rule(MockRule.bandwidth({ bytesPerSecond: chance.one([20_000, 100_000]), queueBytes }), {
      drops: queueBytes === undefined ? "never" : "sometimes",
      delay: [0, Number.POSITIVE_INFINITY]
    })
  },
  partition: (chance) => {
    const oneWay = chance.percent(40)
    const [from, to] = chance.percent(50) ? (["a", "b"] as const) : (["b", "a"] as const)
    return rule(
      MockRule.partition(from, to, { oneWay }),
      { drops: "always" },
      (packet) => (packet.from === from && packet.to === to) || (!oneWay && packet.from === to && packet.to === from)
    )
  },
  cut: () => rule(MockRule.cut("b"), { drops: "always" }, ({ from, to }) => (from === "b") !== (to === "b")),
  unreachable: () => rule(MockRule.unreachable("host"), { drops: "always" }, all, { breaks: true }),
  reset: (chance) => rule(MockRule.resetAfter(chance.below(3000)), {}, all, { breaks: true }),
  first: (chance) => rule(MockRule.first(MockRule.drop, 1 + chance.below(4)), { drops: "sometimes" }),
  blackHole: (chance) => {
    const mtu = 68 + chance.below(200)
    return rule(MockRule.blackHole(mtu), { drops: "always" }, (packet) => all(packet) && packet.size > mtu)
  }
}

const fault =
  (host: HostName, made: MockFault.Described, expect: (ledger: Ledger) => void = () => {}): Making =>
  (ledger) => ({
    description: `${host}: ${made.description}`,
    code: `/* ${host}: ${made.description} */`,
    begin: ({ hosts }) =>
      Effect.suspend(() => {
        expect(ledger())
        return hosts[host].fault(made)
      })
  })

const receives = ["WSARecvMsg"] as const
const both = ["WSARecvMsg", "WSASendMsg"] as const
const lateness = (chance: Chance): MockFault.Lateness =>
  chance.percent(60) ? 1 + chance.below(4) : { after: 1 + chance.below(60) }

// what a provider can do is tried until it can be tried: a wish is not supported before
const starved = (ledger: Ledger): void => {
  ledger.codes.add(WSAENOBUFS)
  ledger.codes.add(WSAENOPROTOOPT)
}

const faults: Record<string, (chance: Chance, host: HostName) => Making> = {
  noBuffers: (chance, host) =>
    fault(host, MockFault.fail(chance.one(both), "WSAENOBUFS", { probability: chance.one([0.1, 0.5]) }), (ledger) =>
      starved(ledger)
    ),
  late: (chance, host) => fault(host, MockFault.late(chance.one(both), lateness(chance), { probability: 0.5 })),
  latePacket: (chance, host) =>
    fault(host, MockFault.latePacket(chance.one(both), lateness(chance), { probability: 0.5 })),
  insufficient: (chance, host) =>
    fault(
      host,
      MockFault.complete(chance.one(receives), "STATUS_INSUFFICIENT_RESOURCES", { probability: 0.3 }),
      starved
    ),
  cancelLoses: (_, host) => fault(host, MockFault.cancelLoses()),
  cancelLate: (chance, host) => fault(host, MockFault.cancelLate(lateness(chance))),
  cancelNotFound: (_, host) =>
    fault(host, MockFault.cancelNotFound({ probability: 0.5 }), (ledger) => ledger.closers.add(host)),
  cancelIgnored: (_, host) =>
    fault(host, MockFault.cancelIgnored({ probability: 0.5 }), (ledger) => ledger.closers.add(host)),
  cancelHangs: (_, host) =>
    fault(host, MockFault.cancelHangs({ probability: 0.5 }), (ledger) => ledger.closers.add(host))
}

const crash =
  (host: HostName): Making =>
  (ledger) => ({
    description: `${host} crashes, and is up again when this ends`,
    code: `/* crash of ${host} */`,
    begin: (network) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          ledger().crash(host)
          return network.crash(host)
        }),
        () =>
          Effect.suspend(() => {
            // another one may have ended before
            ledger().crash(host)
            return network.restart(host)
          })
      )
  })

/** How long disturbances begin within, and last at most, in virtual milliseconds. */
export const within = 120

/** Draws what disturbs a run. The ledger is the run's: a plan may be run again. */
export const draw = (chance: Chance, hosts: ReadonlyArray<HostName>, ledger: () => Ledger): Plan<HostName> => {
  const making = (): Making => {
    switch (chance.weighted({ rule: 60, fault: 30, crash: 10 })) {
      case "rule":
        return chance.one(Object.values(rules))(chance)
      case "fault":
        return chance.one(Object.values(faults))(chance, chance.one(hosts))
      case "crash":
        return crash(chance.one(hosts))
    }
  }
  return Array.from({ length: chance.percent(15) ? 0 : 1 + chance.below(5) }, () => ({
    at: chance.percent(50) ? 0 : chance.below(within),
    duration: 1 + chance.below(within),
    disturbance: making()(ledger)
  })).toSorted((one, other) => one.at - other.at)
}
