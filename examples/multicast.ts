/**
 * Who is there? Three machines answer a question that is sent to a multicast group; nobody needs an address beforehand.
 * Runs on a simulated network of machines, and with EFFECT_WINSOCK_LAYER=native on the loopback interface of the real
 * one, where three sockets stand in for the machines.
 */
import { UdpSocket } from "@effect-winsock/core"
import { MockNetwork } from "@effect-winsock/mock"
import { NativeWinsock } from "@effect-winsock/native"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import process from "node:process"

const names = ["ada", "grace", "hedy"] as const

/** Of those that are for use within an organisation (RFC 2365). */
const group = NetAddress.ipFromStringUnsafe("239.255.42.99")
const any = (port: number) => NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", port)
const text = (message: { readonly payload: Uint8Array }) => new TextDecoder().decode(message.payload)
const bytes = (words: string) => new TextEncoder().encode(words)

/** Answers whoever asks, for as long as the scope lasts. Gives the port: the first one finds a free one. */
const answer = Effect.fnUntraced(function* (name: string, port: number, options: UdpSocket.GroupOptions) {
  const socket = yield* UdpSocket.bind(any(port), { reuseAddress: true })
  yield* socket.joinGroup(group, options)
  const loop = Effect.flatMap(socket.receive, (question) => socket.reply(question, bytes(`${text(question)} ${name}`)))
  yield* Effect.forkScoped(Effect.forever(loop), { startImmediately: true })
  return socket.address.port
})

/** Asks the group, and takes answers until nobody has answered for a while. */
const ask = Effect.fnUntraced(function* (port: number, options: UdpSocket.Options, count: number) {
  // one hop: the question stays on the link
  const socket = yield* UdpSocket.bind(any(0), { ...options, multicastHops: 1 })
  yield* socket.send(bytes("I am"), NetAddress.inetAddressUnsafe(group, port))
  const found: Array<string> = []
  while (found.length < count) {
    const message = yield* Effect.timeoutOption(socket.receive, "2 seconds")
    if (message._tag === "None") break
    found.push(text(message.value))
  }
  return found.toSorted()
})

const machine = (n: number) => ({ interfaces: [{ index: 4, name: "Ethernet", addresses: [`10.0.0.${n}/24`] }] })

const simulated = Effect.gen(function* () {
  const { hosts } = yield* MockNetwork.make({
    hosts: { asker: machine(1), ada: machine(2), grace: machine(3), hedy: machine(4) }
  })
  const layers = {
    asker: yield* Layer.build(MockNetwork.layer(hosts.asker)),
    ada: yield* Layer.build(MockNetwork.layer(hosts.ada)),
    grace: yield* Layer.build(MockNetwork.layer(hosts.grace)),
    hedy: yield* Layer.build(MockNetwork.layer(hosts.hedy))
  }
  const port = 4299
  for (const name of names) yield* Effect.provide(answer(name, port, {}), layers[name])
  return yield* Effect.provide(ask(port, {}, names.length), layers.asker)
})

const real = Effect.gen(function* () {
  const here = NetAddress.ipv4Loopback
  let port = 0
  for (const name of names) port = yield* answer(name, port, { interface: here })
  return yield* ask(port, { multicastInterface: here }, names.length)
})

const native = process.env.EFFECT_WINSOCK_LAYER === "native"
const program = native ? Effect.provide(real, NativeWinsock.layer) : simulated

for (const line of await Effect.runPromise(Effect.scoped(Effect.orDie(program)))) console.log(line)
