/**
 * The story: a server with one socket answers each datagram from the address that it came to; then a receive times out,
 * and the datagram that comes too late for it is the next one's.
 */
import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { Capabilities } from "@effect-winsock/core/UdpCapabilities"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import { bad, below, good, heading, line, paint, quiet, say, type Speaker } from "./screen.ts"
import type { Question, Stage } from "./stage.ts"
import * as Watch from "./watch.ts"

const encode = (text: string) => new TextEncoder().encode(text)
const decode = (message: Datagram) => new TextDecoder().decode(message.payload)

// a dual-stack socket shows an IPv4 peer as a v4-mapped IPv6 address
const inet = (address: NetAddress.InetAddress): string => NetAddress.formatInet(NetAddress.toCanonical(address))
const ip = NetAddress.formatIp

const ecnNames = ["Not-ECT", "ECT(1)", "ECT(0)", "CE"]

const controlOf = ({ control }: Datagram) => (isControlIssue(control) ? {} : control)

const from = (message: Datagram): string => (message.from === undefined ? "nobody" : inet(message.from))

const saying = (options: UdpSocket.SendOptions = {}): string =>
  [
    ...(options.hopLimit === undefined ? [] : [`TTL ${options.hopLimit}`]),
    ...(options.ecn === undefined ? [] : [`ECN ${ecnNames[options.ecn]}`])
  ].join(", ")

// --- the server ---

const told = (message: Datagram, stage: Stage): string => {
  const { ecn, hopLimit, packetInfo } = controlOf(message)
  const to =
    packetInfo === undefined
      ? "to an address that it was not told"
      : `to ${ip(packetInfo.address)}, interface ${packetInfo.ifIndex} (${stage.interfaceName(packetInfo.ifIndex)})`
  return `${to}, TTL ${hopLimit ?? "unknown"}, ECN ${ecn === undefined ? "unknown" : ecnNames[ecn]}`
}

const patience = "later, please"

const serve = (socket: UdpSocket.UdpSocket, stage: Stage, late: Deferred.Deferred<void>) =>
  Effect.forever(
    Effect.gen(function* () {
      const message = yield* socket.receive
      yield* line("server", `← "${decode(message)}" from ${paint("bold", from(message))}`)
      yield* below(`  ${told(message, stage)}`)
      if (decode(message) !== patience) return yield* socket.reply(message, encode("here I am"))
      yield* Deferred.await(late)
      yield* line("server", "→ answers at last")
      yield* socket.reply(message, encode("sorry, I am late"))
    })
  )

// --- the client ---

// whether the provider would ignore some of what is said of a send
const ignored = (can: Capabilities["send"], options: UdpSocket.SendOptions = {}): boolean =>
  (["hopLimit", "trafficClass", "ecn"] as const).some((name) => options[name] !== undefined && !can[name])

const ask = (question: Question, port: number) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(NetAddress.inetAddressUnsafe(question.from, 0), { sendControl: "preferred" })
    const extra = saying(question.options)
    const { send } = yield* socket.capabilities
    const vain = ignored(send, question.options) ? ", in vain" : ""
    yield* line(
      "client",
      `→ asks ${paint("bold", ip(question.to))}${extra === "" ? "" : quiet(` with ${extra}${vain}`)}`
    )
    const to = NetAddress.inetAddressUnsafe(question.to, port)
    yield* socket.send(encode("who is there?"), to, question.options)
    const answer = yield* socket.receive
    const asked = answer.from !== undefined && Equal.equals(answer.from, to)
    const verdict = asked ? good("the address that was asked") : bad(`not ${inet(to)}, which was asked`)
    yield* line("client", `← "${decode(answer)}" from ${paint("bold", from(answer))} ${verdict}`)
  }).pipe(Effect.scoped)

const timeOut = (question: Question, port: number, watch: Watch.Watch, late: Deferred.Deferred<void>) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(NetAddress.inetAddressUnsafe(question.from, 0))
    yield* line("client", `→ asks ${paint("bold", ip(question.to))}, and will not wait for long`)
    yield* socket.send(encode(patience), NetAddress.inetAddressUnsafe(question.to, port))
    watch.clear()
    const nothing = yield* Effect.timeoutOption(socket.receive, "50 millis")
    yield* line("client", `Effect.timeoutOption(socket.receive, "50 millis")  ${paint("yellow", `→ ${nothing._tag}`)}`)
    for (const { answer, note, what } of watch.receives()) {
      const colour = answer === "ok" ? "green" : answer === "WSA_IO_PENDING" ? "yellow" : "red"
      yield* below(`  ${what.padEnd(15)} ${paint(colour, answer)}${note === undefined ? "" : quiet(`  ${note}`)}`)
    }
    yield* Deferred.succeed(late, undefined)
    const message = yield* socket.receive
    yield* line("client", `← "${decode(message)}" ${good("the next receive has it: nothing was lost")}`)
  }).pipe(Effect.scoped)

