/** What a seed chooses of a run over a whole network before it begins. */
import type { MockNetwork } from "@effect-winsock/mock"
import { Chance } from "../Chance.ts"
import type { HostName, SocketPlan } from "./Ledger.ts"

export interface HostPlan {
  readonly sockets: ReadonlyArray<SocketPlan>
  /** Fibers, and how many things each does. */
  readonly fibers: ReadonlyArray<number>
}

export interface NetworkPlan {
  readonly seed: number
  readonly network: Omit<MockNetwork.Options<HostName>, "seed">
  readonly names: ReadonlyArray<HostName>
  readonly hosts: { readonly [H in HostName]?: HostPlan }
  /** Routers between a and b, and what each takes in milliseconds. */
  readonly routers: number
  readonly delay: number
  readonly maxOpsBeforeYield: number
  /** Whether a connects to b, too. */
  readonly streams: boolean
}

/** The addresses of the hosts, IPv4's and IPv6's. */
export const addresses: { readonly [H in HostName]: readonly [v4: ReadonlyArray<string>, v6: ReadonlyArray<string>] } =
  {
    a: [["10.0.0.1"], ["fd00::1"]],
    b: [
      ["10.0.0.2", "10.0.0.22", "10.0.1.2"],
      ["fd00::2", "fd00::22"]
    ],
    c: [["10.0.0.3"], ["fd00::3"]]
  }

/** The interface that has an address. */
export const interfaceOf = (host: HostName, address: string): number => {
  if (host === "a") return 4
  if (host === "c") return 9
  return address === "10.0.1.2" ? 8 : 7
}

const interfaces = (host: HostName) => {
  const byIndex = Map.groupBy(addresses[host].flat(), (address) => interfaceOf(host, address))
  return Array.from(byIndex, ([index, own]) => ({
    index,
    name: `Ethernet ${index}`,
    addresses: own.map((address) => `${address}/${address.includes(":") ? 64 : 24}`)
  }))
}

const controls = ["packetInfo", "hopLimit", "trafficClass", "ecn"] as const

const socketPlan = (chance: Chance, host: HostName): SocketPlan => {
  const v6 = chance.percent(30)
  const coalesce = chance.percent(25) ? 512 : 0
  return {
    v6,
    address: chance.percent(50) ? -1 : chance.below(addresses[host][v6 ? 1 : 0].length),
    control: chance.percent(20) ? [] : controls.filter(() => chance.percent(70)),
    receiveBuffer: chance.percent(15) ? 40 + chance.below(200) : 0,
    options: {
      maxMessageSize: coalesce > 0 ? 2048 : chance.one([16, 64, 2048, 2048]),
      lookAhead: chance.one([0, 0, 3]),
      maxPosted: chance.one([1, 2, 64, 64]),
      batch: chance.one([1, 2, 5, 64]),
      completion: chance.one(["port", "port", "event", "routine"]),
      coalesce: coalesce > 0 ? coalesce : undefined
    }
  }
}

export const planOf = (seed: number): NetworkPlan => {
  const chance = new Chance(seed ^ 0x6e_6574)
  const names: ReadonlyArray<HostName> = chance.percent(20) ? ["a", "b", "c"] : ["a", "b"]
  const routers = chance.percent(30) ? 1 + chance.below(2) : 0
  const delay = routers > 0 ? chance.one([0, 5]) : 0
  const hostPlan = (host: HostName): HostPlan => ({
    sockets: Array.from({ length: chance.percent(30) ? 2 : 1 }, () => socketPlan(chance, host)),
    fibers: Array.from({ length: 1 + chance.below(3) }, () => 2 + chance.below(6))
  })
  return {
    seed,
    names,
    routers,
    delay,
    hosts: Object.fromEntries(names.map((name) => [name, hostPlan(name)])),
    streams: chance.percent(30),
    maxOpsBeforeYield: chance.one([16, 24, 33, 2048, 2048]),
    network: {
      hosts: Object.fromEntries(names.map((name) => [name, { interfaces: interfaces(name) }])) as never,
      routes:
        routers === 0
          ? undefined
          : [
              {
                between: ["a", "b"],
                delay,
                routers: Array.from({ length: routers }, (_, i) => [`10.0.0.${250 + i}`, `fd00::f${i}`])
              }
            ],
      abi: chance.one(["x64", "ia32"]),
      guard: "strict",
      trace: 100_000,
      dequeue: chance.one(["fifo", "seeded"]),
      truncationAnswer: chance.one(["pending", "emsgsize+packet", "emsgsize-only", "seeded"]),
      readyAnswer: chance.one(["immediate", "pending", "seeded"]),
      cancellation: chance.one(["immediate", "deferred", "seeded"]),
      delivery: chance.one(["turn", "turn", "immediate"]),
      segmentation: chance.one(["mss", "seeded"]),
      ...(chance.percent(10) ? { sendControl: "ignored", absentOptions: ["UDP_SEND_MSG_SIZE"] } : undefined)
    }
  }
}
