/**
 * C structures as data: a table of fields becomes offsets for both Windows ABIs and a typed view over bytes.
 *
 * @since 0.1.0
 */

/**
 * The two memory layouts of Windows: `"x64"` is also arm64's (LLP64, the same alignment rules), `"ia32"` is 32-bit x86.
 *
 * @category models
 * @since 0.1.0
 */
export type Abi = "x64" | "ia32"

/**
 * Lists every `Abi`.
 *
 * @category constants
 * @since 0.1.0
 */
export const abis: ReadonlyArray<Abi> = ["x64", "ia32"]

/**
 * Returns the size of a pointer, a `SOCKET` and a `SIZE_T`, in bytes.
 *
 * @category getters
 * @since 0.1.0
 */
export const pointerSize = (abi: Abi): 8 | 4 => (abi === "x64" ? 8 : 4)

/**
 * A field of one number. `pointer` and `size` (`SIZE_T`, `ULONG_PTR`) are as wide as the ABI's pointers; `u16be` and
 * `u32be` are in network byte order.
 *
 * @category models
 * @since 0.1.0
 */
export type Scalar = "u8" | "u16" | "u16be" | "i16" | "u32" | "u32be" | "i32" | "pointer" | "size"

/**
 * A field of `length` raw bytes at a multiple of `alignment`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bytes {
  readonly _tag: "Bytes"
  readonly length: number
  readonly alignment: number
}

/**
 * Creates a field of `length` raw bytes; `alignment` is that of the C type they stand for (8 for a 64-bit integer).
 *
 * @category constructors
 * @since 0.1.0
 */
export const bytes = (length: number, alignment = 1): Bytes => ({ _tag: "Bytes", length, alignment })

/**
 * What a field can be: a number, raw bytes, or another structure.
 *
 * @category models
 * @since 0.1.0
 */
export type Field = Scalar | Bytes | Layout<any>

/**
 * The fields of a structure, in memory order unless it says otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = { readonly [name: string]: Field }

/**
 * Byte offsets from the start of the outermost structure; a nested structure gives a nested record.
 *
 * @category models
 * @since 0.1.0
 */
export type Offsets<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Layout<infer G> ? Offsets<G> : number
}

/**
 * A typed window on the bytes of one structure: reading a field reads memory, assigning writes it. Pointers and
 * `SIZE_T`s are JavaScript numbers (user addresses are below 2^47).
 *
 * @category models
 * @since 0.1.0
 */
export type View<F extends Fields> = {
  -readonly [K in keyof F]: F[K] extends Layout<infer G> ? View<G> : F[K] extends Bytes ? Uint8Array : number
}

/**
 * Where an address lies: `offset` bytes into `view`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Location {
  readonly view: DataView
  readonly offset: number
}

/**
 * Memory that can be looked into by address. `resolve` throws what the owner of the memory throws for a range that
 * is not wholly inside one live block.
 *
 * @category models
 * @since 0.1.0
 */
export interface Memory {
  readonly abi: Abi
  readonly resolve: (address: number, size: number) => Location
}

/**
 * A structure: its size, alignment and offsets in both ABIs, and views over its bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layout<F extends Fields> {
  readonly _tag: "Layout"
  readonly name: string
  readonly fields: F
  /** Size in bytes, with the trailing padding that an array of it needs. */
  readonly size: { readonly [A in Abi]: number }
  /** Alignment in bytes. */
  readonly alignment: { readonly [A in Abi]: number }
  /** Frozen offsets of every field. */
  readonly offsets: { readonly [A in Abi]: Offsets<F> }
  /** Returns a view of the structure at `address`; throws what `memory.resolve` throws. */
  readonly at: (memory: Memory, address: number) => View<F>
  /** Returns a view of the structure `offset` bytes into `view`. */
  readonly view: (abi: Abi, view: DataView, offset: number) => View<F>
}

const scalarSize = (abi: Abi, scalar: Scalar): number => {
  switch (scalar) {
    case "u8":
      return 1
    case "u16":
    case "u16be":
    case "i16":
      return 2
    case "u32":
    case "u32be":
    case "i32":
      return 4
    case "pointer":
    case "size":
      return pointerSize(abi)
  }
}

