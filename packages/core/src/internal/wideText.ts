/** Text as the wide functions take and give it: UTF-16 that ends with a zero. */

/** How many bytes a text takes, with its zero. */
export const wideSize = (text: string): number => 2 * text.length + 2

/** Writes a text and its zero. */
export const writeWide = (view: DataView, at: number, text: string): void => {
  for (let i = 0; i < text.length; i++) view.setUint16(at + 2 * i, text.charCodeAt(i), true)
  view.setUint16(at + 2 * text.length, 0, true)
}

/** Reads a text up to its zero, or `most` characters. */
export const readWide = (view: DataView, at: number, most: number): string => {
  let text = ""
  for (let i = 0; i < most; i++) {
    const unit = view.getUint16(at + 2 * i, true)
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  return text
}
