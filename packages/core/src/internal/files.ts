/** How files are opened to be sent. */
import type { Block, Calls } from "../Seam.ts"

// winnt.h, fileapi.h
const GENERIC_READ = 0x8000_0000
const FILE_SHARE_READ = 1
const FILE_SHARE_WRITE = 2
const FILE_SHARE_DELETE = 4
const OPEN_EXISTING = 3
const FILE_FLAG_OVERLAPPED = 0x4000_0000
const FILE_FLAG_SEQUENTIAL_SCAN = 0x0800_0000

export const isPath = (path: unknown): path is string =>
  typeof path === "string" && path.length > 0 && !path.includes("\0")

/** Writes a path, for which there must be room, with a zero behind it. */
export const writePath = ({ view }: Block, path: string): void => {
  for (let i = 0; i < path.length; i++) view.setUint16(2 * i, path.charCodeAt(i), true)
  view.setUint16(2 * path.length, 0, true)
}

/** What CreateFileW takes to open the file whose path is in a block. */
export const createFileArguments = (path: Block): Parameters<Calls["CreateFileW"]> => [
  path.address,
  GENERIC_READ,
  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
  0,
  OPEN_EXISTING,
  FILE_FLAG_OVERLAPPED | FILE_FLAG_SEQUENTIAL_SCAN,
  0
]