const sizeOf = (abi: Abi, field: Field): number =>
  typeof field === "string" ? scalarSize(abi, field) : field._tag === "Bytes" ? field.length : field.size[abi]

const alignmentOf = (abi: Abi, field: Field): number =>
  typeof field === "string" ? scalarSize(abi, field) : field._tag === "Bytes" ? field.alignment : field.alignment[abi]

const alignUp = (n: number, alignment: number): number => Math.ceil(n / alignment) * alignment

interface Placed {
  readonly size: number
  readonly alignment: number
  readonly offsets: Record<string, number>
}

const place = (abi: Abi, fields: Fields, pack: number, order: ReadonlyArray<string>): Placed => {
  const offsets: Record<string, number> = {}
  let end = 0
  let alignment = 1
  for (const name of order) {
    const own = Math.min(alignmentOf(abi, fields[name]), pack)
    offsets[name] = alignUp(end, own)
    end = offsets[name] + sizeOf(abi, fields[name])
    alignment = Math.max(alignment, own)
  }
  return { size: alignUp(end, alignment), alignment, offsets }
}

const overlay = (abi: Abi, fields: Fields): Placed => {
  const offsets: Record<string, number> = {}
  let size = 0
  let alignment = 1
  for (const [name, field] of Object.entries(fields)) {
    offsets[name] = 0
    size = Math.max(size, sizeOf(abi, field))
    alignment = Math.max(alignment, alignmentOf(abi, field))
  }
  return { size: alignUp(size, alignment), alignment, offsets }
}

// nested offsets are absolute, so that a reader adds one number to the structure's address
const absolute = (abi: Abi, fields: Fields, placed: Record<string, number>, base: number): Offsets<any> => {
  const out: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const at = base + placed[name]
    out[name] =
      typeof field === "object" && field._tag === "Layout" ? absolute(abi, field.fields, relative(abi, field), at) : at
  }
  return Object.freeze(out) as Offsets<any>
}

const relativeOffsets = new WeakMap<object, { readonly [A in Abi]: Record<string, number> }>()
const relative = (abi: Abi, layout: Layout<any>): Record<string, number> => relativeOffsets.get(layout)![abi]

type Getter = (view: DataView, at: number) => number
type Setter = (view: DataView, at: number, value: number) => void

const readPointer64: Getter = (view, at) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
const writePointer64: Setter = (view, at, value) => {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true)
}
const readU32: Getter = (view, at) => view.getUint32(at, true)
const writeU32: Setter = (view, at, value) => view.setUint32(at, value, true)

const accessors: Record<Exclude<Scalar, "pointer" | "size">, readonly [Getter, Setter]> = {
  u8: [(view, at) => view.getUint8(at), (view, at, value) => view.setUint8(at, value)],
  u16: [(view, at) => view.getUint16(at, true), (view, at, value) => view.setUint16(at, value, true)],
  u16be: [(view, at) => view.getUint16(at, false), (view, at, value) => view.setUint16(at, value, false)],
  i16: [(view, at) => view.getInt16(at, true), (view, at, value) => view.setInt16(at, value, true)],
  u32: [readU32, writeU32],
  u32be: [(view, at) => view.getUint32(at, false), (view, at, value) => view.setUint32(at, value, false)],
  i32: [(view, at) => view.getInt32(at, true), (view, at, value) => view.setInt32(at, value, true)]
}

const accessor = (abi: Abi, scalar: Scalar): readonly [Getter, Setter] =>
  scalar === "pointer" || scalar === "size"
    ? abi === "x64"
      ? [readPointer64, writePointer64]
      : [readU32, writeU32]
    : accessors[scalar]

interface RawView {
  readonly dataView: DataView
  readonly base: number
}

type ViewClass = new (view: DataView, offset: number) => object

