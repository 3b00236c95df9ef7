/** What an authoritative server answers: bytes of a query to bytes of a response. It knows nothing of sockets. */
import type { Answer, OptAnswer, Question, StringAnswer } from "dns-packet"
import * as DnsPacket from "dns-packet"
import type { Zone, ZoneRecord } from "./zone.ts"

const rcodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const

export type Rcode = keyof typeof rcodes

/** The largest response over UDP that is sent, whatever a client says that it can take: larger ones are fragmented. */
export const mostBytes = 1232

/** The largest that a client takes that says nothing of it (RFC 1035). */
const plainBytes = 512

export interface Response {
  readonly bytes: Uint8Array
  readonly rcode: Rcode
  readonly truncated: boolean
  readonly question: string
}

// --- reading a query ---

interface Query {
  readonly id: number
  readonly recursionDesired: boolean
  readonly question: Question
  /** The question as it came. */
  readonly questionBytes: Uint8Array
  readonly edns: OptAnswer | undefined
}

const header = 12

/** `undefined` for what is no query: it gets no answer, for its sender may not be who it says. */
const read = (packet: Buffer): Query | "NOTIMP" | undefined => {
  if (packet.length < header) return undefined
  const flags = packet.readUInt16BE(2)
  if ((flags & 0x8000) !== 0) return undefined
  if (((flags >> 11) & 0xf) !== 0) return "NOTIMP"
  // one question, no answers, and EDNS or a signature at most: looked at before the names, which may be nests of pointers
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => packet.readUInt16BE(at))
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additionals > 2) return undefined
  try {
    const decoded = DnsPacket.decode(packet)
    if (DnsPacket.decode.bytes !== packet.length) return undefined
    const [question] = decoded.questions ?? []
    // a name with dots or strange bytes in its labels is not what it looks like as text: none such is served here
    const name = DnsPacket.encode({ questions: [question] }).subarray(header, -4)
    const questionBytes = packet.subarray(header, header + name.length + 4)
    if (!name.equals(questionBytes.subarray(0, -4))) return undefined
    const opts = (decoded.additionals ?? []).filter((record) => record.type === "OPT")
    if (opts.length > 1) return undefined
    return {
      id: packet.readUInt16BE(0),
      recursionDesired: (flags & DnsPacket.RECURSION_DESIRED) !== 0,
      question,
      questionBytes,
      edns: opts[0]
    }
  } catch {
    // the decoder throws of what it cannot read
    return undefined
  }
}

// --- looking a name up ---

interface Sections {
  readonly rcode: Rcode
  readonly authoritative: boolean
  readonly answers: ReadonlyArray<ZoneRecord>
  readonly authorities: ReadonlyArray<ZoneRecord>
}

const refused: Sections = { rcode: "REFUSED", authoritative: false, answers: [], authorities: [] }

/** The zone with the longest origin that a name ends in. */
const zoneOf = (zones: ReadonlyArray<Zone>, name: string): Zone | undefined =>
  zones
    .filter(({ origin }) => name === origin || name.endsWith(`.${origin}`))
    .toSorted((a, b) => b.origin.length - a.origin.length)[0]

/** How long it may be remembered that there is nothing (RFC 2308). */
const negative = ({ soa }: Zone): ZoneRecord => ({ ...soa, ttl: Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) })

/** The servers of the zone, of somebody else's, that was cut off at or above a name. */
const delegation = (zone: Zone, name: string): ReadonlyArray<ZoneRecord> => {
  let found: ReadonlyArray<ZoneRecord> = []
  for (let at = name; at !== zone.origin; at = at.slice(at.indexOf(".") + 1)) {
    const servers = (zone.names.get(at) ?? []).filter(({ type }) => type === "NS")
    if (servers.length > 0) found = servers
  }
  return found
}

const select = (records: ReadonlyArray<ZoneRecord>, type: string): ReadonlyArray<ZoneRecord> =>
  // of a question for everything, one kind is enough (RFC 8482)
  records.filter((record) => record.type === (type === "ANY" ? records[0].type : type))

