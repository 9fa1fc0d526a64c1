/**
 * A disk in memory that behaves as badly as a real one may, the same way each time for one seed. What was not synced is lost
 * at a crash, or torn, or there; names that were made, moved or removed without `syncDirectory` are there or not, each for
 * itself (a directory is durable once `makeDirectory` has resolved, as on the real disk). What a failed sync was to write is
 * dropped: it can be read until the crash, later syncs claim to have written it, and then it is zeros or gone.
 */
import { dirname } from 'node:path'
import { operating } from '../../src/kernel/fault.ts'
import type { Disk, File } from '../../src/kernel/ports.ts'
import { randomFrom } from './random.ts'

export type DiskCall =
  | 'open'
  | 'exists'
  | 'write'
  | 'read'
  | 'size'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'rename'
  | 'remove'
  | 'list'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'lock'

export interface DiskOptions {
  seed: number
  /** Awaited by every call before it has its effect: a simulator decides when. */
  settle?: (call: DiskCall, path: string) => Promise<void>
  /** Fails the n-th call (from 1) of this name, once. A failing write may have written a part. */
  fail?: { call: DiskCall; nth: number }
}

export interface SimulatedDisk extends Disk {
  /** How often each call was made. */
  calls: Record<DiskCall, number>
  /** Power goes: the old disk's calls never settle again; the new one has what survived. */
  crash(options?: Partial<DiskOptions>): SimulatedDisk
  /** The process dies, the machine goes on: nothing is lost, and locks are free. */
  kill(options?: Partial<DiskOptions>): SimulatedDisk
  /** For tests that look at or damage a file behind everyone's back. The change is durable. */
  peek(path: string): Buffer | null
  poke(path: string, bytes: Uint8Array | null): void
  paths(): string[]
}

type Change = { append: Buffer } | { truncate: number }

interface Inode {
  durable: Buffer
  /** Since the last sync, in order. */
  changes: Change[]
  current: Buffer
  /** Bytes that a failed sync was to write: the kernel says that they are clean. */
  dropped: { start: number; end: number }[]
}

type Node = Inode | 'directory'
type Names = Map<string, Node>
/** One atomic change of names: a rename removes one and sets another. */
type NameChange = { directory: string; set: [string, Node][]; remove: string[] }

interface State {
  names: Names
  durable: Names
  pending: NameChange[]
}

export function simulatedDisk(options: DiskOptions): SimulatedDisk {
  const root: Names = new Map([['/', 'directory' as const]])
  return diskOf({ names: root, durable: new Map(root), pending: [] }, options)
}

function diskOf(state: State, options: DiskOptions): SimulatedDisk {
  const random = randomFrom(options.seed)
  const locks = new Set<string>()
  const calls = newCalls()
  let dead = false

  const run = async <T>(call: DiskCall, path: string, effect: () => T, partial?: () => void): Promise<T> => {
    calls[call]++
    const isFailing = options.fail?.call === call && options.fail.nth === calls[call]
    await (options.settle ?? (() => Promise.resolve()))(call, path)
    if (dead) return new Promise<never>(() => undefined)
    if (!isFailing) return effect()
    partial?.()
    throw Object.assign(new Error(`EIO: i/o error, ${call} '${path}'`), { code: 'EIO' })
  }
  const change = (made: NameChange) => {
    for (const name of made.remove) state.names.delete(name)
    for (const [name, node] of made.set) state.names.set(name, node)
    state.pending.push(made)
  }
  const fileAt = (path: string): Inode => {
    const node = state.names.get(path)
    if (!node || node === 'directory')
      throw Object.assign(new Error(`ENOENT: no such file, '${path}'`), { code: 'ENOENT' })
    return node
  }
  const makeFile = (path: string): Inode => {
    if (state.names.get(dirname(path)) !== 'directory')
      throw Object.assign(new Error(`ENOENT: '${path}'`), { code: 'ENOENT' })
    const made: Inode = { durable: Buffer.alloc(0), changes: [], current: Buffer.alloc(0), dropped: [] }
    change({ directory: dirname(path), set: [[path, made]], remove: [] })
    return made
  }

  return {
    calls,
    open: (path, { create, append = create }) =>
      run('open', path, () => {
        const file = handleOf(create && !state.names.has(path) ? makeFile(path) : fileAt(path), path, run, random)
        return append ? file : readOnly(file, path)
      }),
    exists: path => run('exists', path, () => state.names.has(path)),
    rename: (from, to) =>
      run('rename', from, () => {
        // Between two directories it is one change all the same, durable with the one it went to.
        change({ directory: dirname(to), set: [[to, fileAt(from)]], remove: [from] })
      }),
    remove: path =>
      run('remove', path, () => {
        fileAt(path)
        change({ directory: dirname(path), set: [], remove: [path] })
      }),
    list: directory =>
      run('list', directory, () =>
        [...state.names.keys()]
          .filter(name => name !== '/' && dirname(name) === directory)
          .map(name => name.slice(directory === '/' ? 1 : directory.length + 1))
          .sort(),
      ),
    makeDirectory: directory =>
      run('makeDirectory', directory, () => {
        const missing: string[] = []
        for (let at = directory; !state.names.has(at); at = dirname(at)) missing.unshift(at)
        for (const name of missing) for (const names of [state.names, state.durable]) names.set(name, 'directory')
      }),
    syncDirectory: directory =>
      run('syncDirectory', directory, () => {
        state.pending = state.pending.filter(made => {
          if (made.directory === directory) applyNames(state.durable, made)
          return made.directory !== directory
        })
      }),
    lock: path =>
      run('lock', path, () => {
        if (locks.has(path)) throw operating('locked', `${dirname(path)} is in use by another process`)
        locks.add(path)
        return async () => void locks.delete(path)
      }),
    size: path => run('size', path, () => fileAt(path).current.length),
    identity: async path => {
      const node = state.names.get(path)
      return node === undefined ? null : identityOf(path, node)
    },
    crash(next = {}) {
      dead = true
      return diskOf(surviving(state, random), { seed: Math.floor(random() * 2 ** 32), ...next })
    },
    kill(next = {}) {
      dead = true
      return diskOf(state, { seed: Math.floor(random() * 2 ** 32), ...next })
    },
    peek(path) {
      const node = state.names.get(path)
      return node && node !== 'directory' ? Buffer.from(node.current) : null
    },
    poke(path, bytes) {
      const made: Inode | null = bytes && {
        durable: Buffer.from(bytes),
        changes: [],
        current: Buffer.from(bytes),
        dropped: [],
      }
      for (const names of [state.names, state.durable]) {
        for (let at = dirname(path); made && !names.has(at); at = dirname(at)) names.set(at, 'directory')
        if (made) names.set(path, made)
        else names.delete(path)
      }
    },
    paths: () =>
      [...state.names]
        .filter(([, node]) => node !== 'directory')
        .map(([name]) => name)
        .sort(),
  }
}