const viewClass = (abi: Abi, fields: Fields, offsets: Record<string, number>): ViewClass => {
  class StructView implements RawView {
    readonly dataView: DataView
    readonly base: number
    constructor(view: DataView, offset: number) {
      this.dataView = view
      this.base = offset
    }
  }
  for (const [name, field] of Object.entries(fields)) {
    const at = offsets[name]
    if (typeof field === "string") {
      const [get, set] = accessor(abi, field)
      Object.defineProperty(StructView.prototype, name, {
        get(this: RawView) {
          return get(this.dataView, this.base + at)
        },
        set(this: RawView, value: number) {
          set(this.dataView, this.base + at, value)
        }
      })
    } else if (field._tag === "Bytes") {
      Object.defineProperty(StructView.prototype, name, {
        get(this: RawView) {
          return new Uint8Array(this.dataView.buffer, this.dataView.byteOffset + this.base + at, field.length)
        },
        set(this: RawView, value: Uint8Array) {
          new Uint8Array(this.dataView.buffer, this.dataView.byteOffset + this.base + at, field.length).set(value)
        }
      })
    } else {
      Object.defineProperty(StructView.prototype, name, {
        get(this: RawView) {
          return field.view(abi, this.dataView, this.base + at)
        }
      })
    }
  }
  return StructView
}

/**
 * Creates a structure from its fields, laid out as a Windows compiler does: each field at a multiple of its
 * alignment, but of no more than `pack` bytes (`#pragma pack`). `order` lists the fields in memory order for an ABI
 * that orders them differently.
 *
 * **Example** (Reading a WSABUF)
 *
 * ```ts
 * import { struct } from "@effect-winsock/schema/Layout"
 *
 * const WSABUF = struct("WSABUF", { len: "u32", buf: "pointer" })
 *
 * console.log(WSABUF.size.x64, WSABUF.offsets.x64.buf, WSABUF.size.ia32) // 16 8 8
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const struct = <const F extends Fields>(
  name: string,
  fields: F,
  pack = 8,
  order: { readonly [A in Abi]?: ReadonlyArray<keyof F & string> } = {}
): Layout<F> => {
  const names = Object.keys(fields)
  return layout(name, fields, {
    x64: place("x64", fields, pack, order.x64 ?? names),
    ia32: place("ia32", fields, pack, order.ia32 ?? names)
  })
}

/**
 * Creates a union: every field starts at its first byte.
 *
 * @category constructors
 * @since 0.1.0
 */
export const union = <const F extends Fields>(name: string, fields: F): Layout<F> =>
  layout(name, fields, { x64: overlay("x64", fields), ia32: overlay("ia32", fields) })

const layout = <const F extends Fields>(
  name: string,
  fields: F,
  placed: { readonly [A in Abi]: Placed }
): Layout<F> => {
  const classes = {
    x64: viewClass("x64", fields, placed.x64.offsets),
    ia32: viewClass("ia32", fields, placed.ia32.offsets)
  }
  const view = (abi: Abi, dataView: DataView, offset: number) => new classes[abi](dataView, offset) as View<F>
  const self: Layout<F> = {
    _tag: "Layout",
    name,
    fields,
    size: { x64: placed.x64.size, ia32: placed.ia32.size },
    alignment: { x64: placed.x64.alignment, ia32: placed.ia32.alignment },
    offsets: {
      x64: absolute("x64", fields, placed.x64.offsets, 0),
      ia32: absolute("ia32", fields, placed.ia32.offsets, 0)
    },
    at: (memory, address) => {
      const { offset, view: dataView } = memory.resolve(address, placed[memory.abi].size)
      return view(memory.abi, dataView, offset)
    },
    view
  }
  relativeOffsets.set(self, { x64: placed.x64.offsets, ia32: placed.ia32.offsets })
  return self
}

/**
 * Reads a pointer, `SOCKET` or `SIZE_T` of `abi` as a number.
 *
 * @category getters
 * @since 0.1.0
 */
export const readPointer = (abi: Abi, view: DataView, at: number): number =>
  abi === "x64" ? readPointer64(view, at) : readU32(view, at)

/**
 * Writes a pointer, `SOCKET` or `SIZE_T` of `abi` (as two 32-bit halves: a quarter of the cost of a BigInt).
 *
 * @category combinators
 * @since 0.1.0
 */
export const writePointer = (abi: Abi, view: DataView, at: number, value: number): void =>
  abi === "x64" ? writePointer64(view, at, value) : writeU32(view, at, value)