const lookUp = (zones: ReadonlyArray<Zone>, { class: class_ = "IN", name, type }: Question): Sections => {
  if (class_ !== "IN") return refused
  const answers: Array<ZoneRecord> = []
  const seen = new Set<string>()
  for (let at = name.toLowerCase(); ;) {
    const zone = zoneOf(zones, at)
    // an alias that leads out of the zones is an answer; the rest is for others to find
    const leftover: Sections = { rcode: "NOERROR", authoritative: true, answers, authorities: [] }
    if (zone === undefined) return answers.length === 0 ? refused : leftover
    if (seen.has(at)) return leftover
    seen.add(at)
    const servers = delegation(zone, at)
    if (servers.length > 0) {
      return { rcode: "NOERROR", authoritative: answers.length > 0, answers, authorities: servers }
    }
    const records = zone.names.get(at)
    if (records === undefined) return { ...leftover, rcode: "NXDOMAIN", authorities: [negative(zone)] }
    const found = select(records, type)
    if (found.length > 0) return { ...leftover, answers: [...answers, ...found] }
    const alias = records.find((record): record is StringAnswer => record.type === "CNAME")
    if (alias === undefined) return { ...leftover, authorities: [negative(zone)] }
    answers.push(alias)
    at = alias.data
  }
}

/** The addresses of the servers and exchanges that are named, as far as they are in the zones. */
const addresses = (zones: ReadonlyArray<Zone>, records: ReadonlyArray<ZoneRecord>): ReadonlyArray<ZoneRecord> =>
  records
    .flatMap((record) => (record.type === "NS" ? [record.data] : record.type === "MX" ? [record.data.exchange] : []))
    .flatMap((name) => zoneOf(zones, name)?.names.get(name) ?? [])
    .filter(({ type }) => type === "A" || type === "AAAA")

// --- writing a response ---

const ednsOf = (rcode: number): OptAnswer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize: mostBytes,
  extendedRcode: rcode >> 4,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: []
})

/** Makes the function that answers: `undefined` for what is no query. */
export const make =
  (zones: ReadonlyArray<Zone>) =>
  (payload: Uint8Array): Response | undefined => {
    const packet = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    const query = read(packet)
    if (query === undefined) return undefined
    if (query === "NOTIMP") {
      const flags = (packet.readUInt16BE(2) & 0x7900) | rcodes.NOTIMP
      const bytes = DnsPacket.encode({ type: "response", id: packet.readUInt16BE(0), flags })
      return { bytes, rcode: "NOTIMP", truncated: false, question: "an operation that is no question" }
    }
    const { edns, id, question, questionBytes, recursionDesired } = query
    const badVersion = edns !== undefined && edns.ednsVersion !== 0
    const found: Sections = badVersion ? { ...refused, rcode: "BADVERS" } : lookUp(zones, question)
    const rcode = rcodes[found.rcode]
    const opt = edns === undefined ? [] : [ednsOf(rcode)]
    const limit = Math.min(mostBytes, Math.max(plainBytes, edns?.udpPayloadSize ?? plainBytes))
    const flags =
      (found.authoritative ? DnsPacket.AUTHORITATIVE_ANSWER : 0) |
      (recursionDesired ? DnsPacket.RECURSION_DESIRED : 0) |
      (rcode & 0xf)

    const write = (more: number, sections: Partial<Sections>, additionals: ReadonlyArray<Answer>): Buffer => {
      const bytes = DnsPacket.encode({
        type: "response",
        id,
        flags: flags | more,
        questions: [question],
        answers: [...(sections.answers ?? [])],
        authorities: [...(sections.authorities ?? [])],
        additionals: [...additionals, ...opt]
      })
      // with a type or a class that has no name, it is said as it came
      bytes.set(questionBytes, header)
      return bytes
    }

    const glue = addresses(zones, [...found.answers, ...found.authorities])
    const whole = write(0, found, glue)
    const lean = whole.length <= limit ? whole : write(0, found, [])
    const truncated = lean.length > limit
    const bytes = truncated ? write(DnsPacket.TRUNCATED_RESPONSE, {}, []) : lean
    return { bytes, rcode: found.rcode, truncated, question: `${question.name} ${question.type}` }
  }
