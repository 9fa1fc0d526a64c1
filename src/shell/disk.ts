/** The Disk port on a real file system. */
import { access, constants, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Disk, File } from '../kernel/ports.ts'
import { lockDirectory } from './lock.ts'

/** What a ledger or a keystore holds is nobody else's business on the machine. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** Both as `a+`; but that would make what is not there. */
const EXISTING = constants.O_RDWR | constants.O_APPEND
/** No link that somebody has put there is followed. */
const NEW = EXISTING | constants.O_CREAT | constants.O_NOFOLLOW

/** The real file system. Files are made readable for their owner only. */
export const createDisk = (): Disk => ({
  async open(path, { create, append = create }) {
    const flags = create ? NEW : append ? EXISTING : constants.O_RDONLY
    return openFile(await open(path, flags, FILE_MODE), path)
  },
  exists: path =>
    access(path).then(
      () => true,
      (error: unknown) => missing(error, false),
    ),
  rename,
  remove: path => rm(path),
  list: async directory => (await readdir(directory).catch((error: unknown) => missing(error, []))).sort(),
  makeDirectory,
  syncDirectory,
  lock: lockDirectory,
  identity,
  size: async path => (await stat(path)).size,
})

async function identity(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch((error: unknown) => missing(error, null))
  return found === null ? null : `${found.dev}:${found.ino}`
}

function missing<T>(error: unknown, answer: T): T {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return answer
  throw error
}

/** What fails names its file: an error of a handle, such as that of a full disk, does not. */
function openFile(handle: FileHandle, path: string): File {
  let last: Promise<unknown> = Promise.resolve()
  const inOrder = <T>(job: () => Promise<T>): Promise<T> => {
    const done = last.then(job).catch((error: unknown) => named(error, path))
    last = done.catch(() => undefined)
    return done
  }
  return {
    append: bytes => inOrder(() => writeAll(handle, bytes)),
    read: (offset, length) => readAll(handle, offset, length).catch((error: unknown) => named(error, path)),
    size: async () => (await handle.stat()).size,
    truncate: length => inOrder(() => handle.truncate(length)),
    sync: () => inOrder(() => handle.datasync()),
    close: () => inOrder(() => handle.close()),
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at, bytes.length - at, null)).bytesWritten
}

async function readAll(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await handle.read(bytes, at, length - at, offset + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}

/** A new directory's name must be durable before anything in it is, so the folders above are synced too. */
async function makeDirectory(directory: string): Promise<void> {
  const topmost = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
  if (topmost === undefined) return
  for (let at = resolve(directory); at.length >= resolve(topmost).length; at = dirname(at))
    await syncDirectory(dirname(at))
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function named(error: unknown, path: string): never {
  if (error instanceof Error) error.message = `${path}: ${error.message}`
  throw error
}
