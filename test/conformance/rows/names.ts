// Name resolution.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Layout from "@effect-winsock/schema/Layout"
import * as NameFlags from "@effect-winsock/schema/NameFlags"
import * as Structs from "@effect-winsock/schema/Structs"
import { WSA_IO_PENDING } from "@effect-winsock/schema/WsaError"
import { type Bench, nameOfCode } from "../bench.ts"
import type { Expectation, Group, Row } from "../model.ts"

const wide = (b: Bench, text: string): number => {
  const block = b.alloc(2 * text.length + 2)
  for (let i = 0; i < text.length; i++) block.view.setUint16(2 * i, text.charCodeAt(i), true)
  return block.address
}

const textAt = (block: { readonly view: DataView }): string => {
  let out = ""
  for (let i = 0; block.view.getUint16(i, true) !== 0; i += 2) out += String.fromCharCode(block.view.getUint16(i, true))
  return out
}

interface Asked {
  readonly host?: string
  readonly service?: string
  readonly namespace?: number
  readonly hints?: { readonly [K in keyof Layout.View<typeof Structs.ADDRINFOEXW.fields>]?: number }
  readonly overlapped?: boolean
}

/** GetAddrInfoExW. `outcome` waits for its end, and frees what it found. */
const ask = (b: Bench, asked: Asked) => {
  const { abi, calls } = b
  const { host, namespace = NameFlags.NS_ALL, service } = asked
  const event = b.event()
  const overlapped = b.overlapped("A", event)
  const hints = b.alloc(Structs.ADDRINFOEXW.size[abi])
  Object.assign(Structs.ADDRINFOEXW.view(abi, hints.view, 0), asked.hints)
  const out = b.alloc(16)
  const code = calls.GetAddrInfoExW(
    host === undefined ? 0 : wide(b, host),
    service === undefined ? 0 : wide(b, service),
    namespace,
    0,
    hints.address,
    out.address,
    0,
    asked.overlapped === false ? 0 : overlapped.address,
    0,
    asked.overlapped === false ? 0 : out.address + 8
  )
  const list = (): number => Layout.readPointer(abi, out.view, 0)
  return {
    call: nameOfCode(code),
    event,
    overlapped,
    resultAt: out.address,
    list,
    cancel: (): string => nameOfCode(calls.GetAddrInfoExCancel(out.address + 8)),
    outcome: async (): Promise<string> => {
      if (code === WSA_IO_PENDING && !(await b.signal(event))) throw new Error("the lookup never ended")
      const outcome = nameOfCode(
        code === WSA_IO_PENDING ? calls.GetAddrInfoExOverlappedResult(overlapped.address) : code
      )
      if (list() !== 0) calls.FreeAddrInfoExW(list())
      return outcome
    }
  }
}

/** What comes of it, at once or later. */
const outcomeOf = (asked: Asked) => async (b: Bench) => ({ outcome: await ask(b, asked).outcome() })

interface Entry {
  readonly family: number
  readonly name: string
  readonly scope: number
  readonly port: number
}

/** What the list of a call that has ended has. */
const entriesOf = (b: Bench, first: number): Array<Entry> => {
  const { abi, calls } = b
  const size = Structs.ADDRINFOEXW.size[abi]
  const entries: Array<Entry> = []
  for (let at = first; at !== 0 && entries.length < 64;) {
    const block = b.alloc(size + 32 + 2 * 64)
    calls.RtlMoveMemory(block.address, at, size)
    const entry = Structs.ADDRINFOEXW.view(abi, block.view, 0)
    calls.RtlMoveMemory(block.address + size, entry.ai_addr, Math.min(entry.ai_addrlen, 28))
    if (entry.ai_canonname !== 0) calls.lstrcpynW(block.address + size + 32, entry.ai_canonname, 64)
    const name = textAt({ view: new DataView(block.view.buffer, block.view.byteOffset + size + 32) })
    const family = block.view.getUint16(size, true)
    entries.push({
      family,
      name,
      port: block.view.getUint16(size + 2, false),
      scope: family === Flags.AF_INET6 ? block.view.getUint32(size + 24, true) : 0
    })
    at = entry.ai_next
  }
  return entries
}

