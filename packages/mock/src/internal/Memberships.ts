/**
 * The multicast groups of one socket, and the code of every sequence of options. Source: the page "Multicast Socket
 * Option Behavior".
 */
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Ip } from "./Ip.ts"

/** A socket's membership in a group on one interface. */
class Membership {
  readonly group: Ip
  readonly index: number
  /** The sources that it was joined for, or undefined for all. Empty once all of them were left. */
  readonly included: Array<Ip> | undefined
  /** The sources that are blocked; undefined until one was. */
  blocked: Array<Ip> | undefined = undefined
  constructor(group: Ip, index: number, included: Array<Ip> | undefined) {
    this.group = group
    this.index = index
    this.included = included
  }
  get isEmpty(): boolean {
    return this.included !== undefined && this.included.length === 0
  }
  takes(source: Ip): boolean {
    return this.included === undefined ? !has(this.blocked, source) : has(this.included, source)
  }
}

const has = (list: ReadonlyArray<Ip> | undefined, ip: Ip): boolean => list?.some((other) => other.equals(ip)) ?? false

const without = (list: Array<Ip>, ip: Ip): void => {
  list.splice(
    list.findIndex((other) => other.equals(ip)),
    1
  )
}

/** The groups of one socket. Its calls return the code that they fail with, 0 for none. */
export class Memberships {
  private list: Array<Membership> = []

  private find(group: Ip, index: number): Membership | undefined {
    return this.list.find((own) => own.index === index && own.group.equals(group))
  }

  takes(group: Ip, index: number, source: Ip): boolean {
    return this.find(group, index)?.takes(source) ?? false
  }

  private replace(old: Membership | undefined, own?: Membership): void {
    this.list = [...this.list.filter((other) => other !== old), ...(own === undefined ? [] : [own])]
  }

  join(group: Ip, index: number, source: Ip | undefined): number {
    const own = this.find(group, index)
    if (own === undefined || own.isEmpty) {
      this.replace(own, new Membership(group, index, source === undefined ? undefined : [source]))
      return 0
    }
    if (own.included === undefined) {
      const blocked = source === undefined ? (own.blocked?.length ?? 0) > 0 : has(own.blocked, source)
      return blocked ? sdk.WSAEINVAL : sdk.WSAEADDRNOTAVAIL
    }
    if (source === undefined || has(own.included, source)) return sdk.WSAEADDRNOTAVAIL
    own.included.push(source)
    return 0
  }

  leave(group: Ip, index: number, source: Ip | undefined): number {
    const own = this.find(group, index)
    if (own === undefined) return sdk.WSAEINVAL
    if (source === undefined) {
      if (own.isEmpty) return sdk.WSAEINVAL
      this.replace(own)
      return 0
    }
    if (own.included === undefined) return sdk.WSAEINVAL
    if (!has(own.included, source)) return sdk.WSAEADDRNOTAVAIL
    without(own.included, source)
    return 0
  }

  block(group: Ip, index: number, source: Ip): number {
    const own = this.find(group, index)
    if (own === undefined || own.included !== undefined) return sdk.WSAEINVAL
    if (has(own.blocked, source)) return sdk.WSAEADDRNOTAVAIL
    own.blocked = [...(own.blocked ?? []), source]
    return 0
  }

  unblock(group: Ip, index: number, source: Ip): number {
    const own = this.find(group, index)
    if (own === undefined || own.included !== undefined || own.blocked === undefined) return sdk.WSAEINVAL
    if (!has(own.blocked, source)) return sdk.WSAEADDRNOTAVAIL
    without(own.blocked, source)
    return 0
  }
}