type Run = <T>(call: DiskCall, path: string, effect: () => T, partial?: () => void) => Promise<T>

function handleOf(inode: Inode, path: string, run: Run, random: () => number): File {
  const make = (change: Change) => {
    inode.changes.push(change)
    if ('truncate' in change)
      inode.dropped = inode.dropped
        .filter(({ start }) => start < change.truncate)
        .map(({ start, end }) => ({ start, end: Math.min(end, change.truncate) }))
    inode.current = applied(inode.current, change)
  }
  return {
    append(bytes) {
      const append = Buffer.from(bytes)
      const part = () => make({ append: append.subarray(0, Math.floor(random() * (append.length + 1))) })
      return run('write', path, () => make({ append }), part)
    },
    read: (offset, length) => run('read', path, () => new Uint8Array(inode.current.subarray(offset, offset + length))),
    size: () => run('size', path, () => inode.current.length),
    truncate: length => run('truncate', path, () => make({ truncate: length })),
    sync: () =>
      run(
        'sync',
        path,
        () => syncFile(inode),
        () => dropUnsynced(inode),
      ),
    close: () => run('close', path, () => undefined),
  }
}

/** As the real one: EBADF. */
function readOnly(file: File, path: string): File {
  const refuse = () => Promise.reject(Object.assign(new Error(`EBADF: ${path} is open for reading`), { code: 'EBADF' }))
  return { ...file, append: refuse, truncate: refuse, sync: refuse }
}

const identities = new WeakMap<Inode, string>()
let files = 0

function identityOf(path: string, node: Node): string {
  if (node === 'directory') return path
  const known = identities.get(node) ?? String(++files)
  identities.set(node, known)
  return known
}

function syncFile(inode: Inode): void {
  const bytes = Buffer.from(inode.current)
  for (const { start, end } of inode.dropped) bytes.fill(0, start, end)
  inode.durable = bytes
  inode.changes = []
}

function dropUnsynced(inode: Inode): void {
  const kept = inode.changes.reduce(
    (length, change) => ('append' in change ? length : Math.min(length, change.truncate)),
    inode.durable.length,
  )
  inode.dropped.push({ start: kept, end: inode.current.length })
}

const applied = (bytes: Buffer, change: Change): Buffer =>
  'append' in change ? Buffer.concat([bytes, change.append]) : Buffer.from(bytes.subarray(0, change.truncate))

function applyNames(names: Names, { set, remove }: NameChange): void {
  for (const name of remove) names.delete(name)
  for (const [name, node] of set) names.set(name, node)
}

function surviving(state: State, random: () => number): State {
  const names: Names = new Map(state.durable)
  for (const made of state.pending) if (random() < 0.5) applyNames(names, made)
  const copies = new Map<Inode, Inode>()
  for (const [name, node] of names) {
    if (node === 'directory') continue
    const copy = copies.get(node) ?? survivingFile(node, random)
    copies.set(node, copy)
    names.set(name, copy)
  }
  for (const name of names.keys()) if (isOrphan(names, name)) names.delete(name)
  return { names, durable: new Map(names), pending: [] }
}

/** A file whose directory did not survive. */
function isOrphan(names: Names, name: string): boolean {
  for (let at = name; at !== '/'; at = dirname(at)) if (names.get(dirname(at)) !== 'directory') return true
  return false
}

/** Some of the unsynced changes, in order; the last of them perhaps in part, and what is last perhaps garbled. */
function survivingFile({ durable, changes, dropped }: Inode, random: () => number): Inode {
  if (dropped.length > 0) changes = []
  const kept = changes.slice(0, Math.floor(random() * (changes.length + 1)))
  let bytes = kept.reduce(applied, durable)
  const torn = changes[kept.length]
  if (torn && 'append' in torn && torn.append.length > 0) {
    const part = Buffer.from(torn.append.subarray(0, Math.floor(random() * (torn.append.length + 1))))
    if (random() < 0.5) part.fill(random() < 0.5 ? 0 : 0xa5, Math.floor(random() * part.length))
    bytes = Buffer.concat([bytes, part])
  }
  return { durable: bytes, changes: [], current: bytes, dropped: [] }
}

const newCalls = (): Record<DiskCall, number> => ({
  open: 0,
  exists: 0,
  write: 0,
  read: 0,
  size: 0,
  truncate: 0,
  sync: 0,
  close: 0,
  rename: 0,
  remove: 0,
  list: 0,
  makeDirectory: 0,
  syncDirectory: 0,
  lock: 0,
})
