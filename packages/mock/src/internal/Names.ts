/**
 * Name resolution: GetAddrInfoExW with all that belongs to it, and GetNameInfoW.
 */
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM } from "@effect-winsock/schema/Flags"
import * as NameFlags from "@effect-winsock/schema/NameFlags"
import { ADDRINFOEXW, OVERLAPPED, SOCKADDR_IN6, TIMEVAL } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import * as Addresses from "./Addresses.ts"
import type { Owner } from "./Guard.ts"
import { toNetAddress } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { MockBlock } from "./Memory.ts"
import { AccessViolation } from "./Memory.ts"
import { type Hints, noHints, refuse, type Resolution, resolve } from "./Resolution.ts"
import { ScheduledTask } from "./Turns.ts"
import { serviceOf } from "./NameTable.ts"

/** A lookup that is under way. */
interface Pending {
  readonly handle: number
  readonly overlapped: number
  readonly resultAt: number
  readonly event: number
  readonly hints: Hints
  readonly owners: ReadonlyArray<Owner>
  readonly timers: Array<ScheduledTask>
}

/** What a kernel has under way and has given out. */
export class NameService {
  readonly pending = new Map<number, Pending>()
  /** Lists that were given out and not freed, by address. */
  readonly lists = new Map<number, MockBlock>()
  /** Whether the call in progress is made on a thread of its own, which may wait. */
  elsewhere = false
  lastHandle = 0x10000
}

const machinesOf = (kernel: Kernel) => kernel.network.kernels.map(({ machine }) => machine)

// a text of one character too many is no text: the bound keeps a missing zero from reading on for ever
const mostCharacters = 4096

const readText = (kernel: Kernel, address: number): string | undefined => {
  if (address === 0) return undefined
  let text = ""
  for (let i = 0; i < mostCharacters; i++) {
    const unit = kernel.memory.u16(address + 2 * i)
    if (unit === 0) return text
    text += String.fromCharCode(unit)
  }
  throw new AccessViolation(address, 2 * mostCharacters)
}

const writeText = (kernel: Kernel, address: number, text: string): void => {
  const view = kernel.memory.locate(address, 2 * text.length + 2)
  const { at } = kernel.memory
  for (let i = 0; i < text.length; i++) view.setUint16(at + 2 * i, text.charCodeAt(i), true)
  view.setUint16(at + 2 * text.length, 0, true)
}

const readHints = (kernel: Kernel, address: number): Hints | undefined => {
  if (address === 0) return noHints
  const hints = ADDRINFOEXW.at(kernel.memory, address)
  // only the first four members are for hints
  if (hints.ai_addrlen !== 0 || hints.ai_canonname !== 0 || hints.ai_addr !== 0 || hints.ai_next !== 0) return undefined
  return {
    flags: hints.ai_flags,
    family: hints.ai_family,
    socketType: hints.ai_socktype,
    protocol: hints.ai_protocol
  }
}

// what a program gets is native memory of the provider's
const writeList = (kernel: Kernel, { canonicalName, entries, port }: Resolution, hints: Hints): number => {
  const { memory } = kernel
  const size = ADDRINFOEXW.size[memory.abi]
  const addressSize = SOCKADDR_IN6.size[memory.abi] + 4
  const named = (hints.flags & (NameFlags.AI_CANONNAME | NameFlags.AI_FQDN)) !== 0
  const addressesAt = entries.length * size
  const nameAt = addressesAt + entries.length * addressSize
  const block = memory.alloc(nameAt + (named ? 2 * canonicalName.length + 2 : 0))
  entries.forEach(({ ip, scope, v6 }, i) => {
    const address = block.address + addressesAt + i * addressSize
    const entry = ADDRINFOEXW.at(memory, block.address + i * size)
    entry.ai_flags = hints.flags
    entry.ai_family = v6 ? AF_INET6 : AF_INET
    entry.ai_socktype = hints.socketType
    entry.ai_protocol = hints.protocol
    entry.ai_addrlen = Addresses.sizeFor(v6)
    entry.ai_addr = address
    entry.ai_canonname = named && i === 0 ? block.address + nameAt : 0
    entry.ai_next = i + 1 < entries.length ? block.address + (i + 1) * size : 0
    Addresses.write(memory, v6, address, ip, port, scope)
  })
  if (named) writeText(kernel, block.address + nameAt, canonicalName)
  kernel.names.lists.set(block.address, block)
  return block.address
}

