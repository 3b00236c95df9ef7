/**
 * What client and server say to each other: a number, big endian, and text.
 */
export interface Message {
  readonly id: number
  readonly text: string
}

export const encode = ({ id, text }: Message): Uint8Array => {
  const said = new TextEncoder().encode(text)
  const bytes = new Uint8Array(4 + said.length)
  new DataView(bytes.buffer).setUint32(0, id)
  bytes.set(said, 4)
  return bytes
}

/** Undefined for what is no message. */
export const decode = (bytes: Uint8Array): Message | undefined =>
  bytes.length < 4
    ? undefined
    : {
        id: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
        text: new TextDecoder().decode(bytes.subarray(4))
      }
