// Scenarios by seed. What is likely makes calls meet states in which they do something; the rest is hostile.
import { Chance } from "../model/Chance.ts"
import { type Call, calls, type Kind, kinds, type Scenario, type Step } from "./Steps.ts"

type Weights = { readonly [K in Call]?: number }

/** What a scenario is about. */
const themes = {
  datagrams: {
    sockets: ["udp"],
    weights: {
      sendto: 20,
      sendmsg: 8,
      send: 4,
      recv: 6,
      recvfrom: 18,
      recvmsg: 12,
      cancel: 12,
      result: 6,
      ioctl: 4,
      connect: 4,
      getsockname: 3,
      getpeername: 2,
      closesocket: 3,
      shutdown: 1,
      bind: 1
    }
  },
  streams: {
    sockets: ["tcp"],
    weights: {
      send: 20,
      recv: 22,
      cancel: 8,
      result: 5,
      shutdown: 6,
      DisconnectEx: 3,
      closesocket: 5,
      ioctl: 3,
      getsockname: 2,
      getpeername: 3,
      setsockopt: 2,
      AcceptEx: 2,
      ConnectEx: 2,
      accept: 2
    }
  },
  names: {
    sockets: ["udp", "tcp"],
    weights: {
      bind: 20,
      listen: 5,
      getsockname: 15,
      getpeername: 5,
      connect: 4,
      shutdown: 3,
      closesocket: 6,
      setsockopt: 10,
      accept: 2
    }
  },
  options: {
    sockets: ["udp", "tcp"],
    weights: { setsockopt: 25, getsockopt: 30, ioctl: 12, bind: 5, closesocket: 1, listen: 2 }
  }
} as const satisfies {
  readonly [theme: string]: { readonly sockets: ReadonlyArray<string>; readonly weights: Weights }
}

const themeNames = ["datagrams", "datagrams", "datagrams", "streams", "streams", "streams", "names", "options"] as const

export const step = (call: Call, s: number, t = 0, a = 0, b = 0, c = 0): Step => ({ call, s, t, a, b, c })

/** Two connected sockets, s2 (that connects) and s3 (that s1 accepted). */
export const connected: ReadonlyArray<Step> = [
  step("bind", 0),
  step("listen", 0, 0, 2),
  step("bind", 1),
  step("AcceptEx", 0),
  step("ConnectEx", 1, 0),
  step("update", 1),
  step("update", 2, 0, 1),
  step("getpeername", 1)
]

export const scenarioOf = (seed: number): Scenario => {
  const chance = new Chance(Math.imul(seed, 0x9e37_79b1))
  const theme = chance.one(themeNames)
  const { sockets: protocols, weights } = themes[theme]
  const kind = (): Kind => chance.one(kinds.filter((kind) => protocols.some((protocol) => kind.startsWith(protocol))))
  const first = kind()
  // mostly of one family, so that they can talk
  const sockets =
    theme === "streams"
      ? [first, first]
      : [first, chance.percent(85) ? first : kind(), ...(chance.percent(25) ? [first] : [])]
  const opening =
    theme === "streams"
      ? connected
      : theme === "datagrams"
        ? sockets.flatMap((_, i) => (chance.percent(93) ? [step("bind", i)] : []))
        : []
  const drawn = { ...Object.fromEntries(calls.map((call) => [call, 0])), ...weights } as {
    readonly [K in Call]: number
  }
  const count = theme === "streams" ? sockets.length + 1 : sockets.length
  const steps = Array.from({ length: 5 + chance.below(10) }, () => {
    // of streams mostly one of the two that are connected
    const s = theme === "streams" && chance.percent(92) ? 1 + chance.below(2) : chance.below(count)
    // a socket mostly talks to another
    const t = chance.percent(theme === "names" ? 60 : 88) ? (s + 1) % count : s
    return step(chance.weighted(drawn), s, t, chance.below(720), chance.below(720), chance.below(720))
  })
  return { seed, way: chance.percent(75) ? "port" : "event", sockets, steps: [...opening, ...steps] }
}