const settled = (kernel: Kernel, one: Pending): boolean => {
  if (!kernel.names.pending.delete(one.handle)) return true
  for (const timer of one.timers) timer.withdraw()
  for (const owner of one.owners) kernel.guard.owners.delete(owner)
  return false
}

// the end of a lookup: what it found, its code, and its event, in this order
const finish = (kernel: Kernel, one: Pending, code: number, resolution: Resolution | undefined): void => {
  if (settled(kernel, one)) return
  const { memory } = kernel
  try {
    memory.setPointer(one.resultAt, resolution === undefined ? 0 : writeList(kernel, resolution, one.hints))
    memory.setPointer(
      one.overlapped + OVERLAPPED.offsets[memory.abi].Offset,
      resolution === undefined ? 0 : one.resultAt
    )
    memory.setPointer(one.overlapped, code)
  } catch (error) {
    if (!(error instanceof AccessViolation)) throw error
    kernel.guard.violation("MemoryGone", `the OVERLAPPED 0x${one.overlapped.toString(16)} was freed under its lookup`)
  }
  const event = kernel.handles.get(one.event)
  if (event !== undefined && event.type === "event") kernel.eventWaits.signal(event)
  else kernel.guard.violation("DeadSocket", `the event ${one.event} of a lookup was closed while it was pending`)
}

const startLookup = (
  kernel: Kernel,
  overlapped: number,
  resultAt: number,
  handleAt: number,
  hints: Hints,
  resolution: Resolution,
  timeout: number
): number => {
  const { memory, names } = kernel
  const width = memory.pointerSize
  const event = memory.pointer(overlapped + OVERLAPPED.offsets[memory.abi].hEvent)
  const object = kernel.handles.get(event)
  if (object === undefined || object.type !== "event") return kernel.fail(sdk.WSA_INVALID_HANDLE)
  const handle = (names.lastHandle += 8)
  if (handleAt !== 0) memory.setPointer(handleAt, handle)
  kernel.guard.submitting(overlapped, kernel.calling)
  memory.setPointer(overlapped, sdk.WSAEINPROGRESS)
  const owners: Array<Owner> = [
    { what: "lookup's OVERLAPPED", address: overlapped, size: OVERLAPPED.size[memory.abi] },
    { what: "lookup's result", address: resultAt, size: width }
  ]
  for (const owner of owners) {
    kernel.guard.begun(owner)
    kernel.guard.owners.add(owner)
  }
  const one: Pending = { handle, overlapped, resultAt, event, hints, owners, timers: [] }
  names.pending.set(handle, one)
  const later = (delay: number, run: () => void): void => {
    const task = new ScheduledTask(run)
    one.timers.push(task)
    kernel.turns.after(delay, task)
  }
  const { code, latency } = resolution
  if (Number.isFinite(latency)) later(latency, () => finish(kernel, one, code, code === 0 ? resolution : undefined))
  if (timeout > 0 && timeout < latency) later(timeout, () => finish(kernel, one, sdk.WSAETIMEDOUT, undefined))
  return kernel.fail(sdk.WSA_IO_PENDING)
}

