/**
 * The pixels of a PNG file as browsers write them: 8 bits a channel, not interlaced.
 *
 * Source: w3.org/TR/png-3 (chunks: 5.3, filters: 9.2).
 */
import { inflateSync } from "node:zlib"

export interface Picture {
  readonly width: number
  readonly height: number
  /** How many pixels have a colour, `#rrggbb`. */
  readonly colours: ReadonlyMap<string, number>
}

/** Of what is left, above and both: the one that is nearest to left + above - both. */
const paeth = (left: number, above: number, both: number): number => {
  const [a, b, c] = [left, above, both].map((one) => Math.abs(left + above - both - one))
  return a <= b && a <= c ? left : b <= c ? above : both
}

const predictors: ReadonlyArray<(left: number, above: number, both: number) => number> = [
  () => 0,
  (left) => left,
  (_, above) => above,
  (left, above) => (left + above) >> 1,
  paeth
]

export const readPng = (file: Buffer): Picture => {
  const data: Array<Buffer> = []
  let [width, height, channels] = [0, 0, 0]
  // 8 bytes of signature, then chunks: length, name, data, checksum
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    const name = file.toString("latin1", at + 4, at + 8)
    const chunk = file.subarray(at + 8, at + 8 + file.readUInt32BE(at))
    if (name === "IDAT") data.push(chunk)
    if (name !== "IHDR") continue
    width = chunk.readUInt32BE(0)
    height = chunk.readUInt32BE(4)
    const [depth, type, , , interlaced] = chunk.subarray(8)
    channels = type === 2 ? 3 : 4
    if (depth !== 8 || interlaced !== 0 || (type !== 2 && type !== 6)) throw new Error(`depth ${depth}, type ${type}`)
  }
  const bytes = inflateSync(Buffer.concat(data))
  const colours = new Map<string, number>()
  const stride = width * channels
  let above = new Uint8Array(stride)
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1)
    const predict = predictors[bytes[start]]
    const row = bytes.subarray(start + 1, start + 1 + stride)
    for (let i = 0; i < stride; i++) {
      const [left, both] = i < channels ? [0, 0] : [row[i - channels], above[i - channels]]
      row[i] += predict(left, above[i], both)
    }
    for (let i = 0; i < stride; i += channels) {
      const colour = `#${((1 << 24) | (row[i] << 16) | (row[i + 1] << 8) | row[i + 2]).toString(16).slice(1)}`
      colours.set(colour, (colours.get(colour) ?? 0) + 1)
    }
    above = row
  }
  return { width, height, colours }
}
