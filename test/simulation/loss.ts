/**
 * The watcher's disk is gone for good, with the ledger on it; a new one begins, or an older copy is put back. What was
 * signed comes back from the signer and what was paid from the chain; references and requests come back from the backend,
 * as its integrators are told to do.
 */
import type { Books } from './books.ts'
import type { SimulatedDisk } from './disk.ts'
import { fillWatcher } from './fixtures.ts'
import type { System } from './system.ts'

export type Copy = ReadonlyMap<string, Uint8Array>

/** What stands on the watcher's disk at this instant, while it writes. */
export function copyDisk({ world, watcher }: Pick<System, 'world' | 'watcher'>): Copy {
  world.trace('the ledger is copied')
  const disk = watcher.disk()
  return new Map(disk.paths().map(path => [path, disk.peek(path)!]))
}

function forget(books: Books): void {
  books.losses++
  books.isRestored = false
  books.ledgerId = null
  books.events = []
  books.told.clear()
  books.credited.clear()
  books.acknowledged.clear()
}

/** `copy`: null for none, then the new disk is empty. */
export function loseLedger({ world, watcher }: System, books: Books, copy: Copy | null): void {
  world.trace(copy === null ? 'the ledger is lost' : 'the ledger is lost, and its copy put back')
  watcher.replaceDisk((disk: SimulatedDisk) => {
    fillWatcher(disk)
    for (const [path, bytes] of copy ?? []) disk.poke(path, bytes)
  })
  forget(books)
}
