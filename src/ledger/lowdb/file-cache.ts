/** Files that are read again and again stay open, a bounded number of them: opening one costs more than reading from it. */
import type { Disk, File } from '../../kernel/ports.ts'

/** Open at a time, besides those that are being read. */
const OPEN_MAXIMUM = 256

/** Files by their path, opened for reading. */
export interface FileCache {
  /** Opens the file where it is not open yet; rejects as the port does. The file stays open until `read` has resolved. */
  use<T>(path: string, read: (file: File) => Promise<T>): Promise<T>
  /** Forgets what was open under this name: another file stands there now, or none. */
  drop(path: string): Promise<void>
  close(): Promise<void>
}

interface Opened {
  file: Promise<File>
  users: number
  isDropped: boolean
}

const closeOf = ({ file }: Opened): Promise<void> =>
  file.then(
    opened => opened.close(),
    () => undefined,
  )

/** On this disk; nothing is open yet. */
export function fileCache(disk: Disk): FileCache {
  /** The one that was used last stands last. */
  const files = new Map<string, Opened>()
  const take = (path: string): Opened => {
    const opened = files.get(path) ?? { file: disk.open(path, { create: false }), users: 0, isDropped: false }
    files.delete(path)
    files.set(path, opened)
    opened.users++
    return opened
  }
  const drop = async (path: string): Promise<void> => {
    const opened = files.get(path)
    if (opened === undefined) return
    files.delete(path)
    opened.isDropped = true
    if (opened.users === 0) await closeOf(opened)
  }
  const evict = async (): Promise<void> => {
    if (files.size <= OPEN_MAXIMUM) return
    for (const [path, { users }] of files) if (users === 0) return drop(path)
  }
  return {
    drop,
    async use(path, read) {
      const opened = take(path)
      try {
        return await read(await opened.file)
      } catch (error) {
        // What could not be opened, or read, is opened anew the next time.
        if (files.get(path) === opened) files.delete(path)
        opened.isDropped = true
        throw error
      } finally {
        opened.users--
        if (opened.isDropped && opened.users === 0) await closeOf(opened)
        await evict()
      }
    },
    async close() {
      for (const path of [...files.keys()]) await drop(path)
    },
  }
}
