/**
 * Reads a zone from a master file (RFC 1035, section 5): `$ORIGIN`, `$TTL`, parentheses, comments, quoted strings with
 * `\X` and `\DDD`, TTLs in seconds or with units, and the types of the table below. What is not known, wildcards and
 * `$INCLUDE` among it, is a fault with its line: a record that a parser passes over in silence is a name that is gone.
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { MxAnswer, SoaAnswer, StringAnswer, TxtAnswer } from "dns-packet"

export type ZoneRecord = StringAnswer | MxAnswer | SoaAnswer | TxtAnswer

/** Names are in lower case and without the last dot. */
export interface Zone {
  readonly origin: string
  readonly soa: SoaAnswer
  /** The records of each name; a name that only has others below it has none. */
  readonly names: ReadonlyMap<string, ReadonlyArray<ZoneRecord>>
}

export class ZoneError extends Data.TaggedError("ZoneError")<{ readonly line: number; readonly problem: string }> {
  override get message(): string {
    return `line ${this.line}: ${this.problem}`
  }
}

// --- characters into entries ---

interface Token {
  readonly text: string
  readonly quoted: boolean
}

interface Entry {
  readonly line: number
  /** It begins with a blank: it belongs to the owner of the entry before. */
  readonly sameOwner: boolean
  readonly tokens: ReadonlyArray<Token>
}

// a quoted string up to its end; anything else up to a blank, or what has a meaning of its own
const token = /"((?:[^"\\\n]|\\.)*)"|((?:[^\s"();\\]|\\.)+)/y

const entriesOf = (text: string): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  let tokens: Array<Token> = []
  let start = 1
  let sameOwner = false
  let depth = 0
  let line = 1
  const end = () => {
    if (tokens.length > 0) entries.push({ line: start, sameOwner, tokens })
    tokens = []
  }
  for (let i = 0; i < text.length;) {
    const char = text[i]
    if (char === "\n") {
      if (depth === 0) end()
      line++
      i++
    } else if (char === ";") {
      while (i < text.length && text[i] !== "\n") i++
    } else if (char === "(" || char === ")") {
      depth += char === "(" ? 1 : -1
      if (depth < 0) throw new ZoneError({ line, problem: "a parenthesis is closed that was not opened" })
      i++
    } else if (/\s/.test(char)) {
      i++
    } else {
      token.lastIndex = i
      const match = token.exec(text)
      if (match === null) throw new ZoneError({ line, problem: "a string is not closed, or a lone backslash" })
      if (tokens.length === 0) {
        start = line
        sameOwner = i > 0 && text[i - 1] !== "\n"
      }
      tokens.push({ text: match[1] ?? match[2], quoted: match[1] !== undefined })
      i = token.lastIndex
    }
  }
  if (depth !== 0) throw new ZoneError({ line: start, problem: "a parenthesis is not closed" })
  end()
  return entries
}

// --- fields ---

/** The fields of a record's data, taken one by one. */
class Fields {
  readonly line: number
  readonly origin: string | undefined
  private readonly tokens: ReadonlyArray<Token>
  private at = 0

  constructor(line: number, tokens: ReadonlyArray<Token>, origin: string | undefined) {
    this.line = line
    this.tokens = tokens
    this.origin = origin
  }

  fault(problem: string): ZoneError {
    return new ZoneError({ line: this.line, problem })
  }

  get more(): boolean {
    return this.at < this.tokens.length
  }

  peek(): string | undefined {
    const next = this.tokens[this.at]
    return next?.quoted === false ? next.text : undefined
  }

  take(what: string): string {
    if (!this.more) throw this.fault(`${what} is missing`)
    return this.tokens[this.at++].text
  }

  name(what: string): string {
    const text = this.take(what).toLowerCase()
    if (text.endsWith(".")) return this.checked(text.slice(0, -1), what)
    if (this.origin === undefined) throw this.fault(`${what} ${text} is relative, and there is no $ORIGIN`)
    return this.checked(text === "@" ? this.origin : `${text}.${this.origin}`, what)
  }

  private checked(name: string, what: string): string {
    const fine = name.length <= 253 && name.split(".").every((label) => /^[a-z0-9_-]{1,63}$/.test(label))
    if (!fine) throw this.fault(`${what} ${name} is no name that is known here`)
    return name
  }

  number(what: string, most: number): number {
    const text = this.take(what)
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value <= most)) throw this.fault(`${what} is ${text}, not a number up to ${most}`)
    return value
  }

  duration(what: string): number {
    const text = this.take(what)
    const value = secondsOf(text)
    if (value === undefined) throw this.fault(`${what} is ${text}, not a time`)
    return value
  }

  address(family: NetAddress.IpFamily): string {
    const text = this.take("the address")
    const parsed = NetAddress.ipFromString(text)
    if (Result.isSuccess(parsed) && NetAddress.familyOf(parsed.success) === family) return text
    throw this.fault(`${text} is no ${family} address`)
  }

  string(): Buffer {
    const pieces: Array<Buffer> = []
    for (const [, code, escaped, plain] of this.take("the string").matchAll(/\\(\d{3})|\\(.)|([^\\]+)/g)) {
      if (Number(code) > 255) throw this.fault(`\\${code} is no byte`)
      pieces.push(code === undefined ? Buffer.from(escaped ?? plain) : Buffer.of(Number(code)))
    }
    const bytes = Buffer.concat(pieces)
    if (bytes.length > 255) throw this.fault("a string is longer than 255 bytes")
    return bytes
  }
}

