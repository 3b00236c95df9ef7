// Writes a 64-bit Windows DLL without code, whose exports are all forwarded to another DLL. The offsets are those of
// the PE format: https://learn.microsoft.com/windows/win32/debug/pe-format

const sectionRva = 0x1000
const sectionFile = 0x200
const optionalHeader = 0x58
const sectionHeader = optionalHeader + 240

/** The export section: its directory, three parallel tables (addresses, names, ordinals), then the strings. */
const exportSection = (name, forwards) => {
  const entries = Object.entries(forwards).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const addresses = 40
  const names = addresses + 4 * entries.length
  const ordinals = names + 4 * entries.length
  const strings = ordinals + 2 * entries.length
  const text = [name, ...entries.flat()]
  const bytes = Buffer.alloc(strings + text.reduce((sum, s) => sum + s.length + 1, 0))
  let end = strings
  const rvaOf = (s) => {
    const rva = sectionRva + end
    end += bytes.write(s, end, "latin1") + 1
    return rva
  }
  const directory = {
    12: rvaOf(name),
    16: 1, // first ordinal
    20: entries.length,
    24: entries.length,
    28: sectionRva + addresses,
    32: sectionRva + names,
    36: sectionRva + ordinals
  }
  for (const [offset, value] of Object.entries(directory)) bytes.writeUInt32LE(value, Number(offset))
  for (const [i, [exported, target]] of entries.entries()) {
    bytes.writeUInt32LE(rvaOf(exported), names + 4 * i)
    // an address inside the export section means: a string "dll.function" to look up instead
    bytes.writeUInt32LE(rvaOf(target), addresses + 4 * i)
    bytes.writeUInt16LE(i, ordinals + 2 * i)
  }
  return bytes
}

export const forwarderDll = (name, forwards) => {
  const section = exportSection(name, forwards)
  const rawSize = Math.ceil(section.length / 0x200) * 0x200
  const image = Buffer.alloc(sectionFile + rawSize)
  const u16 = {
    0x44: 0x8664, // machine: AMD64
    0x46: 1, // sections
    0x54: 240, // size of the optional header
    0x56: 0x2022, // executable image, large address aware, DLL
    [optionalHeader]: 0x20b, // PE32+
    [optionalHeader + 40]: 6, // operating system version
    [optionalHeader + 48]: 6, // subsystem version
    [optionalHeader + 68]: 2, // subsystem: GUI
    [optionalHeader + 70]: 0x0160 // high entropy addresses, dynamic base, no execution of data
  }
  const u32 = {
    0x3c: 0x40, // where the PE header is
    [optionalHeader + 8]: rawSize, // initialised data
    [optionalHeader + 24]: 0x80000000, // image base, low half
    [optionalHeader + 28]: 1, // image base, high half
    [optionalHeader + 32]: 0x1000, // section alignment
    [optionalHeader + 36]: 0x200, // file alignment
    [optionalHeader + 56]: sectionRva + Math.ceil(section.length / 0x1000) * 0x1000, // image size
    [optionalHeader + 60]: sectionFile, // size of the headers
    [optionalHeader + 72]: 0x100000, // stack to reserve, then to commit; heap to reserve, then to commit
    [optionalHeader + 80]: 0x1000,
    [optionalHeader + 88]: 0x100000,
    [optionalHeader + 96]: 0x1000,
    [optionalHeader + 108]: 16, // data directories; the first is the export directory
    [optionalHeader + 112]: sectionRva,
    [optionalHeader + 116]: section.length,
    [sectionHeader + 8]: section.length,
    [sectionHeader + 12]: sectionRva,
    [sectionHeader + 16]: rawSize,
    [sectionHeader + 20]: sectionFile,
    [sectionHeader + 36]: 0x40000040 // initialised data, readable
  }
  image.write("MZ", 0, "latin1")
  image.write("PE", 0x40, "latin1")
  image.write(".edata", sectionHeader, "latin1")
  for (const [offset, value] of Object.entries(u16)) image.writeUInt16LE(value, Number(offset))
  for (const [offset, value] of Object.entries(u32)) image.writeUInt32LE(value, Number(offset))
  section.copy(image, sectionFile)
  return image
}
