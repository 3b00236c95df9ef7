/** What control messages cost: three of them, as a busy dual-purpose server has them on each datagram. */
import type { ControlMessage } from "@effect-winsock/schema/ControlMessage"
import * as Control from "@effect-winsock/schema/ControlMessage"
import * as NetAddress from "effect/net/NetAddress"
import type { Case } from "./measure.ts"

const messages: ReadonlyArray<ControlMessage> = [
  { _tag: "IP_PKTINFO", address: NetAddress.ipv4Loopback, ifIndex: 1 },
  { _tag: "IP_TTL", value: 64 },
  { _tag: "IP_ECN", value: 2 }
]

const operations = 512
const length = Control.encodedLength("x64", messages)
const view = new DataView(new ArrayBuffer(length))
Control.encode("x64", messages, view, 0)

const of = (name: string, title: string, one: () => unknown): Case => ({
  name,
  title,
  operations,
  // no calls and no Effect: like the other floors, a figure to hold others against
  parts: {
    floor: {
      run: () => {
        for (let i = 0; i < operations; i++) one()
      }
    }
  },
  close: () => {}
})

export const cases = (): Array<Case> => [
  of("control-parse", "three control messages, read into a record", () => Control.parseControl("x64", view, 0, length)),
  of("control-encode", "three control messages, written", () => Control.encode("x64", messages, view, 0))
]