const units: { readonly [unit: string]: number } = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

const secondsOf = (text: string): number | undefined => {
  if (!/^(\d+[smhdw]?)+$/i.test(text)) return undefined
  let sum = 0
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw]?)/gi)) sum += Number(count) * units[unit.toLowerCase()]
  return sum < 2 ** 31 ? sum : undefined
}

// --- records ---

const u32 = 0xffff_ffff

/** The types that are known, and how their data is read. */
const types = {
  A: (f) => ({ type: "A", data: f.address("IPv4") }),
  AAAA: (f) => ({ type: "AAAA", data: f.address("IPv6") }),
  NS: (f) => ({ type: "NS", data: f.name("the server") }),
  CNAME: (f) => ({ type: "CNAME", data: f.name("the canonical name") }),
  MX: (f) => ({
    type: "MX",
    data: { preference: f.number("the preference", 0xffff), exchange: f.name("the exchange") }
  }),
  TXT: (f) => {
    const data = [f.string()]
    while (f.more) data.push(f.string())
    return { type: "TXT", data }
  },
  SOA: (f) => ({
    type: "SOA",
    data: {
      mname: f.name("the primary server"),
      rname: f.name("the mailbox"),
      serial: f.number("the serial number", u32),
      refresh: f.duration("refresh"),
      retry: f.duration("retry"),
      expire: f.duration("expire"),
      minimum: f.duration("minimum")
    }
  })
} as const satisfies { readonly [type: string]: (fields: Fields) => DistributiveOmit<ZoneRecord, "name"> }

type DistributiveOmit<A, K extends PropertyKey> = A extends unknown ? Omit<A, K> : never

const isType = (text: string): text is keyof typeof types => Object.hasOwn(types, text)

const read = (text: string): Zone => {
  let origin: string | undefined
  let ttl: number | undefined
  let owner: string | undefined
  const records: Array<ZoneRecord & { readonly line: number }> = []
  for (const { line, sameOwner, tokens } of entriesOf(text)) {
    const fields = new Fields(line, tokens, origin)
    const first = fields.peek()
    if (first?.startsWith("$")) {
      fields.take("the directive")
      if (first.toUpperCase() === "$ORIGIN") origin = fields.name("the origin")
      else if (first.toUpperCase() === "$TTL") ttl = fields.duration("$TTL")
      else throw fields.fault(`${first} is not known here`)
    } else {
      if (!sameOwner) owner = fields.name("the owner")
      if (owner === undefined) throw fields.fault("the first record has no owner")
      // a TTL and a class may stand before the type, in either order
      let own: number | undefined
      for (let next = fields.peek(); next !== undefined; next = fields.peek()) {
        if (next.toUpperCase() === "IN") fields.take("the class")
        else if (own === undefined && secondsOf(next) !== undefined) own = fields.duration("the TTL")
        else break
      }
      const type = fields.take("the type").toUpperCase()
      if (!isType(type)) throw fields.fault(`the type ${type} is not known here`)
      const given = own ?? ttl
      if (given === undefined) throw fields.fault("there is no TTL")
      records.push({ name: owner, class: "IN", ttl: given, line, ...types[type](fields) })
    }
    if (fields.more) throw fields.fault(`${fields.take("")} is one field too many`)
  }
  return assemble(records)
}

const assemble = (records: ReadonlyArray<ZoneRecord & { readonly line: number }>): Zone => {
  const soas = records.filter((record) => record.type === "SOA")
  if (soas.length !== 1) {
    throw new ZoneError({ line: soas[1]?.line ?? 1, problem: `a zone has one SOA record, not ${soas.length}` })
  }
  const [soa] = soas
  const origin = soa.name
  const names = new Map<string, Array<ZoneRecord>>()
  for (const { line, ...record } of records) {
    const { name, type } = record
    if (name !== origin && !name.endsWith(`.${origin}`)) {
      throw new ZoneError({ line, problem: `${name} is not in the zone ${origin}` })
    }
    const others = names.get(name) ?? []
    if (others.length > 0 && (type === "CNAME" || others[0].type === "CNAME")) {
      throw new ZoneError({ line, problem: `${name} has a CNAME record, and so no other` })
    }
    names.set(name, [...others, record])
    // what lies between it and the origin exists as well
    for (let above = name; above !== origin; above = above.slice(above.indexOf(".") + 1)) {
      if (!names.has(above)) names.set(above, [])
    }
  }
  return { origin, soa, names }
}

/** Reads the text of a master file. */
export const parse = (text: string): Result.Result<Zone, ZoneError> =>
  Result.try({
    try: () => read(text),
    catch: (error) => {
      if (error instanceof ZoneError) return error
      throw error
    }
  })
