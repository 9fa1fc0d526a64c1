/** Small files of a person's own: configuration, tokens, keys. The ledger's files go through disk.ts. */
import { statSync } from 'node:fs'
import { lstat, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { text as readStream } from 'node:stream/consumers'
import { boundary } from '../kernel/fault.ts'
import { readLines } from '../lines.ts'
import { createDisk } from './disk.ts'

const MAXIMUM_BYTES = 1024 * 1024
const SECRET_FILE = 0o600
const SECRET_DIRECTORY = 0o700

/** @throws boundary `missing-file`, `too-large` */
export async function readText(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  if (found === null || !found.isFile()) throw boundary('missing-file', `there is no file ${path}`)
  if (found.size > MAXIMUM_BYTES) throw boundary('too-large', `${path} has more than ${MAXIMUM_BYTES} bytes`)
  return readFile(path, 'utf8')
}

/** Of a file of any size, without their newlines. Throws boundary `missing-file`. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  if (!isFile(path)) throw boundary('missing-file', `there is no file ${path}`)
  const file = await createDisk().open(path, { create: false })
  try {
    for await (const lines of readLines(file, 0, await file.size())) yield* lines.map(({ bytes }) => bytes.toString())
  } finally {
    await file.close()
  }
}

/** The bits of everybody else: of owner and group nothing is said, because a group may be the service's own. */
const OTHERS = 0o007

/** @throws boundary `configuration` for a secret that everybody on the machine may read or write; what is missing is another's to say */
export async function refuseOpenSecret(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found === null || (found.mode & OTHERS) === 0) return
  throw boundary('configuration', `${path} is open to every user of this machine: chmod 600 ${path}`)
}

/** A file, or standard input for `-`. */
export const readTextOrInput = (path: string): Promise<string> =>
  path === '-' ? readStream(process.stdin) : readText(path)

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/** Whether anything stands at this path, a dangling link too. */
export async function isTaken(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null
}

/** A new file that only its owner may read; durable when it resolves. Never overwrites. */
export async function writeSecret(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', SECRET_FILE)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

export async function makeSecretDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: SECRET_DIRECTORY })
}

/** A file that everybody may read and that may be there already: what we generate. */
export async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