interface NameAsked {
  readonly ip?: string
  readonly port?: number
  readonly length?: number
  readonly family?: number
  readonly host?: number
  readonly service?: number
  readonly flags?: number
}

/** GetNameInfoW, on a thread of its own: "host service", or the error. */
const tell = (asked: NameAsked) => async (b: Bench) => {
  const { flags = 0, host = 64, ip = "127.0.0.1", port = 80, service = 32 } = asked
  const block = b.alloc(32)
  const length = b.writeAddress(block, 0, ip, port)
  if (asked.family !== undefined) block.view.setUint16(0, asked.family, true)
  const hostAt = b.alloc(2 * 64)
  const serviceAt = b.alloc(2 * 32)
  const { result } = await b.offThread(
    "GetNameInfoW",
    block.address,
    asked.length ?? length,
    host === -1 ? 0 : hostAt.address,
    Math.max(host, 0),
    service === -1 ? 0 : serviceAt.address,
    Math.max(service, 0),
    flags
  )
  return {
    call: result === 0 ? `${textAt(hostAt) || "no host"} ${textAt(serviceAt) || "no service"}` : nameOfCode(result)
  }
}

const documented = (id: string, title: string, source: string, windows: Expectation, probe: Row["probe"]): Row => ({
  id,
  title,
  evidence: "documented",
  source,
  windows,
  probe
})

const addrInfo = "GetAddrInfoExW"
const nameInfo = "GetNameInfoW"