export const GetAddrInfoExW = (
  kernel: Kernel,
  hostAt: number,
  serviceAt: number,
  namespace: number,
  _provider: number,
  hintsAt: number,
  resultAt: number,
  timeoutAt: number,
  overlapped: number,
  routine: number,
  handleAt: number
): number => {
  const { memory } = kernel
  if (kernel.started === 0) return kernel.fail(sdk.WSANOTINITIALISED)
  memory.setPointer(resultAt, 0)
  const host = readText(kernel, hostAt)
  const service = readText(kernel, serviceAt)
  const hints = readHints(kernel, hintsAt)
  if (hints === undefined) return kernel.fail(sdk.WSANO_RECOVERY)
  const refused = refuse(host, service, hints)
  if (refused !== 0) return kernel.fail(refused)
  if (namespace !== NameFlags.NS_ALL && namespace !== NameFlags.NS_DNS) return kernel.fail(sdk.WSASERVICE_NOT_FOUND)
  // a routine runs on a thread of the provider's, and without an event nobody learns of the end
  if (routine !== 0) return kernel.fail(sdk.WSAEINVAL)
  const timeout = timeoutAt === 0 ? 0 : millisecondsAt(kernel, timeoutAt)
  const resolution = resolve(kernel.settings.names, kernel.machine, machinesOf(kernel), host, service, hints)
  if (overlapped !== 0) return startLookup(kernel, overlapped, resultAt, handleAt, hints, resolution, timeout)
  if (resolution.latency > 0 && !kernel.names.elsewhere) return kernel.wouldWait(sdk.WSATRY_AGAIN)
  if (resolution.code !== 0) return kernel.fail(resolution.code)
  memory.setPointer(resultAt, writeList(kernel, resolution, hints))
  return 0
}

const millisecondsAt = (kernel: Kernel, address: number): number => {
  const { tv_sec, tv_usec } = TIMEVAL.at(kernel.memory, address)
  return tv_sec * 1000 + tv_usec / 1000
}

export const GetAddrInfoExOverlappedResult = (kernel: Kernel, overlapped: number): number =>
  overlapped === 0 ? kernel.fail(sdk.WSAEINVAL) : kernel.memory.u32(overlapped)

export const GetAddrInfoExCancel = (kernel: Kernel, handleAt: number): number => {
  const one = kernel.names.pending.get(kernel.memory.pointer(handleAt))
  // it has ended, or there never was one
  if (one === undefined) return kernel.fail(sdk.WSA_INVALID_HANDLE)
  const { nameCancellation } = kernel.settings
  const ignored = nameCancellation === "seeded" ? kernel.random.flip() : nameCancellation === "ignored"
  if (!ignored) finish(kernel, one, sdk.WSA_E_CANCELLED, undefined)
  return 0
}

export const FreeAddrInfoExW = (kernel: Kernel, address: number): number => {
  if (address === 0) return 0
  const block = kernel.names.lists.get(address)
  if (block === undefined) {
    kernel.guard.violation("BadFree", `FreeAddrInfoExW of 0x${address.toString(16)}, which is no list`)
    return 0
  }
  kernel.names.lists.delete(address)
  kernel.memory.free(block)
  return 0
}

/** How long GetNameInfoW tries, in milliseconds: it cannot be cancelled, so it has a bound of its own. */
const patience = 12_000

interface NameQuestion {
  readonly endpoint: Addresses.Endpoint
  readonly known: ReturnType<Kernel["settings"]["names"]["byAddress"]>
}

// whose name is asked for; undefined when the call failed
const question = (kernel: Kernel, address: number, length: number): NameQuestion | undefined => {
  if (address === 0 || length < 2) {
    kernel.fail(sdk.WSAEFAULT)
    return undefined
  }
  const family = kernel.memory.u16(address)
  if (family !== AF_INET && family !== AF_INET6) {
    kernel.fail(sdk.WSAEAFNOSUPPORT)
    return undefined
  }
  const endpoint = Addresses.read(kernel, family === AF_INET6, address, length)
  if (endpoint === undefined) return undefined
  return { endpoint, known: kernel.settings.names.byAddress(endpoint.ip, machinesOf(kernel)) }
}

// of hosts in this machine's domain only the first label
const shorten = (kernel: Kernel, name: string): string => {
  const own = kernel.machine.name
  const dot = own.indexOf(".")
  return dot !== -1 && name.endsWith(own.slice(dot)) ? name.slice(0, name.indexOf(".")) : name
}

const numericHost = ({ ip, scope }: Addresses.Endpoint): string => {
  const text = NetAddress.formatIp(toNetAddress(ip))
  return scope === 0 ? text : `${text}%${scope}`
}

