/** What is told of the life of sockets, while somebody listens: when they open and close, and what is lost on the way. */
import type { Endpoint } from "./engine.ts"

export interface Told {
  readonly level: "Debug" | "Warn"
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

type Annotations = Told["annotations"]

/** Must not run anybody's code: it is told of things in the midst of them. */
export type Listener = (told: Told) => void

export class Life {
  readonly listeners = new Set<Listener>()
  private readonly open = new WeakMap<Endpoint, Annotations>()

  private tell(level: Told["level"], message: string, annotations: Annotations): void {
    for (const listener of this.listeners) listener({ level, message, annotations })
  }

  opened(endpoint: Endpoint & { readonly number: number }, message: string, attributes: Annotations): void {
    const annotations = { "winsock.socket": endpoint.number, ...attributes }
    this.open.set(endpoint, annotations)
    this.tell("Debug", message, annotations)
  }

  closed(endpoint: Endpoint): void {
    const annotations = this.open.get(endpoint)
    if (annotations === undefined) return
    this.open.delete(endpoint)
    this.tell("Debug", "socket closed", annotations)
  }

  reset(endpoint: Endpoint): void {
    const annotations = this.open.get(endpoint)
    if (annotations !== undefined) this.tell("Debug", "connection reset", annotations)
  }

  /** Something came that nobody had taken when its socket was closed. */
  dropped(endpoint: Endpoint, message: string, count: number): void {
    this.tell("Warn", message, { ...this.open.get(endpoint), "winsock.dropped": count })
  }

  /** An interruption came too late: what completed all the same is kept. */
  recovered(socket: number, call: string): void {
    this.tell("Debug", "an operation completed although it was being cancelled", {
      "winsock.socket": socket,
      "winsock.call": call
    })
  }

  leaked(socket: number, call: string): void {
    this.tell("Warn", "an operation never completed; its memory is left to the kernel", {
      "winsock.socket": socket,
      "winsock.call": call
    })
  }
}
