/**
 * The Internet checksum (RFC 1071): the complement of the sum, in one's complement, of all 16-bit words in network
 * order; an odd last byte counts as the high one of its word. Over data that holds its own checksum it is 0.
 */
export const internetChecksum = (bytes: Uint8Array, initial = 0): number => {
  let sum = initial
  const even = bytes.length & ~1
  for (let i = 0; i < even; i += 2) sum += (bytes[i] << 8) | bytes[i + 1]
  if (even < bytes.length) sum += bytes[even] << 8
  // no payload of IP is long enough for the sum to leave the integers
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000)
  return ~sum & 0xffff
}

/** The sum of words, before folding and complement: for a pseudo-header in front. */
export const sumOf = (bytes: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += (bytes[i] << 8) | bytes[i + 1]
  return sum
}