export const GetNameInfoW = (
  kernel: Kernel,
  address: number,
  length: number,
  hostAt: number,
  hostSize: number,
  serviceAt: number,
  serviceSize: number,
  flags: number
): number => {
  if (kernel.started === 0) return kernel.fail(sdk.WSANOTINITIALISED)
  const asked = question(kernel, address, length)
  if (asked === undefined) return 0
  const { endpoint, known } = asked
  if (hostAt === 0 && serviceAt === 0) return kernel.fail(sdk.WSAHOST_NOT_FOUND)
  if ((hostAt !== 0 && hostSize === 0) || (serviceAt !== 0 && serviceSize === 0)) return kernel.fail(sdk.WSAEINVAL)
  let host = ""
  if (hostAt !== 0) {
    const numeric = (flags & NameFlags.NI_NUMERICHOST) !== 0
    const latency = numeric ? 0 : (known?.latency ?? kernel.settings.names.latency)
    if (latency > 0 && !kernel.names.elsewhere) return kernel.wouldWait(sdk.WSATRY_AGAIN)
    const required = (flags & NameFlags.NI_NAMEREQD) !== 0
    if (!numeric && latency > patience) return kernel.fail(sdk.WSATRY_AGAIN)
    if (!numeric && known !== undefined && known.code !== 0) return kernel.fail(known.code)
    if (required && (numeric || known === undefined)) return kernel.fail(sdk.WSAHOST_NOT_FOUND)
    host = numeric || known === undefined ? numericHost(endpoint) : known.canonicalName
    if ((flags & NameFlags.NI_NOFQDN) !== 0) host = shorten(kernel, host)
  }
  const type = (flags & NameFlags.NI_DGRAM) === 0 ? SOCK_STREAM : SOCK_DGRAM
  const service = (flags & NameFlags.NI_NUMERICSERV) === 0 ? serviceOf(endpoint.port, type) : String(endpoint.port)
  if ((hostAt !== 0 && host.length >= hostSize) || (serviceAt !== 0 && service.length >= serviceSize)) {
    return kernel.fail(sdk.ERROR_INSUFFICIENT_BUFFER)
  }
  if (hostAt !== 0) writeText(kernel, hostAt, host)
  if (serviceAt !== 0) writeText(kernel, serviceAt, service)
  return 0
}

/** A call on a thread of its own: how long it takes, and what memory it has until then. */
export const elsewhere = (kernel: Kernel, name: string, args: ReadonlyArray<number>) => {
  if (name !== "GetNameInfoW") return undefined
  const [address, length, host, hostSize, service, serviceSize, flags] = args
  let latency = 0
  try {
    const asked = question(kernel, address, length)
    const asks = asked !== undefined && host !== 0 && (flags & NameFlags.NI_NUMERICHOST) === 0
    if (asks) latency = asked.known?.latency ?? kernel.settings.names.latency
  } catch (error) {
    // the call itself will say so
    if (!(error instanceof AccessViolation)) throw error
  }
  const owners: ReadonlyArray<Owner> = [
    { what: "address of GetNameInfoW", address, size: length },
    { what: "host of GetNameInfoW", address: host, size: 2 * hostSize },
    { what: "service of GetNameInfoW", address: service, size: 2 * serviceSize }
  ]
  for (const owner of owners) {
    kernel.guard.begun(owner)
    kernel.guard.owners.add(owner)
  }
  return {
    latency: Math.min(latency, patience),
    run: (call: () => void): void => {
      for (const owner of owners) kernel.guard.owners.delete(owner)
      kernel.names.elsewhere = true
      try {
        call()
      } finally {
        kernel.names.elsewhere = false
      }
    }
  }
}

// --- what programs read the provider's memory with ---

export const RtlMoveMemory = (kernel: Kernel, to: number, from: number, length: number): number => {
  if (length === 0) return 0
  const bytes = kernel.memory.copy(from, length)
  const block = kernel.memory.find(to, length)
  block.bytes.set(bytes, kernel.memory.at)
  return 0
}

export const lstrcpynW = (kernel: Kernel, to: number, from: number, most: number): number => {
  let length = 0
  while (length < most - 1) {
    const unit = kernel.memory.u16(from + 2 * length)
    if (unit === 0) break
    const view = kernel.memory.locate(to + 2 * length, 2)
    view.setUint16(kernel.memory.at, unit, true)
    length++
  }
  if (most > 0) {
    const view = kernel.memory.locate(to + 2 * length, 2)
    view.setUint16(kernel.memory.at, 0, true)
  }
  return to
}