// --- what the provider can do ---

const lacks = ({ ecnFromTrafficClass, receive, send }: Capabilities, v4: Capabilities): ReadonlyArray<string> => {
  const said = (["hopLimit", "trafficClass", "ecn"] as const).filter((name) => !send[name])
  const heard = (["packetInfo", "hopLimit", "ecn"] as const).filter((name) => !receive[name])
  const unheard = ecnFromTrafficClass ? heard.filter((name) => name !== "ecn") : heard
  const instead = send.sourceByBinding
    ? "a reply leaves through a socket bound to it"
    : "the system chooses where a reply comes from"
  return [
    ...(send.source ? [] : [`a send cannot choose its source address: ${instead}`]),
    ...(v4.send.source || v4.send.sourceByBinding ? [] : ["on a socket for IPv4 alone not even that would help"]),
    ...(said.length === 0 ? [] : [`what a send says of ${said.join(", ")} is accepted and ignored`]),
    ...(ecnFromTrafficClass ? ["ECN is not told on receive: it is read from the traffic class"] : []),
    ...(unheard.length === 0 ? [] : [`${unheard.join(", ")} is not told on receive`])
  ]
}

const report = (socket: UdpSocket.UdpSocket) =>
  Effect.gen(function* () {
    const ipv4 = UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
    const v4 = yield* Effect.scoped(Effect.flatMap(ipv4, (probe) => probe.capabilities))
    const missing = lacks(yield* socket.capabilities, v4)
    if (missing.length === 0) return yield* below(good("this provider can do all that is shown here"))
    yield* below(paint("yellow", "socket.capabilities tells what this provider cannot do:"))
    for (const what of missing) yield* below(bad(what))
  })

// --- all of it ---

const counters = (name: Speaker, statistics: Winsock.Statistics) => {
  const { blocks, handles, operations, pending, slots, waiters } = statistics
  const held = handles.sockets + handles.ports + slots.used + pending + waiters + blocks.count
  const mark = held === 0 ? good : bad
  return line(
    name,
    mark(
      `sockets ${handles.sockets}, ports ${handles.ports}, slots ${slots.used}, pending ${pending}, waiters ${waiters}, ` +
        `memory ${blocks.bytes} bytes`
    ) + quiet(`  (receives cancelled: ${operations.receive.aborted})`)
  )
}

const acts = (stage: Stage, watch: Watch.Watch, server: Winsock.Winsock["Service"]) =>
  Effect.gen(function* () {
    const on = Effect.provideService(Winsock.Winsock, server)
    const any = NetAddress.inetAddressFromIpStringUnsafe("::", stage.port)
    yield* heading("One socket on all addresses, both IPv4 and IPv6")
    const options: UdpSocket.Options = { ipv6Only: false, control: ["packetInfo", "hopLimit", "ecn"] }
    const socket = yield* on(UdpSocket.bind(any, options))
    yield* line("server", `listens on ${inet(socket.address)} and wants packetInfo, hopLimit and ecn`)
    yield* on(report(socket))
    const late = yield* Deferred.make<void>()
    yield* Effect.forkScoped(serve(socket, stage, late))

    yield* heading("Each answer comes from the very address that was asked")
    for (const question of stage.questions) yield* ask(question, socket.address.port)

    yield* heading("A receive times out, and its datagram comes later")
    yield* timeOut(stage.questions[0], socket.address.port, watch, late)
  })

export const tell = (stage: Stage) =>
  Effect.gen(function* () {
    yield* heading(stage.title)
    for (const name of ["server", "client"] as const) yield* line(name, stage.hosts[name].addresses)

    const watch = Watch.make()
    const statistics = yield* Effect.scoped(
      Effect.gen(function* () {
        const server = yield* Winsock.make(stage.hosts.server.seam)
        const client = yield* Winsock.make(watch.decorate(stage.hosts.client.seam))
        yield* Effect.scoped(acts(stage, watch, server)).pipe(Effect.provideService(Winsock.Winsock, client))
        return { server: server.statistics, client: client.statistics }
      })
    )

    yield* heading("Both layers are released, and hold nothing")
    yield* counters("server", yield* statistics.server)
    yield* counters("client", yield* statistics.client)
    yield* say("")
  })