export const group: Group = {
  title: "Names",
  rows: [
    documented(
      "N1",
      "An overlapped lookup pends, ends by its event, and sets OVERLAPPED.Pointer",
      addrInfo,
      { call: "WSA_IO_PENDING", event: true, result: "ok", Pointer: "ppResult" },
      async (b) => {
        const one = ask(b, { host: "localhost", hints: { ai_family: Flags.AF_INET } })
        const event = await b.signal(one.event)
        const { Offset } = one.overlapped.view
        const Pointer = Offset === one.resultAt % 0x1_0000_0000 ? "ppResult" : "something else"
        return { call: one.call, event, result: await one.outcome(), Pointer }
      }
    ),
    documented(
      "N2",
      "A name that does not exist",
      addrInfo,
      { outcome: "WSAHOST_NOT_FOUND" },
      outcomeOf({ host: "no-such-host.invalid" })
    ),
    documented("N3", "Neither a host nor a service", addrInfo, { outcome: "WSAHOST_NOT_FOUND" }, outcomeOf({})),
    documented(
      "N4",
      "Hints with an ai_addrlen",
      addrInfo,
      { outcome: "WSANO_RECOVERY" },
      outcomeOf({ host: "localhost", hints: { ai_addrlen: 5 } })
    ),
    documented(
      "N5",
      "Flags that are none",
      addrInfo,
      { outcome: "WSAEINVAL" },
      outcomeOf({ host: "localhost", hints: { ai_flags: 0x0200_0000 } })
    ),
    documented(
      "N6",
      "A family that nobody has",
      addrInfo,
      { outcome: "WSAEAFNOSUPPORT" },
      outcomeOf({ host: "localhost", hints: { ai_family: 99 } })
    ),
    documented(
      "N7",
      "A type of socket that nobody has",
      addrInfo,
      { outcome: "WSAESOCKTNOSUPPORT" },
      outcomeOf({ host: "localhost", hints: { ai_socktype: 77 } })
    ),
    documented(
      "N8",
      "A namespace that is not installed",
      addrInfo,
      { outcome: "WSASERVICE_NOT_FOUND" },
      outcomeOf({ host: "localhost", namespace: NameFlags.NS_EMAIL })
    ),
    documented(
      "N9",
      "AI_NUMERICHOST with a name",
      addrInfo,
      { outcome: "WSAHOST_NOT_FOUND" },
      outcomeOf({ host: "localhost", hints: { ai_flags: NameFlags.AI_NUMERICHOST } })
    ),
    documented(
      "N10",
      "A service that nobody knows",
      addrInfo,
      { outcome: "WSATYPE_NOT_FOUND" },
      outcomeOf({ host: "127.0.0.1", service: "no-such-service", hints: { ai_socktype: Flags.SOCK_STREAM } })
    ),
    documented(
      "N11",
      "AI_CANONNAME: the first entry has the name",
      addrInfo,
      { first: "localhost", others: "none" },
      async (b) => {
        const flags = NameFlags.AI_CANONNAME
        const one = ask(b, { host: "localhost", hints: { ai_family: Flags.AF_INET, ai_flags: flags } })
        await b.signal(one.event)
        const [first, ...others] = entriesOf(b, one.list())
        await one.outcome()
        return { first: first.name, others: others.map(({ name }) => name).join("") || "none" }
      }
    ),
    documented(
      "N12",
      "An IPv6 address in numbers with a scope, and a port",
      addrInfo,
      { entries: 1, family: Flags.AF_INET6, scope: 3, port: 53 },
      async (b) => {
        const one = ask(b, { host: "fe80::1%3", service: "53", hints: { ai_flags: NameFlags.AI_NUMERICHOST } })
        await b.signal(one.event)
        const entries = entriesOf(b, one.list())
        await one.outcome()
        const { family, port, scope } = entries[0]
        return { entries: entries.length, family, scope, port }
      }
    ),
    documented(
      "N13",
      "GetAddrInfoExCancel of a lookup that is under way",
      "GetAddrInfoExCancel",
      { call: "WSA_IO_PENDING", cancel: "ok", outcome: "WSA_E_CANCELLED" },
      async (b) => {
        const one = ask(b, { host: "localhost", hints: { ai_family: Flags.AF_INET } })
        const cancel = one.cancel()
        return { call: one.call, cancel, outcome: await one.outcome() }
      }
    ),
    documented(
      "N14",
      "GetAddrInfoExCancel of a lookup that has ended",
      "GetAddrInfoExCancel",
      { cancel: "WSA_INVALID_HANDLE" },
      async (b) => {
        const one = ask(b, { host: "localhost", hints: { ai_family: Flags.AF_INET } })
        await one.outcome()
        return { cancel: one.cancel() }
      }
    ),
    {
      id: "N15",
      title: "What Internal says while a lookup is under way",
      evidence: "unknown",
      source: "GetAddrInfoExOverlappedResult",
      probe: async (b) => {
        const one = ask(b, { host: "no-such-host.invalid" })
        const { Internal } = one.overlapped.view
        await one.outcome()
        return { Internal: nameOfCode(Internal) }
      }
    },
    documented("N16", "The names of an address and a port", nameInfo, { call: "localhost http" }, tell({})),
    documented(
      "N17",
      "NI_NUMERICHOST and NI_NUMERICSERV",
      nameInfo,
      { call: "::1 80" },
      tell({ ip: "::1", flags: NameFlags.NI_NUMERICHOST | NameFlags.NI_NUMERICSERV })
    ),
    documented(
      "N18",
      "An address without a name is told in numbers",
      nameInfo,
      { call: "192.0.2.1 50123" },
      tell({ ip: "192.0.2.1", port: 50_123 })
    ),
    documented(
      "N19",
      "NI_NAMEREQD and an address without a name",
      nameInfo,
      { call: "WSAHOST_NOT_FOUND" },
      tell({ ip: "192.0.2.1", flags: NameFlags.NI_NAMEREQD })
    ),
    documented(
      "N20",
      "Neither a buffer for the host nor one for the service",
      nameInfo,
      { call: "WSAHOST_NOT_FOUND" },
      tell({ host: -1, service: -1 })
    ),
    documented("N21", "A buffer for the host of no characters", nameInfo, { call: "WSAEINVAL" }, tell({ host: 0 })),
    documented("N22", "A socket address that is too short", nameInfo, { call: "WSAEFAULT" }, tell({ length: 8 })),
    documented("N23", "A family that nobody has", nameInfo, { call: "WSAEAFNOSUPPORT" }, tell({ family: 99 })),
    {
      id: "N24",
      title: "A buffer that is too small",
      evidence: "unknown",
      source: "GetNameInfoW",
      probe: tell({ host: 3 })
    }
  ]
}
